/* Classes: feedback, round robin, budgets (class.h). */
#include "sched/class.h"
#include "ipc/port.h"
#include "lib/assert.h"
#include "sched/clock.h"
#include "sched/sched.h"

#define LEVELS      16
#define SLICE_NS    UINT64_C(2000000) /* of level 0 in normal; level n has n + 1 of them */
#define ROUND_NS    UINT64_C(5000000) /* round robin */
#define EPOCH_NS    UINT64_C(1000000000)
#define WAITED      4  /* slices since it was put on a CPU, to rise */
#define BOOST_BATCH 32 /* threads that one slice end lets rise */

_Static_assert(SCHED_CLASSES == 5, "the functions here know five");

static const struct {
    uint8_t low, high;
} class_range[SCHED_CLASSES] = {
#define SCHED_CLASS(number, name, low, high, text) [number] = {low, high},
#include <sched_class.def>
#undef SCHED_CLASS
};

/* Counter ticks; written once. */
static uint64_t slice_ticks, round_ticks, epoch_ticks;

void class_init(void)
{
    slice_ticks = clock_ticks(SLICE_NS);
    round_ticks = clock_ticks(ROUND_NS);
    epoch_ticks = clock_ticks(EPOCH_NS);
    assert(slice_ticks != 0);
}

bool class_has_priority(uint32_t class, uint32_t priority)
{
    return class < SCHED_CLASSES && priority >= class_range[class].low &&
           priority <= class_range[class].high;
}

static uint64_t time_used(const struct sched_entity *entity)
{
    return atomic_load_explicit(&entity->time_used, memory_order_relaxed);
}

/* --- priority and slice --- */

/* Own priority from base and level. */
static void priority_again(struct thread *thread)
{
    const struct sched_entity *entity = &thread->sched;
    uint32_t level = entity->class == SCHED_normal ? entity->level : 0;
    uint32_t low = class_range[entity->class].low;
    debug_assert(entity->base >= low && entity->base <= class_range[entity->class].high);
    thread->priority = (uint8_t)(entity->base >= low + level ? entity->base - level : low);
}

static uint64_t slice_length(const struct sched_entity *entity)
{
    return entity->class == SCHED_normal ? slice_ticks * (entity->level + 1u) : round_ticks;
}

static void slice_again(struct sched_entity *entity)
{
    entity->slice_mark = time_used(entity) + slice_length(entity);
}

void class_level_locked(struct thread *thread, uint32_t level)
{
    debug_assert(level < LEVELS);
    thread->sched.level = (uint8_t)level;
    slice_again(&thread->sched);
    priority_again(thread);
}

static bool slice_used(const struct sched_entity *entity)
{
    return (int64_t)(time_used(entity) - entity->slice_mark) >= 0;
}

static uint32_t epoch_at(uint64_t now)
{
    return (uint32_t)(now / epoch_ticks);
}

/* Back to level 0 in each epoch; true if it was for this one. */
static bool epoch_rise_locked(struct thread *thread, uint32_t epoch)
{
    struct sched_entity *entity = &thread->sched;
    if (entity->class != SCHED_normal || entity->epoch == epoch)
        return false;
    entity->epoch = epoch;
    if (entity->level == 0)
        return false;
    class_level_locked(thread, 0);
    return true;
}

static void slice_over_locked(struct thread *thread, uint32_t epoch)
{
    struct sched_entity *entity = &thread->sched;
    if (entity->class != SCHED_normal || epoch_rise_locked(thread, epoch))
        slice_again(entity);
    else
        class_level_locked(thread,
                           entity->level + 1u < LEVELS ? entity->level + 1u : entity->level);
}

/*
 * If the slice of `payer` is used up, which `thread` runs for, all sink from the one to the other:
 * each lends its own priority on. True for the CPU that saw it first.
 */
static bool slice_ends(struct thread *thread, struct thread *payer, uint64_t now)
{
    if (LIKELY(!slice_used(&payer->sched)))
        return false;
    spinlock_enter(&params_lock);
    bool used = slice_used(&payer->sched);
    for (uint32_t i = 0; used && i < LEND_DEPTH && thread != NULL && thread != payer; i++) {
        slice_over_locked(thread, epoch_at(now));
        thread = reply_lender(thread);
    }
    if (used)
        slice_over_locked(payer, epoch_at(now));
    spinlock_exit(&params_lock);
    return used;
}

