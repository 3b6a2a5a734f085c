/*
 * The scheduler: which thread a CPU runs next.
 *
 * Each CPU has a run queue: 64 lists by effective priority, a bit map of those that are not empty,
 * and a lock (rank run_queue). The running thread is in no list. `cpu->current` is the thread
 * that runs, NULL while idle; `cpu->reschedule` asks for a decision on the way out of the kernel;
 * `cpu->ready_top` is the highest priority in its queue (0 when empty, or priority + 1), which the
 * IPC path compares with.
 *
 * Files: run_queue.c the lists; class.c feedback, slices, budgets; params.c what is asked for a
 * thread, admission; place.c affinity, idle CPUs, stealing; throttle.c shares of jobs, waiting for
 * budget; account.c who pays; idle.c; sched.c decisions.
 *
 * Time is counted per payer: a thread pays for itself, and for the server that works on its call
 * (thread.serving -> reply -> caller, upwards). sched_account charges the time since the last
 * accounting to the payer of the current thread; switching between caller and server needs none.
 *
 * The timer is armed for the end of a slice only while another thread could run instead, or a
 * budget could end.
 *
 * All functions: interrupts off.
 */
#pragma once

#include "obj/thread.h"
#include "sched/cpu.h"
#include "sched/run_queue.h"

/*
 * Gives an owned thread to a CPU: the one it ran on, or a better one. Sets status ready, looks at
 * `attention` afterwards and parks it instead if it must not run. Interrupts the CPU if it should
 * run at once. Any locks of lower rank than run_queue may be held.
 */
void sched_ready(struct thread *thread);

/*
 * The current thread is no longer to run (it waits, was parked, died): the CPU chooses anew on its
 * way out. Its state has been given on by the caller, so it may run elsewhere already.
 */
void sched_gone(struct cpu *self);

/*
 * For the fast path. The current thread gives its CPU to `to`, which is owned and of no lesser
 * priority, and is ready, before its equals; or it is gone (sched_gone), and this takes the next
 * out of the queue; or it yields to its equals (sched_may_rotate; its state was left). The caller
 * then switches to the other, and leaves by way of a decision if `urgent` is set. NULL: what is
 * next needs a decision.
 */
void sched_hand_over(struct cpu *self, struct thread *to);
struct thread *sched_next(struct cpu *self);
bool sched_may_rotate(const struct cpu *self);
struct thread *sched_rotate(struct cpu *self);

/* Takes a ready thread out of its queue, or out of being throttled: the caller owns it then. False
 * if it is in neither. */
bool sched_claim(struct thread *thread);

/* Lets others of the current thread's priority run first. */
void sched_pass(struct cpu *self);

/*
 * The way out of the kernel: chooses a thread, does what waits for it (attention, calls to issue
 * again), idles while there is none; returns it ready for user mode: cpu->current, its space and
 * arch state are live.
 */
struct thread *sched_leave(struct cpu *self);

/* Works out `effective` again from own priority and callers, or parameters changed; may ask for a
 * decision. */
void sched_lend_changed(struct cpu *self, struct thread *thread);

/* Charges time up to now. Called when the payer changes, and by info. */
void sched_account(struct cpu *self);

/* Time that the thread paid for, up to its CPU's last accounting. */
uint64_t sched_time_ns(struct thread *thread);

/* Asks a CPU (also the own one) to decide anew, interrupting it if needed. */
void sched_poke(struct cpu *cpu);

/* --- parameters (params.c) --- */

/* A zeroed thread gets its place in the middle of normal; one that dies gives its admission back.
 */
void sched_thread_init(struct thread *thread);
void sched_thread_end(struct thread *thread);

/*
 * Sets class, priority, budget, affinity of a thread in any state. bad_argument; full if no
 * allowed CPU has room for the budget.
 */
error_t sched_set(struct thread *thread, const struct sched_params *params);
void sched_get(struct thread *thread, struct sched_params *params);

/* --- start-up --- */

/* Once, on the boot CPU, after clock_init. */
error_t sched_start(void);

/* Makes the queue of a CPU that is about to be started; lets one that has come take part. */
error_t sched_cpu_make(struct cpu *cpu);
void sched_cpu_add(struct cpu *cpu);

/* --- for the files of sched/ --- */

#define LEND_DEPTH 8 /* callers of callers that are looked at */

/* Would a thread of that priority run on `cpu` instead of what runs there now? A guess. */
bool sched_outranks(uint32_t priority, const struct cpu *cpu);

/* Who pays for what `thread` does at `now`; the same for one that works for others. */
struct thread *sched_payer_above(struct thread *thread, uint64_t now);

static inline struct thread *sched_payer(struct thread *thread, uint64_t now)
{
    return LIKELY(thread->serving == NULL) ? thread : sched_payer_above(thread, now);
}

/* Works out `effective` again, no more: own priority, or the best of those that lend to it. */
void sched_lend_above(struct thread *thread);

static inline void sched_lend_again(struct thread *thread)
{
    if (thread->serving != NULL)
        sched_lend_above(thread);
    else
        thread->effective = thread->priority;
}

/* Does what there is to do when there is no thread, and halts until something happens. */
void sched_idle(struct cpu *self);
