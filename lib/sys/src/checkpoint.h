/* The stream of a checkpoint, for the files that write and read it (0015-checkpoint-stream.md). */
#ifndef SYS_SRC_CHECKPOINT_H
#define SYS_SRC_CHECKPOINT_H

#include "lib/types.h"
#include "sys/call.h"
#include "sys/checkpoint.h"
#include <space.h>
#include <state.h>

#define NO_OBJECT UINT32_MAX

/* Each begins with the number of its object, then a part's struct, in which references are numbers
 * (UINT32_MAX: none). */
enum record_type {
    RECORD_END,
    RECORD_object,    /* record_object */
    RECORD_job,       /* state_job_basic */
    RECORD_page,      /* record_page, then its bytes */
    RECORD_memory,    /* of an object with a pager: state_memory_basic */
    RECORD_thread,    /* state_thread_basic */
    RECORD_registers, /* abi_registers */
    RECORD_fpu,
    RECORD_mapping, /* of a process: mapping_info */
    RECORD_slot,    /* of a process: state_process_slot */
    RECORD_reply,   /* state_reply_basic */
    RECORD_timer,   /* state_timer_basic */
    RECORD_entry,   /* of a port: record_entry */
    RECORD_entry_bytes,
    RECORD_port, /* state_port_basic */
    RECORD_TYPES
};

struct record {
    uint32_t type, bytes; /* without this; the next begins at a multiple of 8 */
};

/* Numbers count up from 0, the job itself; the fields are those of struct checkpoint_object. */
struct record_object {
    uint64_t number, kind, owner, job, value;
};

/*
 * A page that is not zero. Present: shared copy on write with the page that its frame was first
 * seen as, or, if that is itself, followed by its bytes up to the last that is not zero.
 */
struct record_page {
    uint64_t memory;
    uint64_t index, state;
    uint64_t first_memory, first_index;
};

/* A stored message; the capabilities in it, which its last words name. */
struct record_entry {
    uint64_t port;
    struct state_port_queue state;
    struct record_cap {
        uint64_t object, rights, badge;
    } caps[MESSAGE_CAPS_MAX];
};

/* Can an object of this kind be in a stream? */
static inline bool checkpoint_exports(uint64_t kind)
{
    return kind < OBJECT_KINDS && (OBJECTS_EXPORTABLE >> kind & 1) != 0;
}

/* A record's place in the stream; NULL if there is no room. */
void *stream_write(struct checkpoint *c, enum record_type type, uint64_t bytes);

/* Begins a stream, and ends it: full. */
error_t stream_begin(struct checkpoint *c);
void stream_end(struct checkpoint *c);

/* The record at c->at, NULL at the end; the step to the next. Only of a stream that was checked. */
const struct record *stream_record(const struct checkpoint *c);
void stream_next(struct checkpoint *c);

/* checkpoint_find.c: numbers all objects; the number of one that had this identity, or NO_OBJECT;
 * reads a part's next piece into our message page; what we hold in a slot; not_found, which ends an
 * enumeration, as OK. */
error_t checkpoint_number(struct checkpoint *c);
uint32_t checkpoint_find(const struct checkpoint *c, uint64_t identity);
error_t checkpoint_info(slot_t slot, uint64_t part, uint64_t index, uint64_t *size, uint64_t *next);
error_t checkpoint_own_slot(slot_t slot, struct state_process_slot *state);
error_t checkpoint_ended(error_t error);

#endif
