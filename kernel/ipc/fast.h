/*
 * The fast path: a plain call to a receiver that waits on this CPU, and the plain answer to a
 * caller of this CPU with the receive that follows it.
 *
 * "Plain": no capabilities, no deadline, an own reply object. Everything that is not plain is left
 * to send.c and receive.c before anything was changed. The message's label and words stay in the
 * sender's frame; the way out loads them from there (struct user_exit).
 */
#pragma once

#include "arch/user.h"
#include "sched/cpu.h"

/*
 * The fault of the current thread, which has somewhere to go, to a receiver that waits on this CPU;
 * `thread` is NULL if there is none such, and nothing has changed.
 */
struct user_exit fast_fault(struct cpu *self, struct thread *caller);
