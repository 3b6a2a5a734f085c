/*
 * What is asked for a thread: class, priority, affinity, and admission to realtime.
 *
 * Anybody with the right may set parameters at any time; the thread's owner takes them over when it
 * next handles it, on its way into a queue or at a decision. One lock for all, taken at changes
 * only.
 *
 * Admission: each realtime thread has a home, the allowed CPU with the least realtime load, and
 * stays there. The loads of one CPU's threads, budget / period, are at most REALTIME_MAX together.
 */
#include "lib/assert.h"
#include "sched/class.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "sched/sched.h"
#include "sched/throttle.h"

#define REALTIME_MAX  900000 /* parts per million of a CPU */
#define BUDGET_MIN_NS UINT64_C(20000)
#define PERIOD_MAX_NS UINT64_C(10000000000)
#define PRIORITY_NEW  24 /* the middle of normal */

struct spinlock params_lock = SPINLOCK_INIT(params);
static uint32_t realtime_load[CONFIG_CPU_MAX]; /* by CPU number; parts per million; the lock */

static bool has_affinity(const struct sched_params *params)
{
    for (uint32_t i = 0; i < SCHED_AFFINITY_WORDS; i++)
        if (params->affinity[i] != 0)
            return true;
    return false;
}

static bool policy_valid(const struct sched_policy *policy)
{
    if (!class_has_priority(policy->class, policy->priority))
        return false;
    if (policy->class != SCHED_realtime)
        return policy->budget_ns == 0 && policy->period_ns == 0;
    return policy->budget_ns >= BUDGET_MIN_NS && policy->budget_ns <= policy->period_ns &&
           policy->period_ns <= PERIOD_MAX_NS;
}

/* Parts per million of a CPU, rounded up. */
static uint32_t share_of(const struct sched_policy *policy)
{
    if (policy->class != SCHED_realtime)
        return 0;
    return (uint32_t)((policy->budget_ns * 1000000 + policy->period_ns - 1) / policy->period_ns);
}

static void release_locked(struct sched_entity *entity)
{
    debug_assert(spinlock_held(&params_lock));
    assert(realtime_load[entity->home] >= entity->share);
    realtime_load[entity->home] -= entity->share;
    entity->share = 0;
}

/* The CPU with the least load of those that have room for `share` and are allowed; NULL: none. */
static struct cpu *home_find_locked(const struct sched_params *params, uint32_t share)
{
    struct cpu *best = NULL;
    debug_assert(spinlock_held(&params_lock));
    for (uint32_t i = 0; i < place_cpu_count(); i++) {
        struct cpu *cpu = place_cpu(i);
        uint32_t load = realtime_load[cpu->number];
        if (load + share <= REALTIME_MAX && place_mask_allows(params->affinity, i) &&
            (best == NULL || load < realtime_load[best->number]))
            best = cpu;
    }
    return best;
}

/* Gives its old place up and takes a new one; nothing changes if there is none. */
static error_t admit_locked(struct sched_entity *entity, const struct sched_params *params)
{
    uint32_t share = share_of(&params->policy), old = entity->share;
    release_locked(entity);
    if (share == 0)
        return OK;
    struct cpu *home = home_find_locked(params, share);
    if (home != NULL) {
        entity->home = home->number;
        entity->share = share;
    } else {
        entity->share = old;
    }
    realtime_load[entity->home] += entity->share;
    return home != NULL ? OK : ERR_full;
}

static error_t params_store(struct sched_entity *entity, const struct sched_params *params)
{
    irq_state_t state = spinlock_lock(&params_lock);
    error_t error = admit_locked(entity, params);
    if (error == OK) {
        entity->asked = params->policy;
        for (uint32_t i = 0; i < SCHED_AFFINITY_WORDS; i++)
            atomic_store_explicit(&entity->affinity[i], params->affinity[i], memory_order_relaxed);
        atomic_store_explicit(&entity->bound, has_affinity(params), memory_order_relaxed);
        atomic_store_explicit(&entity->changed, true, memory_order_relaxed);
    }
    spinlock_unlock(&params_lock, state);
    return error;
}

error_t sched_set(struct thread *thread, const struct sched_params *params)
{
    if (!policy_valid(&params->policy))
        return ERR_bad_argument;
    error_t error = params_store(&thread->sched, params);
    if (error != OK)
        return error;
    /* In a queue it goes to its new place; else it looks on its way to user mode. */
    if (sched_claim(thread))
        sched_ready(thread);
    else
        thread_notify(thread, ATTENTION_LEND);
    return OK;
}

void sched_get(struct thread *thread, struct sched_params *params)
{
    irq_state_t state = spinlock_lock(&params_lock);
    params->policy = thread->sched.asked;
    for (uint32_t i = 0; i < SCHED_AFFINITY_WORDS; i++)
        params->affinity[i] = atomic_load(&thread->sched.affinity[i]);
    spinlock_unlock(&params_lock, state);
}

/*
 * A change brings no budget before its time: the old period ends when it would have, and until then
 * there is at most what was left of it.
 */
static void budget_take(struct sched_entity *entity, const struct sched_policy *policy)
{
    uint64_t used = atomic_load_explicit(&entity->time_used, memory_order_relaxed);
    uint64_t mark = atomic_load_explicit(&entity->budget_mark, memory_order_relaxed);
    entity->budget = clock_ticks(policy->budget_ns);
    entity->period = clock_ticks(policy->period_ns);
    if ((int64_t)(mark - used) > (int64_t)entity->budget)
        atomic_store_explicit(&entity->budget_mark, used + entity->budget, memory_order_relaxed);
}

void class_take_params(struct thread *thread)
{
    struct sched_entity *entity = &thread->sched;
    if (!atomic_load_explicit(&entity->changed, memory_order_relaxed))
        return;
    irq_state_t state = spinlock_lock(&params_lock);
    struct sched_policy policy = entity->asked;
    atomic_store_explicit(&entity->changed, false, memory_order_relaxed);
    entity->class = policy.class;
    entity->base = policy.priority;
    budget_take(entity, &policy);
    class_level_locked(thread, 0);
    spinlock_unlock(&params_lock, state);
    sched_lend_again(thread);
}

void sched_thread_init(struct thread *thread)
{
    struct sched_entity *entity = &thread->sched;
    entity->asked = (struct sched_policy){.class = SCHED_normal, .priority = PRIORITY_NEW};
    entity->class = entity->asked.class;
    entity->base = entity->asked.priority;
    throttle_init(entity);
    class_level_locked(thread, 0); /* nobody else knows the thread yet */
    sched_lend_again(thread);
}

void sched_thread_end(struct thread *thread)
{
    irq_state_t state = spinlock_lock(&params_lock);
    release_locked(&thread->sched);
    spinlock_unlock(&params_lock, state);
}
