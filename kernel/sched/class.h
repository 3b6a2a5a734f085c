/*
 * What the five classes do with priority, slices and budgets (sched/sched.h); for sched/ only.
 *
 *   idle, low, high   round robin among equals
 *   normal            multi-level feedback: level 0 is the thread's own priority, each level below
 *                     has one less and a longer slice. Who uses up its slice sinks, however many
 *                     waits that took; who waited several times its slice since it was put on a CPU
 *                     rises; once in an epoch all rise to level 0, so that nobody starves
 *   realtime          a budget in each period, on the CPU that it was admitted to; out of budget it
 *                     is throttled until the next period
 *
 * All that counts is in counter ticks of `time_used`, which whoever runs for the thread adds to:
 * so servers that work for it use up its slice and budget.
 */
#pragma once

#include "sched/run_queue.h"

/* The lowest priority of each class. */
enum {
#define SCHED_CLASS(number, name, low, high, text) CLASS_LOW_##name = (low),
#include <sched_class.def>
#undef SCHED_CLASS
};

/* True for a priority in the range of a class that there is. */
bool class_has_priority(uint32_t class, uint32_t priority);

/*
 * The lock of what is asked for threads, and of class, base, level, own priority and slice: their
 * owner changes them, and the CPU whose slice end they paid for (params.c).
 */
extern struct spinlock params_lock;

/* A level, and a new slice. */
void class_level_locked(struct thread *thread, uint32_t level);

/* Takes over what sched_set left, if something is there. The thread's owner; params.c. */
void class_take_params(struct thread *thread);

/* An owned thread comes back from a wait: may rise or sink, and is lent to anew. */
void class_wake(struct thread *thread);

/*
 * What runs was charged to `payer` up to `now`; true if that one's slice is used up: others go
 * before the thread. Works out anew what it is lent.
 */
bool class_ran(struct thread *thread, struct thread *payer, uint64_t now);

/* Ticks left of the slice of one that pays. */
uint64_t class_slice_left(const struct thread *thread);

/* Ticks of a realtime thread's budget in this period; UINT64_MAX: it is not realtime. */
uint64_t class_budget_left(const struct thread *thread);

/* True if a realtime thread's budget is used up at `now`. Begins the next period if it is time;
 * any CPU. */
bool class_exhausted(struct thread *thread, uint64_t now);

/* At the end of a slice: lets some of what waits on `self` rise, if a new epoch has begun. */
void class_boost(struct cpu *self, uint64_t now);

/* Ready for threads: lengths in ticks. Once, after clock_init. */
void class_init(void);
