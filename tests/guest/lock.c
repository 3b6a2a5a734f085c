/*
 * Native test: locks (rt/lock.h): what they guard is changed by one thread at a time, on all CPUs;
 * nobody is left asleep; a thread that is killed while it waits takes nothing along.
 */
#include "rt/lock.h"
#include "guest_thread.h"
#include "lib/types.h"
#include "test.h"

#define THREADS 6u
#define ROUNDS  20000u
#define STACK   4096u

static uint8_t stacks[THREADS][STACK] __attribute__((aligned(16)));
static struct rt_lock lock;
static uint64_t first, second;    /* `lock` */
static _Atomic(uint32_t) found;   /* how often it was held */
static _Atomic(uint32_t) waiting; /* about to take it */
static _Atomic(uint32_t) done;

static slot_t start(uint64_t (*entry)(void *argument, void *page), unsigned number)
{
    slot_t thread = {0};
    EXPECT(sys_thread_start(entry, NULL, stacks[number], STACK, &thread) == OK);
    return thread;
}

static bool becomes(_Atomic(uint32_t) *word, uint32_t value)
{
    uint64_t now = 0, end = 0;
    EXPECT(tern_clock_read(&end) == OK);
    for (end += UINT64_C(20000000000); atomic_load(word) != value && now < end;) {
        (void)tern_yield();
        EXPECT(tern_clock_read(&now) == OK);
    }
    return atomic_load(word) == value;
}

/* Both are the same but between the two steps; some holders sleep there, so that others meet. */
static void step_twice(uint64_t round)
{
    EXPECT(first == second);
    first++;
    if (round % 4096 == 0)
        sleep_for(1000000);
    second++;
}

static uint64_t step_often(void *argument, void *page)
{
    (void)argument;
    (void)page;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (!rt_lock_try(&lock)) {
            atomic_fetch_add(&found, 1);
            rt_lock_take(&lock);
        }
        step_twice(i);
        rt_lock_give(&lock);
    }
    atomic_fetch_add(&done, 1);
    return 0;
}

TEST(lock_one_at_a_time)
{
    first = second = 0;
    atomic_store(&done, 0);
    for (unsigned i = 0; i < THREADS; i++)
        EXPECT(tern_cap_delete(start(step_often, i)) == OK);
    EXPECT(becomes(&done, THREADS));
    EXPECT(first == (uint64_t)THREADS * ROUNDS && second == first);
    EXPECT(atomic_load(&found) > 0);
    EXPECT(atomic_load(&lock.state) == RT_LOCK_FREE);
}

TEST(lock_try)
{
    EXPECT(rt_lock_try(&lock) && !rt_lock_try(&lock));
    rt_lock_give(&lock);
    EXPECT(rt_lock_try(&lock));
    rt_lock_give(&lock);
}

static uint64_t take_once(void *argument, void *page)
{
    (void)argument;
    (void)page;
    atomic_fetch_add(&waiting, 1);
    rt_lock_take(&lock);
    rt_lock_give(&lock);
    atomic_fetch_add(&done, 1);
    return 0;
}

/* Three wait, one of them is killed: the others get the lock when it is given back. */
TEST(lock_waiter_is_killed)
{
    for (unsigned victim = 0; victim < 3; victim++) {
        slot_t threads[3];
        atomic_store(&waiting, 0);
        atomic_store(&done, 0);
        EXPECT(rt_lock_try(&lock));
        for (unsigned i = 0; i < COUNT_OF(threads); i++) {
            threads[i] = start(take_once, i);
            EXPECT(becomes(&waiting, i + 1));
            sleep_for(20000000); /* long enough: they queue in this order */
        }
        EXPECT(atomic_load(&lock.state) == RT_LOCK_WAITED && atomic_load(&done) == 0);
        EXPECT(tern_object_kill(threads[victim]) == OK);
        rt_lock_give(&lock);
        EXPECT(becomes(&done, 2));
        EXPECT(rt_lock_try(&lock));
        rt_lock_give(&lock);
        for (unsigned i = 0; i < COUNT_OF(threads); i++)
            EXPECT(tern_cap_delete(threads[i]) == OK);
    }
}
