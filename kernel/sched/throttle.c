/* Threads that may not run for a while (throttle.h). */
#include "sched/throttle.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "sched/class.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "sched/sched.h"

#define WINDOW_NS UINT64_C(100000000)

static uint64_t window_ticks;              /* written once */
static _Atomic(uint64_t) throttle_horizon; /* counter: no job is throttled after it */

void throttle_start(void)
{
    window_ticks = clock_ticks(WINDOW_NS);
    assert(window_ticks >= 1000);
}

/* --- shares of jobs --- */

_Atomic(bool) throttle_any_share;

void throttle_share_set(struct job *job, uint32_t share)
{
    atomic_store_explicit(&job->cpu_share, share, memory_order_relaxed);
    if (share < 1000 * place_cpu_count())
        atomic_store_explicit(&throttle_any_share, true, memory_order_relaxed);
}

/* Ticks of a window that the job may use; UINT64_MAX: all. */
static uint64_t share_ticks(const struct job *job)
{
    uint64_t share = atomic_load_explicit(&job->cpu_share, memory_order_relaxed);
    return share >= (uint64_t)1000 * place_cpu_count() ? UINT64_MAX : share * window_ticks / 1000;
}

/* A later end of throttling than all that were known. */
static void horizon_raise(uint64_t until)
{
    uint64_t horizon = atomic_load_explicit(&throttle_horizon, memory_order_relaxed);
    while (horizon < until &&
           !atomic_compare_exchange_weak_explicit(&throttle_horizon, &horizon, until,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

/*
 * The window that `now` is in has begun. Who moves `window_start` takes off what the windows that
 * passed allowed; the rest stays as a debt.
 */
static void window_begin(struct job *job, uint64_t share, uint64_t now)
{
    uint64_t start = atomic_load_explicit(&job->window_start, memory_order_relaxed);
    if (now - start < window_ticks)
        return;
    uint64_t passed = (now - start) / window_ticks;
    if (!atomic_compare_exchange_strong_explicit(&job->window_start, &start,
                                                 start + passed * window_ticks,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    uint64_t used = atomic_load_explicit(&job->window_used, memory_order_relaxed);
    uint64_t off = share != 0 && passed > used / share ? used : passed * share;
    atomic_fetch_sub_explicit(&job->window_used, off < used ? off : used, memory_order_relaxed);
}

void throttle_charge(struct job *job, uint64_t ticks, uint64_t now)
{
    uint64_t share = share_ticks(job);
    if (share == UINT64_MAX)
        return;
    window_begin(job, share, now);
    uint64_t used =
        ticks + atomic_fetch_add_explicit(&job->window_used, ticks, memory_order_relaxed);
    if (used < share)
        return;
    uint64_t until = atomic_load_explicit(&job->window_start, memory_order_relaxed) + window_ticks;
    atomic_store_explicit(&job->throttled_until, until, memory_order_relaxed);
    horizon_raise(until);
}

static uint64_t jobs_until(const struct thread *thread, uint64_t now)
{
    uint64_t until = 0;
    if (now >= atomic_load_explicit(&throttle_horizon, memory_order_relaxed))
        return 0;
    for (const struct job *job = thread->process->job; job != NULL; job = job->parent)
        until = max_u64(until, atomic_load_explicit(&job->throttled_until, memory_order_relaxed));
    return until > now ? until : 0;
}

uint64_t throttle_left(const struct thread *thread)
{
    uint64_t left = UINT64_MAX;
    for (const struct job *job = thread->process->job; job != NULL; job = job->parent) {
        uint64_t share = share_ticks(job);
        if (share == UINT64_MAX)
            continue;
        uint64_t used = atomic_load_explicit(&job->window_used, memory_order_relaxed);
        left = min_u64(left, used < share ? share - used : 0);
    }
    return left;
}

/* --- threads --- */

uint64_t throttle_until(struct thread *thread, uint64_t now)
{
    uint64_t until = jobs_until(thread, now);
    if (class_exhausted(thread, now)) {
        uint64_t refill = atomic_load_explicit(&thread->sched.refill_at, memory_order_relaxed);
        until = max_u64(until, refill);
    }
    return until;
}

/* The deadline's handler: the thread is whose finds it throttled. */
static void refill_fire(struct deadline *deadline)
{
    struct thread *thread = CONTAINER_OF(deadline, struct thread, sched.refill);
    struct cpu *self = cpu_self();
    spinlock_enter(&self->queue->lock);
    bool ours = thread->sched.where == SCHED_THROTTLED && thread->cpu == self->number;
    if (ours)
        thread->sched.where = SCHED_AWAY;
    spinlock_exit(&self->queue->lock);
    if (ours) {
        clock_fired(deadline); /* whoever runs it next may throttle it again at once */
        sched_ready(thread);
    }
}

void throttle_init(struct sched_entity *entity)
{
    deadline_init(&entity->refill, refill_fire);
}

/* Who is to be killed runs, and so ends. While its last refill is still firing elsewhere it runs
 * on a little. */
bool throttle_ready(struct cpu *self, struct thread *thread, uint64_t now)
{
    uint64_t until = throttle_until(thread, now);
    if (until == 0 || clock_fires_elsewhere(&thread->sched.refill) ||
        (atomic_load_explicit(&thread->attention, memory_order_relaxed) & ATTENTION_KILL) != 0)
        return false;
    debug_assert(thread->sched.where == SCHED_AWAY);
    spinlock_enter(&self->queue->lock);
    thread->cpu = self->number;
    thread->sched.where = SCHED_THROTTLED;
    thread_set_status(thread, THREAD_READY);
    clock_arm(&thread->sched.refill, clock_at(until) + 1);
    spinlock_exit(&self->queue->lock);
    cpu_metric_add(self, METRIC_throttles, 1);
    return true;
}
