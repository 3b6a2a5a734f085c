/*
 * A program of the manifest while the system runs.
 *
 *     waiting --(its turn)--> running --(end)--> resting --(back-off)--> running
 *                                 \--(restart never)--> ended
 *
 * Each start makes a job of its own, with the entry's budget, and the end kills it: nothing of the
 * one before is left when the next begins.
 */
#ifndef INIT_PROGRAM_H
#define INIT_PROGRAM_H

#include "device.h"
#include "manifest.h"
#include "rt/program.h"
#include "rt/tar.h"

enum program_state { PROGRAM_WAITING, PROGRAM_RUNNING, PROGRAM_RESTING, PROGRAM_ENDED };

struct program {
    const struct entry *entry;
    enum program_state state;
    struct rt_program made;
    slot_t job;
    struct device device;
    uint64_t started;  /* the job's clock */
    uint64_t back_off; /* nanoseconds that it rests before its next start */
    uint64_t due;      /* resting: until then */
    uint32_t starts;
};

struct system {
    slot_t archive;            /* the boot module */
    const uint8_t *archive_at; /* where init sees it */
    uint64_t archive_size;
    uint32_t cpus; /* of the machine */
    slot_t port;   /* ends of programs */
    struct manifest manifest;
    struct program programs[PROGRAMS_MOST]; /* by the entry's number */
};

/* Starts it (it is waiting or resting); its end comes to system->port with badge `which` + 1. */
error_t program_start(struct system *system, uint32_t which);

/* It has ended (message of kind exit): cleans up, and says when it is to be started again. */
void program_ended(struct system *system, uint32_t which);

#endif
