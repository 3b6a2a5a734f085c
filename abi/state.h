/* Objects' states as structs, and what their numbers mean. From state.def. */
#ifndef ABI_STATE_H
#define ABI_STATE_H

#include <abi.h>

/* Read: an object's identity; set: a capability of the caller's. */
typedef struct {
    uint64_t value;
} object_t;

/* What a thread waits for (DESIGN.md section 2), and what is not yet, or no more, waiting. */
enum wait_record {
    WAIT_NEW,     /* not started; set: back to that is not possible */
    WAIT_RUNNING, /* its registers are what it goes on with */
    WAIT_ISSUE,   /* its registers, or its fault, describe a call to be issued again */
    WAIT_REPLY,   /* its call was taken; a reply object names it */
    WAIT_FAULT,   /* the same for a foreign call, a fault or a kick */
    WAIT_OTHER,   /* it is at something that freezing takes it out of: send, receive, word, on a CPU
                   */
    WAIT_DEAD,
    WAIT_RECORDS
};

/* What a thread does first when it goes on. */
enum wait_resume { WAIT_RESUME_USER, WAIT_RESUME_CALL, WAIT_RESUME_FAULT };

enum page_state { STATE_PAGE_ZERO = 1, STATE_PAGE_ABSENT, STATE_PAGE_FILLING, STATE_PAGE_PRESENT };

#define STATE(kind, part, number, text) struct state_##kind##_##part {
#define FIELD(how, type, name, text)    type name;
#define END(kind, part)                                                                            \
    }                                                                                              \
    ;
#define LINK(kind, number, name, right, text)
#include <state.def>
#undef STATE
#undef FIELD
#undef END
#undef LINK

/* Parts: STATE_kind_part. A thread has two more. */
enum {
#define STATE(kind, part, number, text) STATE_##kind##_##part = (number),
#define FIELD(how, type, name, text)
#define END(kind, part)
#define LINK(kind, number, name, right, text)
#include <state.def>
#undef STATE
#undef LINK
#define STATE(kind, part, number, text)
/* Links: LINK_kind_name. */
#define LINK(kind, number, name, right, text) LINK_##kind##_##name = (number),
#include <state.def>
#undef STATE
#undef FIELD
#undef END
#undef LINK
    STATE_thread_registers = 1,
    STATE_thread_fpu = 2,
    STATE_port_bytes = 2,
};

/* The bit of a field in the set of those that object_set is to set. */
#define STATE_BIT(kind, part, name)                                                                \
    (UINT64_C(1) << __builtin_offsetof(struct state_##kind##_##part, name) / sizeof(uint64_t))

#endif
