/*
 * Threads that may not run for a while though they are ready: realtime ones out of budget, and
 * those of a job that used up its CPU share; for sched/ only.
 *
 * Such a thread is in no queue. Its own deadline `refill`, armed on the CPU where it was found out,
 * brings it back; so there is no list of throttled threads to keep, and stopping one needs no more
 * than its CPU's queue lock (sched_claim).
 *
 * A job's share: of each window of 100 ms it may use `cpu_share` thousandths of a CPU, its children
 * included; what it used beyond that is charged to the next window. Each job on the way up has its
 * own. When one is used up, its threads stop at the next decision about them, which is at the end
 * of a slice at the latest: slices are cut to what the share leaves.
 */
#pragma once

#include "sched/run_queue.h"

struct job;

extern _Atomic(bool) throttle_any_share; /* some job was limited since boot */

static inline bool throttle_shares(void)
{
    return atomic_load_explicit(&throttle_any_share, memory_order_relaxed);
}

/* Limits a job to so many thousandths of a CPU; 1000 for each CPU: no limit. */
void throttle_share_set(struct job *job, uint32_t share);

/* False for what is never throttled, and has no budget: nothing else here needs to be asked. */
static inline bool throttle_possible(const struct thread *thread)
{
    return thread->sched.class == SCHED_realtime || throttle_shares();
}

void throttle_init(struct sched_entity *entity);

/* Charges `ticks` to the job's share, which may end its window's time. Any CPU. */
void throttle_charge(struct job *job, uint64_t ticks, uint64_t now);

/* The counter until which the thread may not pay for time; 0: it may. Any CPU. */
uint64_t throttle_until(struct thread *thread, uint64_t now);

/* Ticks that its jobs' shares leave in this window; UINT64_MAX: no limit. */
uint64_t throttle_left(const struct thread *thread);

/* Throttles an owned thread that is ready, if it must be; it is nobody's then. */
bool throttle_ready(struct cpu *self, struct thread *thread, uint64_t now);

/* Once, after clock_init. */
void throttle_start(void);
