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
#define CLOCK_SHIFT   32

/* All written once by clock_init on the boot CPU. */
static uint64_t clock_hz;
static uint64_t clock_base;     /* counter at time 0 */
static uint64_t clock_to_ns;    /* ns per count, 32.32 */
static uint64_t clock_from_ns;  /* counts per ns, 32.32 */
static uint64_t clock_wait_sum; /* counts spent spinning; boot CPU */
static char clock_words[64];

static uint64_t scale(uint64_t value, uint64_t factor)
{
    return (uint64_t)((unsigned __int128)value * factor >> CLOCK_SHIFT);
}

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
    assert(clock_hz >= 1000000 && clock_hz < (uint64_t)1 << 40);
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
    return clock_hz == 0 ? 0 : scale(counter - clock_base, clock_to_ns);
}

uint64_t clock_now(void)
{
    return clock_at(arch_counter());
}

uint64_t clock_to_counter(uint64_t time_ns)
{
    return clock_base + scale(time_ns, clock_from_ns) + 1;
}

static void arm_earliest(void)
{
    const struct deadline *first = deadline_first(&cpu_self()->deadlines);
    if (first != NULL)
        arch_timer_arm(clock_to_counter(first->time_ns));
    else
        arch_timer_disarm();
}

void clock_arm(struct deadline *deadline, uint64_t time_ns)
{
    debug_assert(!arch_irq_enabled());
    if (deadline_insert(&cpu_self()->deadlines, deadline, time_ns))
        arm_earliest();
}

/* The timer is left as it is: a fire with nothing due is cheaper than arming at each cancel. */
void clock_cancel(struct deadline *deadline)
{
    debug_assert(!arch_irq_enabled());
    (void)deadline_remove(&cpu_self()->deadlines, deadline);
}

void clock_interrupt(void)
{
    uint32_t fired = deadline_fire_due(&cpu_self()->deadlines, clock_now());
    metric_add(METRIC_timer_fires, fired);
    arm_earliest();
}

void clock_note_wait(uint64_t counts)
{
    clock_wait_sum += counts;
}

void clock_spin(uint64_t ns)
{
    uint64_t begin = arch_counter(), end = begin + scale(ns, clock_from_ns) + 1;
    while ((int64_t)(arch_counter() - end) < 0) {
        arch_cpu_relax();
        cpu_serve();
    }
    clock_note_wait(arch_counter() - begin);
}

uint64_t clock_waited(void)
{
    return scale(clock_wait_sum, clock_to_ns);
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
