/*
 * The way in and out of the kernel for threads.
 *
 * arch/ entry code saves the registers and calls one of the three functions named in arch/user.h:
 * syscall_enter, thread_trap, user_leave. Each ends in sched_leave, which chooses the thread to go
 * to, unless the fast path has chosen by itself.
 *
 * The rule of restarts: a call that waits has written nothing to its frame. When it is taken out of
 * its wait without a result (`resume` is RESUME_CALL), syscall_again makes it once more from the
 * same registers, as if the thread had just entered; a fault that nobody took (RESUME_FAULT) is
 * sent again.
 */
#pragma once

#include "arch/user.h"
#include "obj/thread.h"
#include "sched/cpu.h"

/* True if something is wanted of the CPU, or of the thread on it. */
INLINE bool user_wanted(const struct cpu *self, const struct thread *thread)
{
    return *(const volatile uint32_t *)&self->urgent != 0 ||
           atomic_load_explicit(&thread->attention, memory_order_relaxed) != 0;
}

/* Makes the current thread's call, or sends its fault, again. It may not be current afterwards. */
void syscall_again(struct cpu *self, struct thread *thread);

/* The current thread's call, the general way; the way out is to be chosen afterwards. */
void call_now(struct cpu *cpu, struct thread *thread);

/* The slow end of a fast switch from `from` to `next`, the current thread, when somebody wants
 * something of one of them. */
struct user_exit fast_attend(struct cpu *self, struct thread *from, struct thread *next,
                             const struct trap_frame *message);

/* A fast call whose server's reply object died under it: the server is told, the caller goes the
 * slow way. */
struct user_exit fast_undo_call(struct cpu *self, struct thread *caller, struct thread *server);
