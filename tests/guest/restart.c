/*
 * Native test: every call, and every wait of a call, once. By itself it shows that they wait and go
 * on; in restart mode (restart=all) it covers all points at which calls are aborted.
 */
#include "forms.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <stdatomic.h>

#define PAUSE_NS UINT64_C(2000000)

static slot_t port, reply;
static uint32_t word;
static _Atomic(uint32_t) step; /* waits that the other thread has behind it */
static uint8_t stack[16384] __attribute__((aligned(16)));

/* Each call waits: what it waits for comes later, by main. */
static uint64_t waits_run(void *argument, void *page)
{
    struct message message = {.label = 7};
    (void)argument, (void)page;
    EXPECT(tern_port_send(port, &message, DEADLINE_NEVER) == OK);
    atomic_store(&step, 1);
    EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK && message.label == 8);
    atomic_store(&step, 2);
    EXPECT(tern_port_receive(port, reply, &message, DEADLINE_NEVER) == OK && message.label == 9);
    atomic_store(&step, 3);
    EXPECT(tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER) == OK);
    EXPECT(message.label == 11);
    atomic_store(&step, 4);
    EXPECT(tern_word_wait((uaddr_t){(uintptr_t)&word}, 0, DEADLINE_NEVER) == OK);
    atomic_store(&step, 5);
    return 0;
}

/* Long enough for the other thread to wait again. */
static void wait_pause(void)
{
    static uint32_t never;
    uint64_t now = 0;
    (void)tern_clock_read(&now);
    (void)tern_word_wait((uaddr_t){(uintptr_t)&never}, 0, now + PAUSE_NS);
}

static void await_step(uint32_t wanted)
{
    while (atomic_load(&step) < wanted)
        (void)tern_yield();
    wait_pause();
}

TEST(restart_waits)
{
    slot_t thread, own;
    struct message message = {0};
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    REQUIRE(sys_reply_create(&own) == OK);
    REQUIRE(sys_thread_start(waits_run, NULL, stack, sizeof(stack), &thread) == OK);
    wait_pause();
    EXPECT(tern_port_receive(port, own, &message, DEADLINE_NEVER) == OK && message.label == 7);
    await_step(1);
    EXPECT(tern_port_receive(port, own, &message, DEADLINE_NEVER) == OK && message.label == 7);
    message.label = 8;
    EXPECT(tern_port_reply(own, &message) == OK);
    for (uint32_t i = 2; i < 4; i++) {
        await_step(i);
        message.label = i == 2 ? 9 : 11;
        EXPECT(tern_port_send(port, &message, DEADLINE_NEVER) == OK);
    }
    await_step(4);
    uint64_t woken = 0;
    EXPECT(tern_word_wake((uaddr_t){(uintptr_t)&word}, 1, &woken) == OK && woken == 1);
    await_step(5);
    EXPECT(tern_cap_delete(thread) == OK && tern_cap_delete(port) == OK);
}

TEST(restart_every_call)
{
    for (uint64_t number = 0; number < SYSCALL_LIMIT; number++) {
        struct abi_call call = {.control = number};
        if (forms[number].name == NULL || number == CALL_thread_exit)
            continue;
        abi_call(&call);
        EXPECT(form_lists(&forms[number], abi_status(&call)));
    }
}
