/*
 * Native test: much of everything, so that what the kernel walks is long. `make bench
 * BENCH=irqoff.crowd` counts how long interrupts are off meanwhile.
 */
#include "pages.h"
#include "sys/message.h"

#define NO_SLOT ((slot_t){0})
#define FAR     UINT64_C(3600000000000)

#define TIMERS 3000

static uint64_t until_end(void)
{
    return clock_now() + UINT64_C(20000000000);
}

/* --- timers --- */

static slot_t timers[TIMERS];

static void timers_make(slot_t port)
{
    for (uint32_t i = 0; i < TIMERS; i++)
        timers[i] = object_make(OBJECT_timer, port, UINT64_C(1) << (i & 63));
}

static void timers_drop(void)
{
    for (uint32_t i = 0; i < TIMERS; i++)
        drop(timers[i]);
}

/* One that is armed behind all others stands beside them. */
TEST(crowd_timers_cancelled)
{
    slot_t port = object_make(OBJECT_port, NO_SLOT, 0);
    uint64_t start = clock_now() + FAR;
    timers_make(port);
    for (uint32_t i = 0; i < TIMERS; i++)
        EXPECT(tern_timer_arm(timers[i], start + i, 0) == OK);
    for (uint32_t i = 0; i < TIMERS; i++)
        EXPECT(tern_timer_arm(timers[i], DEADLINE_NEVER, 0) == OK);
    for (uint32_t i = 0; i < TIMERS; i++)
        EXPECT(tern_timer_arm(timers[i], start + i * UINT64_C(7919) % TIMERS, 0) == OK);
    timers_drop();
    drop(port);
}

/* All at once: none is lost. */
TEST(crowd_timers_due)
{
    struct message message = {0};
    slot_t port = object_make(OBJECT_port, NO_SLOT, 0);
    uint64_t start = clock_now(), bits = 0, end = until_end();
    timers_make(port);
    start += 2 * (clock_now() - start);
    for (uint32_t i = 0; i < TIMERS; i++)
        EXPECT(tern_timer_arm(timers[i], start, 0) == OK);
    while (bits != UINT64_MAX && tern_port_receive(port, NO_SLOT, &message, end) == OK)
        bits |= message.word[0];
    EXPECT(bits == UINT64_MAX);
    timers_drop();
    drop(port);
}
