/*
 * System calls as the kernel sees them: handlers, dispatch, decoding. From abi/syscall.def.
 *
 * A handler is called with interrupts off, for the thread on this CPU. What it returns is an error
 * of its entry's list, or one of the outcomes below. Nothing may have changed if it returns an
 * error, and it writes nothing into the frame unless it says CALL_DONE; but for an answer's range,
 * of which a part may have been copied (syscall/answer.h).
 *
 *   outcome_t sys_NAME(struct thread *caller, [struct slot *ON,] arguments..., *results...)
 *       its capability is looked up already, with the entry's right; results are written into the
 *       words if it returns OK
 *   outcome_t sys_NAME(struct cpu *self, struct thread *caller)
 *       of a RAW entry: works on the frame by itself
 */
#pragma once

#include "cap/slot.h"
#include "lib/error.h"
#include "lib/types.h"
#include "obj/thread.h"
#include <syscall.h>

/* error_t, or: */
typedef int32_t outcome_t;
enum outcome {
    CALL_BLOCKED = -1, /* the thread waits, or ended; it was given on, its frame is not ours */
    CALL_AGAIN = -2,   /* a step is done: the call is issued again on the way out */
    CALL_DONE = -3,    /* the handler wrote everything, the control word too */
};

#define PROTOTYPE(way, type, name)    PROTOTYPE_##way(type, name) SYSCALL_GO_##way(PROTOTYPE_ON)
#define PROTOTYPE_ON(way, type, name) PROTOTYPE_##way(type, name) SYSCALL_GO_##way(PROTOTYPE)
#define PROTOTYPE_on(type, name)      , struct slot *name
#define PROTOTYPE_in(type, name)      , type name
#define PROTOTYPE_out(type, name)     , type *name
#define PROTOTYPE_end(type, name)
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    outcome_t sys_##name(struct thread *caller PROTOTYPE parameters(end, , ));
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors)                         \
    outcome_t sys_##name(struct cpu *self, struct thread *caller);
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL

/* From a control word's number to what unpacks and does the call. */
typedef outcome_t (*syscall_t)(struct cpu *self, struct thread *thread);
extern const syscall_t syscall_table[CONTROL_NUMBERS];

/* Asserts that the outcome is one that the call may have. */
void syscall_check(uint64_t number, outcome_t outcome);

/*
 * Does the call that the frame of `thread`, the current one, describes. Afterwards the frame holds
 * the status, unless the outcome is CALL_BLOCKED or CALL_AGAIN.
 */
static inline outcome_t syscall_dispatch(struct cpu *self, struct thread *thread)
{
    uint64_t number = control_number(frame_control(&thread->frame));
    outcome_t outcome = syscall_table[number](self, thread);
    if (CONFIG_DEBUG)
        syscall_check(number, outcome);
    if (__builtin_expect(outcome >= 0, 1))
        frame_set_control(&thread->frame, (uint64_t)outcome);
    else if (outcome == CALL_AGAIN)
        thread->resume = RESUME_CALL;
    return outcome;
}

/* The name of a call; NULL if there is none with this number. */
const char *syscall_name(uint64_t number);

/* True if the entry lists the error (ok and no_call of every call). */
bool syscall_may_return(uint64_t number, error_t error);

/* The call that a frame describes, with its arguments by name; returns the length of it all. */
size_t syscall_decode(const struct trap_frame *frame, char *text, size_t size);
