/* The stream of a checkpoint, for the two files that write and read it. */
#ifndef SYS_SRC_CHECKPOINT_H
#define SYS_SRC_CHECKPOINT_H

#include "lib/types.h"
#include "sys/call.h"
#include "sys/checkpoint.h"
#include <space.h>
#include <state.h>

/* Each with the number of its object first, unless it says otherwise, then a part's struct, in
 * which references are numbers (UINT32_MAX: none). */
enum record_type {
    RECORD_END,
    RECORD_job,       /* state_job_basic alone */
    RECORD_object,    /* record_object */
    RECORD_page,      /* record_page, then the page if it is its own */
    RECORD_thread,    /* state_thread_basic */
    RECORD_registers, /* abi_registers */
    RECORD_fpu,
    RECORD_mapping, /* of a process: mapping_info */
    RECORD_slot,    /* of a process: state_process_slot */
    RECORD_reply,   /* state_reply_basic */
    RECORD_timer,   /* state_timer_basic */
    RECORD_entry,   /* of a port: state_port_queue */
    RECORD_entry_bytes,
    RECORD_port, /* state_port_basic */
};

struct record {
    uint32_t type, bytes; /* rounded up to 8 in the stream */
};

struct record_object {
    uint64_t number, kind, owner, value;
};

/* A page; if the first of its frame is another one, it is shared with that, copy on write. */
struct record_page {
    uint32_t memory, index, first_memory, first_index;
};

/* A record's place in the stream; NULL if there is no room. */
void *checkpoint_write(struct checkpoint *c, enum record_type type, uint64_t bytes);

/* The number of the object that had this identity; UINT32_MAX. */
uint32_t checkpoint_find(const struct checkpoint *c, uint64_t identity);

#endif
