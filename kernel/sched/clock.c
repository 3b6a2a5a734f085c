/*
 * Machine time (clock.h).
 *
 * Counter and nanoseconds are converted by a multiplication and a shift, both ways with numbers
 * computed once, so that reading the time needs no division.
 */
#include "sched/clock.h"
#include "arch/cpu.h"
#include "arch/timer.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "sched/cpu.h"

#define NS_PER_SECOND 1000000000u
#define FAR_NS        ((uint64_t)1 << 60) /* the timer wakes 36 years from now, if not before */
#define FIRED_MAX     16                  /* by one interrupt: more come by the next, at once */

/* All written once by clock_init on the boot CPU. */
static uint64_t clock_hz;
static uint64_t clock_base;     /* counter at time 0 */
static uint64_t clock_to_ns;    /* ns per count, 32.32 */
static uint64_t clock_from_ns;  /* counts per ns, 32.32 */
static uint64_t clock_wait_sum; /* counts spent spinning; boot CPU */
static char clock_words[64];

/* numerator * 2^32 / denominator in 64-bit steps; both below 2^40. */
static uint64_t ratio(uint64_t numerator, uint64_t denominator)
{
    uint64_t whole = numerator / denominator, rest = numerator % denominator;
    uint64_t fraction = 0;
    for (int bit = 0; bit < CLOCK_SHIFT; bit++) {
        rest <<= 1;
        fraction = fraction << 1 | (rest >= denominator ? 1 : 0);
        rest -= rest >= denominator ? denominator : 0;
    }
    return whole << CLOCK_SHIFT | fraction;
}

error_t clock_init(void)
{
    error_t error = arch_counter_init(&clock_hz, clock_words, sizeof(clock_words));
    if (error != OK)
        return error;
    assert(clock_hz >= 1000000 && clock_hz < (uint64_t)1 << 33); /* FAR_NS is 2^63 ticks then */
    clock_to_ns = ratio(NS_PER_SECOND, clock_hz);
    clock_from_ns = ratio(clock_hz, NS_PER_SECOND);
    return OK;
}

void clock_start(void)
{
    clock_base = arch_counter();
}

void clock_init_cpu(void)
{
    arch_timer_init_cpu();
}

const char *clock_text(void)
{
    return clock_words;
}

uint64_t clock_hertz(void)
{
    return clock_hz;
}

uint64_t clock_at(uint64_t counter)
{
    return clock_hz == 0 ? 0 : clock_scale(counter - clock_base, clock_to_ns);
}

void clock_describe(struct clock_page *page)
{
    page->base = clock_base;
    page->factor = clock_to_ns;
}

uint64_t clock_now(void)
{
    return clock_at(arch_counter());
}

uint64_t clock_to_counter(uint64_t time_ns)
{
    /* Counters are compared by their difference, so one must not be too far ahead. */
    return clock_base + clock_scale(min_u64(time_ns, FAR_NS), clock_from_ns) + 1;
}

uint64_t clock_ticks(uint64_t ns)
{
    return clock_scale(ns, clock_from_ns);
}

uint64_t clock_length(uint64_t ticks)
{
    return clock_scale(ticks, clock_to_ns);
}

/* --- the timer: cpu->timer_at and cpu->slice_end are counter values, 0 for none --- */

void clock_wake_at(uint64_t counter)
{
    struct cpu *self = cpu_self();
    if (self->timer_at != 0 && (int64_t)(self->timer_at - counter) <= 0)
        return;
    self->timer_at = counter;
    arch_timer_arm(counter);
}

/* After the timer fired. */
static void arm_earliest(void)
{
    struct cpu *self = cpu_self();
    spinlock_enter(&self->deadlines_lock);
    const struct deadline *first = deadline_first(&self->deadlines);
    uint64_t counter = first != NULL ? clock_to_counter(first->time_ns) : 0;
    spinlock_exit(&self->deadlines_lock);
    self->timer_at = 0;
    if (counter != 0)
        clock_wake_at(counter);
    if (self->slice_end != 0)
        clock_wake_at(self->slice_end);
    if (self->timer_at == 0)
        arch_timer_disarm();
}

/* --- deadlines --- */

bool clock_fires_elsewhere(const struct deadline *deadline)
{
    /* Acquire: what the handler did is seen by who sees that it is done. */
    uint32_t firing = atomic_load_explicit(&deadline->firing, memory_order_acquire);
    return firing != 0 && firing != cpu_self()->number + 1;
}

