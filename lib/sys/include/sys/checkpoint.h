/*
 * Checkpoints of jobs: a frozen job as a stream of bytes, and back, by the public calls alone.
 *
 * What is in the job's processes is taken along: threads, tables, mappings, and all objects that
 * these name. The stream is a row of records (checkpoint.c); objects are numbered in it. A thread
 * or process outside the job, paged or device memory, and what else cannot be exported end the
 * export with `unsupported`.
 *
 * The stream needs no pointer and no identity to be read again: it can leave the machine.
 */
#ifndef SYS_CHECKPOINT_H
#define SYS_CHECKPOINT_H

#include "lib/error.h"
#include <abi.h>

#define CHECKPOINT_OBJECTS 256 /* at most in one job */
#define CHECKPOINT_PAGES   8192

struct checkpoint_object {
    uint64_t identity;
    uint64_t kind;
    slot_t slot;    /* a capability of ours; 0: it is another's (page_of) */
    uint32_t owner; /* threads: number of their process; memory: of the thread whose page it is */
};

/* Where each frame was first seen, so that shared pages are taken along once. */
struct checkpoint_page {
    uint64_t identity;
    uint32_t memory, index;
};

struct checkpoint {
    uint8_t *stream;
    uint64_t size, used, at; /* bytes: room, written, read */
    slot_t job;
    uint32_t count, pages;
    struct checkpoint_object objects[CHECKPOINT_OBJECTS];
    struct checkpoint_page page[CHECKPOINT_PAGES];
};

/* Freezes the job and writes it into the stream. The job stays frozen. */
error_t checkpoint_save(struct checkpoint *checkpoint, slot_t job);

/* Kills the job that was saved, and gives up all capabilities that saving made. */
error_t checkpoint_destroy(struct checkpoint *checkpoint);

/* Makes the job again, below `parent`, frozen; thaw it when it is to run. What it is made of stays
 * in `objects`, in the order of the stream, until it is forgotten. */
error_t checkpoint_restore(struct checkpoint *checkpoint, slot_t parent, slot_t *job);

/* Gives up the capabilities for the parts of the job. */
void checkpoint_forget(struct checkpoint *checkpoint);

#endif
