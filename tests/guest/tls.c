/*
 * Native test: thread-local data: each thread has its own, as the program's image has them, and
 * keeps them while others run. And the thread pointer that they are found by.
 */
#include "guest_arch.h"
#include "guest_thread.h"
#include "lib/types.h"
#include "test.h"
#include <space.h>
#include <stdatomic.h>
#include <sys_arch.h>

#define THREADS 4u
#define ROUNDS  20000u
#define STACK   8192u

static _Thread_local uint64_t given = 0x1122334455667788;
static _Thread_local uint64_t zero[5];
static _Thread_local uint64_t aligned __attribute__((aligned(SYS_TLS_ALIGN))) = 7;

static uint8_t stacks[THREADS][STACK] __attribute__((aligned(16)));
static void *volatile where[THREADS];
static _Atomic(uint32_t) done;

static bool as_in_the_image(void)
{
    bool right = given == 0x1122334455667788 && aligned == 7 &&
                 is_aligned((uintptr_t)&aligned, SYS_TLS_ALIGN);
    for (unsigned i = 0; i < COUNT_OF(zero); i++)
        right &= zero[i] == 0;
    return right;
}

/* Counts in its own data, and lets the others run. */
static uint64_t count_own(void *argument, void *page)
{
    uint64_t number = (uint64_t)argument;
    (void)page;
    EXPECT(as_in_the_image());
    where[number] = &given;
    given = zero[0] = aligned = number;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        given += 1;
        zero[0] += 1;
        aligned += 1;
        if (i % 64 == 0)
            (void)tern_yield();
    }
    EXPECT(given == number + ROUNDS && zero[0] == given && aligned == given && zero[1] == 0);
    atomic_fetch_add(&done, 1);
    return 0;
}

TEST(tls_each_thread_has_its_own)
{
    slot_t thread = {0};
    EXPECT(as_in_the_image());
    given = 99;
    atomic_store(&done, 0);
    for (uint64_t i = 0; i < THREADS; i++) {
        REQUIRE(sys_thread_start(count_own, (void *)i, stacks[i], STACK, &thread) == OK);
        EXPECT(tern_cap_delete(thread) == OK);
    }
    while (atomic_load(&done) != THREADS)
        (void)tern_yield();
    EXPECT(given == 99 && zero[0] == 0 && aligned == 7);
    for (unsigned i = 0; i < THREADS; i++)
        EXPECT(where[i] != &given && where[i] != where[(i + 1) % THREADS]);
}

/* Other than the pointer in use, nothing changes; what is no user's address is refused. */
TEST(tls_thread_pointer_is_bounded)
{
    static const uint64_t wrong[] = {SPACE_END, UINT64_C(1) << 63, UINT64_MAX};
    for (unsigned i = 0; i < COUNT_OF(wrong); i++)
        EXPECT(tern_thread_pointer((uaddr_t){wrong[i]}) == ERR_bad_argument);
    EXPECT(given == 99);
}

static uint64_t set_pointer(void *argument, void *page)
{
    (void)page;
    EXPECT(tern_thread_pointer((uaddr_t){(uintptr_t)argument}) == OK);
    atomic_store(&done, 1);
    for (;;)
        (void)tern_yield();
}

/* It is what the thread's state says, and what it goes on with. */
TEST(tls_thread_pointer_is_state)
{
    slot_t thread = {0};
    const struct abi_registers *registers = sys_page;
    atomic_store(&done, 0);
    REQUIRE(sys_thread_start(set_pointer, zero, stacks[0], STACK, &thread) == OK);
    while (atomic_load(&done) == 0)
        (void)tern_yield();
    EXPECT(tern_thread_suspend(thread) == OK && registers_get(thread) == OK);
    EXPECT(registers_thread_pointer(registers) == (uintptr_t)zero);
    EXPECT(tern_object_kill(thread) == OK && tern_cap_delete(thread) == OK);
}
