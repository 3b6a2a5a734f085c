/*
 * Self test: the clock, and the deadlines of the boot CPU.
 *
 * Deadlines fire in the timer's interrupt; the test looks on with interrupts off and lets them
 * in by arch_idle, as the idle loop does.
 */
#include "arch/cpu.h"
#include "sched/clock.h"
#include "selftest/selftest.h"
#include "trace/metric.h"

#define READINGS    20000
#define DEADLINES   8
#define STEP_NS     UINT64_C(300000)
#define EARLY_NS    UINT64_C(20000000) /* a timer may come a little early, and again */
#define WAKES_MAX   2u                 /* a tick of 100 Hz would make 8 */
#define PATIENCE_NS UINT64_C(2000000000)
#define QUIET_NS    UINT64_C(100000000)

static struct deadline deadlines[DEADLINES];
static uint64_t asked_ns[DEADLINES], fired_ns[DEADLINES];
static uint32_t fired_order[DEADLINES];
static uint32_t fired_count; /* boot CPU, interrupts off */

static void deadline_note(struct deadline *deadline)
{
    uint32_t index = (uint32_t)(deadline - deadlines);
    fired_ns[index] = clock_now();
    if (fired_count < DEADLINES)
        fired_order[fired_count] = index;
    fired_count++;
}

static bool clock_monotonic(void)
{
    uint64_t first = clock_now(), last = first;
    for (int i = 0; i < READINGS; i++) {
        uint64_t now = clock_now();
        if (!SELF_EXPECT(now >= last))
            return false;
        last = now;
    }
    return SELF_EXPECT(last > first) && SELF_EXPECT(first > 0);
}

/* The counter and the clock agree to within a part in a thousand. */
static bool clock_rate(void)
{
    uint64_t counter = arch_counter(), start = clock_now();
    clock_spin(UINT64_C(2000000));
    uint64_t counts = arch_counter() - counter, ns = clock_now() - start;
    uint64_t counted_ns = counts * UINT64_C(1000000000) / clock_hertz();
    uint64_t slack = ns / 1000 + 20000;
    return SELF_EXPECT(ns >= UINT64_C(2000000)) && SELF_EXPECT(counted_ns + slack >= ns) &&
           SELF_EXPECT(counted_ns <= ns + slack);
}

/* Halts until all have fired, bounded by a last deadline of its own kind. */
static void deadlines_await(uint32_t count)
{
    uint64_t end = clock_now() + PATIENCE_NS;
    while (fired_count < count && clock_now() < end)
        arch_idle();
}

/* Armed latest first and mixed, they fire by time, none early, each once. */
static bool deadline_order_locked(void)
{
    bool passed = true;
    uint64_t start = clock_now() + STEP_NS;
    fired_count = 0;
    for (uint32_t i = 0; i < DEADLINES; i++) {
        deadline_init(&deadlines[i], deadline_note);
        asked_ns[i] = start + (i * 5 + 3) % DEADLINES * STEP_NS;
        clock_arm(&deadlines[i], asked_ns[i]);
    }
    deadlines_await(DEADLINES);
    passed &= SELF_EXPECT(fired_count == DEADLINES);
    for (uint32_t i = 0; i < DEADLINES && passed; i++) {
        passed &= SELF_EXPECT(fired_ns[i] >= asked_ns[i]);
        passed &= SELF_EXPECT((fired_order[i] * 5 + 3) % DEADLINES == i);
    }
    return passed;
}

static bool deadline_order(void)
{
    uint64_t state = arch_irq_save();
    bool passed = deadline_order_locked();
    arch_irq_restore(state);
    return passed;
}

/* One in the past fires at once, one that is cancelled never. */
static bool deadline_edges_locked(void)
{
    fired_count = 0;
    for (uint32_t i = 0; i < 3; i++)
        deadline_init(&deadlines[i], deadline_note);
    clock_arm(&deadlines[0], clock_now());
    clock_arm(&deadlines[1], clock_now() + STEP_NS);
    clock_arm(&deadlines[2], clock_now() + 2 * STEP_NS);
    clock_cancel(&deadlines[1]);
    deadlines_await(2);
    return SELF_EXPECT(fired_count == 2) && SELF_EXPECT(fired_order[0] == 0) &&
           SELF_EXPECT(fired_order[1] == 2) && SELF_EXPECT(!deadlines[1].queued);
}

static bool deadline_edges(void)
{
    uint64_t state = arch_irq_save();
    bool passed = deadline_edges_locked();
    arch_irq_restore(state);
    return passed;
}

/* Wake-ups long before the deadline at `end`: of a tick, if there were one. */
static uint32_t wakes_before(uint64_t end, uint32_t count)
{
    uint32_t wakes = 0;
    while (fired_count < count && clock_now() < end + PATIENCE_NS) {
        arch_idle();
        wakes += clock_now() + EARLY_NS < end;
    }
    return wakes;
}

/* After its one shot the timer is quiet: there is no tick. */
static bool timer_one_shot(void)
{
    uint64_t state = arch_irq_save();
    fired_count = 0;
    deadline_init(&deadlines[0], deadline_note);
    deadline_init(&deadlines[1], deadline_note);
    clock_arm(&deadlines[0], clock_now() + STEP_NS);
    deadlines_await(1);
    uint64_t before = metric_total(METRIC_timer_fires), end = clock_now() + QUIET_NS;
    clock_arm(&deadlines[1], end);
    uint32_t wakes = wakes_before(end, 2);
    bool passed = SELF_EXPECT(fired_count == 2) && SELF_EXPECT(wakes <= WAKES_MAX) &&
                  SELF_EXPECT(metric_total(METRIC_timer_fires) == before + 1);
    arch_irq_restore(state);
    return passed;
}

SELF_TEST(clock_monotonic, clock_monotonic)
SELF_TEST(clock_rate, clock_rate)
SELF_TEST(deadline_order, deadline_order)
SELF_TEST(deadline_edges, deadline_edges)
SELF_TEST(timer_one_shot, timer_one_shot)
