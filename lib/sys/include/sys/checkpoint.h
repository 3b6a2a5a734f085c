/*
 * Checkpoints of jobs: a frozen job as a stream of bytes, and back, by the public calls alone
 * (docs/decisions/0015-checkpoint-stream.md).
 *
 * What is charged to the job or to jobs below it is taken along: processes with threads, tables and
 * mappings, and all objects that these name. What is outside is connected again: the saver and the
 * restorer list their capabilities for it in the same order (`outside`). What is outside and in no
 * list, devices, and what else cannot be exported end the export with `unsupported`; `refused` says
 * which it was. Clock pages are taken along as what they are: of which job.
 *
 * The stream needs no pointer and no identity to be read again: it can leave the machine.
 */
#ifndef SYS_CHECKPOINT_H
#define SYS_CHECKPOINT_H

#include "lib/error.h"
#include <abi.h>

#define CHECKPOINT_OBJECTS 256 /* at most in one job, with those outside */
#define CHECKPOINT_PAGES   8192
#define CHECKPOINT_OUTSIDE 8

#define STREAM_MAGIC   UINT64_C(0x0a626f4a6e726554) /* "TernJob\n" */
#define STREAM_VERSION 2

/* What a stream begins with. Sums are FNV-1a, 64 bits. */
struct stream_header {
    uint64_t magic;
    uint32_t version, machine; /* ELF's number of the CPU */
    uint64_t bytes;            /* of the stream, this included */
    uint64_t body_sum;         /* of all that follows this */
    uint64_t head_sum;         /* of what stands above */
};

struct checkpoint_object {
    uint64_t identity;
    uint64_t kind;
    uint64_t value;  /* as object_create has it; outside: its place in `outside` */
    uint32_t owner;  /* threads: their process; memory: the thread whose message page it is, or the
                        job whose clock page; timers: port */
    uint32_t job;    /* its job; UINT32_MAX: it is outside */
    uint32_t rights; /* of `slot` */
    slot_t slot;     /* a capability of ours */
};

/* Where each frame was first seen, so that shared pages are taken along once. */
struct checkpoint_page {
    uint64_t identity;
    uint32_t memory, index;
};

struct checkpoint {
    /* The caller's. */
    uint8_t *stream;
    uint64_t size; /* bytes: saving: of room, restoring: of the stream */
    slot_t outside[CHECKPOINT_OUTSIDE];
    uint32_t outside_count;
    uint64_t seed; /* restoring: objects are made in an order that follows from it; 0: as saved */
    /* Told. */
    uint64_t used;              /* bytes written */
    uint64_t at;                /* byte of the record that an error was met at */
    struct checkpoint_refused { /* saving: unsupported for this capability */
        uint64_t kind;          /* of its object; 0: a reference of a thread or object */
        slot_t handle;          /* in the table of a process of the job */
    } refused;
    /* Work. */
    slot_t job;
    uint32_t count, pages;
    struct checkpoint_object objects[CHECKPOINT_OBJECTS];
    struct checkpoint_page page[CHECKPOINT_PAGES];
};

/* Freezes the job and writes it into the stream. The job stays frozen. Errors of the calls; full:
 * no room; unsupported. */
error_t checkpoint_save(struct checkpoint *checkpoint, slot_t job);

/* Kills the job that was saved, and gives up all capabilities that saving made. */
error_t checkpoint_destroy(struct checkpoint *checkpoint);

/*
 * Looks whether `size` bytes at `stream` are a whole stream that this CPU can restore. truncated;
 * malformed: none, or a record that is none; unsupported: another version or CPU; bad_checksum.
 */
error_t checkpoint_check(struct checkpoint *checkpoint);

/*
 * Makes the job again, below `parent`, frozen; thaw it when it is to run. Its clock goes on where
 * it was saved. What it is made of stays in `objects`, in the order of the stream, until it is
 * forgotten. Errors of checkpoint_check, before anything is made, and of the calls: denied if the
 * job has more than the caller may give; then what was made is killed.
 */
error_t checkpoint_restore(struct checkpoint *checkpoint, slot_t parent, slot_t *job);

/* Gives up the capabilities for the parts of the job. */
void checkpoint_forget(struct checkpoint *checkpoint);

#endif
