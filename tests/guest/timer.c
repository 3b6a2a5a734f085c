/* Native test: timers: bits at the right time, periods without drift, cancelling, life and rights.
 */
#include "lib/types.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>

#define MS UINT64_C(1000000)

static slot_t port;

static uint64_t now(void)
{
    uint64_t time = 0;
    EXPECT(tern_clock_read(&time) == OK);
    return time;
}

static error_t timer_create(slot_t signals, uint64_t bits, slot_t *timer)
{
    return tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_timer, signals, bits, timer);
}

/* The bits that come until `deadline`; 0: none. */
static uint64_t bits_until(uint64_t deadline)
{
    struct message message = {0};
    error_t error = tern_port_receive(port, (slot_t){0}, &message, deadline);
    EXPECT(error == OK || error == ERR_timeout || error == ERR_would_block);
    EXPECT(error != OK || message.kind == MESSAGE_signal);
    return error == OK ? message.word[0] : 0;
}

TEST(timer_once)
{
    slot_t timer = {0};
    REQUIRE(sys_port_create(0, &port) == OK);
    REQUIRE(timer_create(port, 6, &timer) == OK);
    EXPECT(bits_until(now() + MS) == 0); /* not armed */
    uint64_t deadline = now() + 3 * MS;
    EXPECT(tern_timer_arm(timer, deadline, 0) == OK);
    EXPECT(bits_until(DEADLINE_NEVER) == 6);
    EXPECT(now() >= deadline);
    EXPECT(bits_until(now() + 5 * MS) == 0); /* once */
    EXPECT(tern_timer_arm(timer, now() - MS, 0) == OK);
    EXPECT(bits_until(now() + 1000 * MS) == 6); /* one in the past is due at once */
    EXPECT(tern_cap_delete(timer) == OK);
}

/* Each comes at its own deadline, not some time after the one before. */
TEST(timer_period)
{
    const uint64_t period = MS, count = 50;
    slot_t timer = {0};
    REQUIRE(timer_create(port, 1, &timer) == OK);
    uint64_t start = now() + MS;
    EXPECT(tern_timer_arm(timer, start, period) == OK);
    for (uint64_t i = 0; i < count; i++) {
        EXPECT(bits_until(DEADLINE_NEVER) == 1);
        EXPECT(now() >= start + i * period);
    }
    /* The next one is in step with the first, whatever was late. */
    EXPECT(tern_timer_arm(timer, DEADLINE_NEVER, 0) == OK);
    (void)bits_until(DEADLINE_POLL);
    start = now() - 10 * period - period / 2;
    EXPECT(tern_timer_arm(timer, start, period) == OK);
    EXPECT(bits_until(DEADLINE_NEVER) == 1); /* ten and a half were missed: one signal */
    EXPECT(bits_until(DEADLINE_NEVER) == 1);
    EXPECT(now() >= start + 11 * period);
    EXPECT(tern_timer_arm(timer, 0, 1000) == ERR_bad_argument);
    EXPECT(tern_cap_delete(timer) == OK);
}

/* After what was just asked for, also where the host lets the machine wait. */
#define SOON (200 * MS)

TEST(timer_cancel_and_rearm)
{
    slot_t timer = {0};
    REQUIRE(timer_create(port, 1, &timer) == OK);
    (void)bits_until(DEADLINE_POLL);
    EXPECT(tern_timer_arm(timer, now() + SOON, MS) == OK);
    EXPECT(tern_timer_arm(timer, DEADLINE_NEVER, 0) == OK);
    EXPECT(bits_until(now() + SOON + 3 * MS) == 0);
    EXPECT(tern_timer_arm(timer, now() + 1000000 * MS, 0) == OK);
    EXPECT(tern_timer_arm(timer, now() + MS, 0) == OK);
    EXPECT(bits_until(now() + 10000 * MS) == 1);
    EXPECT(tern_timer_arm(timer, now() + SOON, MS) == OK);
    EXPECT(tern_cap_delete(timer) == OK);
    EXPECT(bits_until(now() + SOON + 3 * MS) == 0); /* one that is gone says nothing */
}

TEST(timer_rights)
{
    slot_t timer = {0}, mute = {0}, badged = {0};
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_send | RIGHT_receive}, 0, &mute) == OK);
    EXPECT(timer_create(mute, 1, &timer) == ERR_denied);
    EXPECT(tern_cap_delete(mute) == OK);
    EXPECT(timer_create(port, 0, &timer) == ERR_bad_argument);
    /* The badge of a capability to signal with bounds the bits, here too. */
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_signal}, 12, &badged) == OK);
    EXPECT(timer_create(badged, 3, &timer) == ERR_bad_argument);
    EXPECT(timer_create(badged, 7, &timer) == OK);
    EXPECT(tern_cap_derive(timer, (rights_t){RIGHT_read}, 0, &mute) == OK);
    EXPECT(tern_timer_arm(mute, 0, 0) == ERR_denied);
    EXPECT(tern_timer_arm(timer, 0, 0) == OK);
    EXPECT(bits_until(DEADLINE_NEVER) == 4);
    EXPECT(tern_cap_delete(mute) == OK);
    EXPECT(tern_cap_delete(timer) == OK);
    EXPECT(tern_cap_delete(badged) == OK);
}

/* A timer sends without a capability: while it is there, a receiver has something to wait for. */
TEST(timer_is_a_source)
{
    slot_t timer = {0}, end = {0};
    struct message message = {0};
    REQUIRE(timer_create(port, 1, &timer) == OK);
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_receive}, 0, &end) == OK);
    EXPECT(tern_cap_delete(port) == OK);
    port = end;
    EXPECT(tern_timer_arm(timer, now() + MS, 0) == OK);
    EXPECT(bits_until(DEADLINE_NEVER) == 1);
    EXPECT(tern_cap_delete(timer) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_NEVER) == ERR_dead);
    EXPECT(tern_cap_delete(port) == OK);
}