/* Serves meanwhile, so that the handler, which may spin for a lock, gets on. */
static void await_handler(const struct deadline *deadline)
{
    while (clock_fires_elsewhere(deadline)) {
        arch_cpu_relax();
        cpu_serve();
    }
}

void clock_fired(struct deadline *deadline)
{
    /* Another CPU may have it by now, if the handler said so before. */
    uint32_t mine = cpu_self()->number + 1;
    (void)atomic_compare_exchange_strong_explicit(&deadline->firing, &mine, 0, memory_order_release,
                                                  memory_order_relaxed);
}

void clock_arm(struct deadline *deadline, uint64_t time_ns)
{
    struct cpu *self = cpu_self();
    debug_assert(!arch_irq_enabled());
    await_handler(deadline);
    spinlock_enter(&self->deadlines_lock);
    deadline->cpu = self->number;
    bool first = deadline_insert(&self->deadlines, deadline, time_ns);
    spinlock_exit(&self->deadlines_lock);
    if (first)
        clock_wake_at(clock_to_counter(time_ns));
}

bool clock_try_cancel(struct deadline *deadline)
{
    debug_assert(!arch_irq_enabled());
    if (!atomic_load_explicit(&deadline->queued, memory_order_acquire))
        return false;
    struct cpu *cpu = cpu_table[deadline->cpu];
    spinlock_enter(&cpu->deadlines_lock);
    bool removed = deadline_remove(&cpu->deadlines, deadline);
    spinlock_exit(&cpu->deadlines_lock);
    return removed;
}

/*
 * The timer is left as it is: a fire with nothing due is cheaper than arming at each cancel. The
 * handler may have armed the deadline again, so we look again after it.
 */
bool clock_cancel(struct deadline *deadline)
{
    for (;;) {
        if (clock_try_cancel(deadline))
            return true;
        if (clock_fires_elsewhere(deadline))
            await_handler(deadline);
        else if (!atomic_load_explicit(&deadline->queued, memory_order_relaxed))
            return false;
    }
}

/* The next one due, out of the queue and marked as firing; NULL if there is none. */
static struct deadline *take_due(struct cpu *self, uint64_t now_ns, uint64_t newest)
{
    spinlock_enter(&self->deadlines_lock);
    struct deadline *due = deadline_due(&self->deadlines, now_ns, newest);
    if (due != NULL) {
        /* Before it is out: who finds it in no queue sees that it fires. */
        atomic_store_explicit(&due->firing, self->number + 1, memory_order_relaxed);
        (void)deadline_remove(&self->deadlines, due);
    }
    spinlock_exit(&self->deadlines_lock);
    return due;
}

static uint32_t fire_due(struct cpu *self, uint64_t now_ns)
{
    uint32_t fired = 0;
    uint64_t newest = self->deadlines.sequence; /* only this CPU queues here */
    struct deadline *due;
    while (fired < FIRED_MAX && (due = take_due(self, now_ns, newest)) != NULL) {
        assert(due->fire != NULL);
        due->fire(due);
        clock_fired(due);
        fired++;
    }
    return fired;
}

void clock_interrupt(void)
{
    struct cpu *self = cpu_self();
    uint32_t fired = fire_due(self, clock_now());
    if (self->slice_end != 0 && (int64_t)(arch_counter() - self->slice_end) >= 0) {
        self->slice_end = 0;
        atomic_store_explicit(&self->reschedule, true, memory_order_relaxed);
    }
    metric_add(METRIC_timer_fires, fired);
    arm_earliest();
}

void clock_note_wait(uint64_t counts)
{
    clock_wait_sum += counts;
}

void clock_spin(uint64_t ns)
{
    uint64_t begin = arch_counter(), end = begin + clock_scale(ns, clock_from_ns) + 1;
    while ((int64_t)(arch_counter() - end) < 0) {
        arch_cpu_relax();
        cpu_serve();
    }
    clock_note_wait(arch_counter() - begin);
}

uint64_t clock_waited(void)
{
    return clock_scale(clock_wait_sum, clock_to_ns);
}

static error_t clock_begin(void)
{
    error_t error = clock_init();
    if (error == OK)
        clock_init_cpu();
    return error;
}

SUBSYSTEM(clock, .level = LEVEL_time, .needs = "interrupts", .privilege = PRIVILEGE_CORE,
          .start = clock_begin)
