/*
 * Native test: much of everything, so that what the kernel walks is long: waiters of one word, one
 * page, one port; timers of one instant; mappings of one object; capabilities derived from one;
 * children of one job. `make bench BENCH=irqoff.crowd` counts how long interrupts are off
 * meanwhile.
 */
#include "pages.h"
#include "sys/message.h"
#include <state.h>
#include <stdatomic.h>

#define NO_SLOT ((slot_t){0})
#define FAR     UINT64_C(3600000000000)

#define THREADS 500
#define TIMERS  2000
#define DERIVED 6000

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

/* --- threads --- */

static struct {
    _Atomic(uint32_t) word; /* what they wait on */
    _Atomic(uint32_t) ready, done;
    slot_t port, threads[THREADS];
} crowd;

static uint8_t stacks[THREADS][1024] __attribute__((aligned(16)));

static uaddr_t word_address(void)
{
    return (uaddr_t){(uintptr_t)&crowd.word};
}

/* Each says that it is about to wait, waits, and ends. */
static uint64_t wait_word(void *argument, void *page)
{
    (void)argument, (void)page;
    atomic_fetch_add(&crowd.ready, 1);
    (void)tern_word_wait(word_address(), 0, DEADLINE_NEVER);
    atomic_fetch_add(&crowd.done, 1);
    return 0;
}

static uint64_t wait_send(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    atomic_fetch_add(&crowd.ready, 1);
    error_t error = tern_port_send(crowd.port, &message, DEADLINE_NEVER);
    if (error == ERR_dead || error == ERR_bad_slot) /* one that came late finds no capability */
        atomic_fetch_add(&crowd.done, 1);
    return 0;
}

static uint64_t wait_call(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    atomic_fetch_add(&crowd.ready, 1);
    if (tern_port_call(crowd.port, &message, DEADLINE_NEVER) == ERR_no_reply)
        atomic_fetch_add(&crowd.done, 1);
    return 0;
}

static uint64_t wait_receive(void *argument, void *page)
{
    struct message message = {0};
    (void)argument, (void)page;
    atomic_fetch_add(&crowd.ready, 1);
    if (tern_port_receive(crowd.port, NO_SLOT, &message, DEADLINE_NEVER) != OK)
        atomic_fetch_add(&crowd.done, 1);
    return 0;
}

static uint64_t wait_page(void *argument, void *page)
{
    (void)page;
    atomic_fetch_add(&crowd.ready, 1);
    if (*word_at((uint64_t)(uintptr_t)argument) == 0)
        atomic_fetch_add(&crowd.done, 1);
    return 0;
}

static bool becomes(_Atomic(uint32_t) *count, uint32_t value)
{
    uint64_t end = until_end();
    while (atomic_load(count) != value && clock_now() < end)
        (void)tern_yield();
    return atomic_load(count) == value;
}

/* All of them wait when this returns, or almost. */
static void crowd_start(uint64_t (*entry)(void *argument, void *page), uint64_t argument)
{
    atomic_store(&crowd.ready, 0);
    atomic_store(&crowd.done, 0);
    for (uint32_t i = 0; i < THREADS; i++)
        EXPECT(sys_thread_start(entry, (void *)(uintptr_t)argument, stacks[i], sizeof(stacks[i]),
                                &crowd.threads[i]) == OK);
    EXPECT(becomes(&crowd.ready, THREADS));
    for (uint32_t i = 0; i < 10; i++)
        (void)tern_yield();
}

static void crowd_end(void)
{
    EXPECT(becomes(&crowd.done, THREADS));
    for (uint32_t i = 0; i < THREADS; i++)
        drop(crowd.threads[i]);
}

TEST(crowd_waits_on_a_word)
{
    uint64_t woken = 0, all = 0;
    crowd_start(wait_word, 0);
    EXPECT(tern_word_wake((uaddr_t){word_address().va + 4}, UINT64_MAX, &woken) == OK);
    EXPECT(woken == 0);
    for (uint64_t end = until_end(); all < THREADS && clock_now() < end; all += woken)
        EXPECT(tern_word_wake(word_address(), UINT64_MAX, &woken) == OK);
    EXPECT(all == THREADS);
    crowd_end();
}

TEST(crowd_sends_to_a_port_that_ends)
{
    crowd.port = object_make(OBJECT_port, NO_SLOT, 0);
    crowd_start(wait_send, 0);
    slot_t sends = derive(crowd.port, RIGHT_send | RIGHT_read);
    drop(crowd.port);
    drop(sends);
    crowd_end();
}

TEST(crowd_receives_from_a_port_that_ends)
{
    crowd.port = object_make(OBJECT_port, NO_SLOT, 0);
    slot_t timer = object_make(OBJECT_timer, crowd.port, 1);
    crowd_start(wait_receive, 0);
    drop(crowd.port);
    drop(timer);
    crowd_end();
}

/* Their calls cannot be answered: each is told so. */
TEST(crowd_calls_who_has_no_reply_object)
{
    struct message message = {0};
    crowd.port = object_make(OBJECT_port, NO_SLOT, 0);
    crowd_start(wait_call, 0);
    for (uint64_t end = until_end(); atomic_load(&crowd.done) < THREADS && clock_now() < end;)
        EXPECT(tern_port_receive(crowd.port, NO_SLOT, &message, DEADLINE_POLL) == ERR_would_block);
    drop(crowd.port);
    crowd_end();
}

/* One page that all want, and one that the pager is asked for once. */
TEST(crowd_waits_for_a_page)
{
    struct message message = {0};
    slot_t paged = memory_make(1), port = object_make(OBJECT_port, NO_SLOT, 0);
    EXPECT(commit(paged, 0, 1, COMMIT_ABSENT) == OK && tern_memory_pager(paged, port, 0) == OK);
    EXPECT(map(paged, 0, AREA(10), 1, RW) == OK);
    crowd_start(wait_page, AREA(10));
    EXPECT(tern_port_receive(port, NO_SLOT, &message, until_end()) == OK);
    EXPECT(message.kind == MESSAGE_page);
    EXPECT(commit(paged, 0, 1, COMMIT_ZERO) == OK);
    crowd_end();
    EXPECT(unmap(AREA(10), 1) == OK);
    drop(paged), drop(port);
}

/* --- capabilities --- */

static slot_t derived[DERIVED];

static struct state_process_slot slot_info(slot_t slot)
{
    uint64_t size = 0, next = (uint32_t)slot.value;
    for (uint64_t end = until_end(); size == 0 && clock_now() < end;)
        EXPECT(tern_object_info(self_process(), STATE_process_slot, next, &size, &next) == OK);
    return *(const struct state_process_slot *)sys_page;
}

TEST(crowd_of_capabilities)
{
    slot_t port = object_make(OBJECT_port, NO_SLOT, 0);
    for (uint32_t i = 0; i < DERIVED; i++)
        derived[i] = derive(port, RIGHT_read);
    for (uint32_t i = 0; i < DERIVED; i += DERIVED / 4)
        EXPECT(slot_info(derived[i]).parent.value == port.value);
    EXPECT(slot_info(port).parent.value == 0);
    EXPECT(tern_cap_revoke(port) == OK);
    drop(port);
}