static bool rises(struct thread *thread)
{
    struct sched_entity *entity = &thread->sched;
    if (entity->class != SCHED_normal || entity->level == 0 ||
        arch_counter() - entity->put_on < WAITED * slice_length(entity))
        return false;
    spinlock_enter(&params_lock);
    if (entity->level != 0)
        class_level_locked(thread, entity->level - 1u);
    spinlock_exit(&params_lock);
    return true;
}

void class_wake(struct thread *thread)
{
    class_take_params(thread);
    struct thread *payer = sched_payer(thread, cpu_self()->accounted);
    bool over = payer->sched.class == SCHED_normal && slice_used(&payer->sched) &&
                slice_ends(thread, payer, arch_counter());
    if (over || rises(thread) || thread->serving == NULL)
        sched_lend_again(thread);
}

bool class_ran(struct thread *thread, struct thread *payer, uint64_t now)
{
    class_take_params(thread);
    bool over = slice_ends(thread, payer, now);
    sched_lend_again(thread);
    return over;
}

/* --- budgets --- */

/*
 * Anybody may find that a new period has begun; who moves `refill_at` fills up. A thread that comes
 * late begins its period now.
 */
static bool budget_refill(struct sched_entity *entity, uint64_t now)
{
    uint64_t at = atomic_load_explicit(&entity->refill_at, memory_order_relaxed);
    if ((int64_t)(now - at) < 0)
        return false;
    uint64_t next = now - at < entity->period ? at + entity->period : now + entity->period;
    if (atomic_compare_exchange_strong_explicit(&entity->refill_at, &at, next, memory_order_relaxed,
                                                memory_order_relaxed))
        atomic_store_explicit(&entity->budget_mark, time_used(entity) + entity->budget,
                              memory_order_relaxed);
    return true;
}

static int64_t budget_left(const struct sched_entity *entity)
{
    uint64_t mark = atomic_load_explicit(&entity->budget_mark, memory_order_relaxed);
    return (int64_t)(mark - time_used(entity));
}

bool class_exhausted(struct thread *thread, uint64_t now)
{
    struct sched_entity *entity = &thread->sched;
    return entity->class == SCHED_realtime && !budget_refill(entity, now) &&
           budget_left(entity) <= 0;
}

uint64_t class_slice_left(const struct thread *thread)
{
    int64_t left = (int64_t)(thread->sched.slice_mark - time_used(&thread->sched));
    return left > 0 ? (uint64_t)left : 0;
}

uint64_t class_budget_left(const struct thread *thread)
{
    if (thread->sched.class != SCHED_realtime)
        return UINT64_MAX;
    int64_t left = budget_left(&thread->sched);
    return left > 0 ? (uint64_t)left : 0;
}

/* --- no starving --- */

/* One that was not yet let rise in this epoch, from the lowest list up; it stays in its list. */
static struct thread *boost_next_locked(const struct run_queue *queue, uint32_t epoch)
{
    for (uint32_t i = CLASS_LOW_normal; i < CLASS_LOW_high - 1; i++)
        LIST_EACH(node, &queue->lists[i])
        {
            struct thread *thread = CONTAINER_OF(node, struct thread, sched.run);
            if (thread->sched.class == SCHED_normal && thread->sched.epoch != epoch)
                return thread;
            if (thread->sched.class == SCHED_normal)
                break; /* those behind came later */
        }
    return NULL;
}

void class_boost(struct cpu *self, uint64_t now)
{
    struct run_queue *queue = self->queue;
    uint32_t epoch = epoch_at(now);
    if (queue->epoch == epoch)
        return;
    spinlock_enter(&queue->lock);
    struct thread *thread = NULL;
    for (uint32_t i = 0; i < BOOST_BATCH; i++) {
        thread = boost_next_locked(queue, epoch);
        if (thread == NULL)
            break;
        run_queue_remove_locked(self, thread);
        spinlock_enter(&params_lock);
        (void)epoch_rise_locked(thread, epoch);
        spinlock_exit(&params_lock);
        sched_lend_again(thread);
        run_queue_add_locked(self, thread, false);
    }
    if (thread == NULL)
        queue->epoch = epoch;
    spinlock_exit(&queue->lock);
}
