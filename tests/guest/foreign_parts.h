/*
 * The personality of foreign.c and the workers that it serves: start, answer, kick, end. For
 * foreign.c alone.
 */
#ifndef FOREIGN_PARTS_H
#define FOREIGN_PARTS_H

#include "guest_thread.h"
#include "lib/types.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <guest_arch.h>
#include <root.h>
#include <stdatomic.h>

#define MS      UINT64_C(1000000)
#define SELF    root_slot(ROOT_SLOT_PROCESS)
#define NO_SLOT ((slot_t){0})
#define LEAVE   (UINT64_C(1) << 40)
#define BADGE   77
#define H_BADGE 88
#define STACK   16384

static slot_t port, handler, reply;
static uint8_t stacks[2][STACK] __attribute__((aligned(16)));
static _Atomic(uint64_t) wrong; /* what workers found wrong, by line */
static _Atomic(uint64_t) turns;
static _Atomic(bool) stop;

#define AGREE(expression)                                                                          \
    do {                                                                                           \
        if (!(expression))                                                                         \
            atomic_store(&wrong, __LINE__);                                                        \
    } while (0)

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static slot_t worker_make(void)
{
    static uint64_t page = UINT64_C(0x20000000);
    slot_t thread = {0};
    page += 2 * MESSAGE_PAGE;
    EXPECT(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_thread, SELF, page, &thread) == OK);
    return thread;
}

static void worker_go(slot_t thread, void (*entry)(uint64_t), unsigned number)
{
    EXPECT(tern_thread_start(thread, (uaddr_t){(uintptr_t)entry},
                             (uaddr_t){(uintptr_t)stacks[number] + STACK}, number) == OK);
}

static slot_t worker_start(void (*entry)(uint64_t))
{
    slot_t thread = worker_make();
    atomic_store(&wrong, 0);
    EXPECT(thread_route(thread, port, BADGE, handler, H_BADGE) == OK);
    worker_go(thread, entry, 0);
    return thread;
}

static bool receive(struct message *message)
{
    error_t error = tern_port_receive(port, reply, message, now() + 2000 * MS);
    EXPECT(error == OK);
    return error == OK;
}

/* What comes of the worker must be this. */
static bool expect_kind(struct message *message, enum message_kind kind)
{
    bool came = receive(message);
    EXPECT(!came || message->kind == kind);
    EXPECT(!came || message->badge == BADGE);
    return came && message->kind == kind;
}

static void answer(enum answer_way way, uint64_t result)
{
    struct message message = {.way = (uint8_t)way, .word = {result}};
    EXPECT(tern_port_reply(reply, &message) == OK);
}

/* Lets a worker that is held in its last call make that natively, and waits for its end. */
static void worker_leave(slot_t thread)
{
    struct message message = {0};
    EXPECT(thread_route(thread, NO_SLOT, 0, handler, H_BADGE) == OK);
    answer(ANSWER_RESTART, 0);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, now() + 2000 * MS) == OK);
    EXPECT(message.kind == MESSAGE_exit && message.badge == H_BADGE);
    EXPECT(message.word[0] == EXIT_exited && message.word[1] == LEAVE);
    EXPECT(atomic_load(&wrong) == 0);
    EXPECT(tern_cap_delete(thread) == OK);
}

static void worker_expect_leave(slot_t thread)
{
    struct message message;
    if (expect_kind(&message, MESSAGE_foreign)) {
        EXPECT(message.label == LEAVE);
        worker_leave(thread);
    }
}

/* --- workers --- */

static uint64_t foreign(uint64_t number, bool old)
{
    struct abi_call call = {.control = 0xabc, .label = number}, before;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        call.word[i] = number * 10 + i;
    for (unsigned i = 0; i < 4; i++)
        call.operand[i] = number + i;
    before = call;
    uint64_t result = guest_foreign(&call, old);
    guest_result_forget(&before);
    guest_result_forget(&call);
    const uint64_t *is = (const uint64_t *)&call, *was = (const uint64_t *)&before;
    for (unsigned i = 0; i < sizeof(call) / sizeof(*is); i++)
        AGREE(is[i] == was[i]);
    return result;
}

/* Both what the personality sees last, and the native call that it is made into. */
static void leave(void)
{
    struct abi_call call = {.control = CALL_thread_exit, .label = LEAVE, .word = {LEAVE}};
    abi_call(&call);
    for (;;)
        AGREE(false);
}

static void run_calls(uint64_t argument)
{
    (void)argument;
    for (uint64_t i = 100; i < 150; i++)
        AGREE(foreign(i, false) == i * 2);
    leave();
}

static void run_old_calls(uint64_t argument)
{
    (void)argument;
    AGREE(foreign(5, true) == 10);
    AGREE(foreign(6, false) == 12);
    AGREE(foreign(7, true) == 14);
    leave();
}

static void run_spin(uint64_t argument)
{
    (void)argument;
    while (!atomic_load(&stop))
        atomic_fetch_add(&turns, 1);
    leave();
}

static void run_other(uint64_t argument)
{
    AGREE(argument == 4711);
    leave();
}

static void run_simd(uint64_t argument)
{
    (void)argument;
    guest_simd_set(0x1234567890);
    AGREE(foreign(1, false) == 2);
    AGREE(guest_simd_get() == 0x1234567890);
    AGREE(foreign(2, false) == 4);
    AGREE(guest_simd_get() == 0x9876543210);
    leave();
}

static void run_count(uint64_t argument)
{
    (void)argument;
    uint64_t result = 1;
    for (uint64_t i = 1; result != 0; i++) {
        result = foreign(i, false);
        AGREE(result == i * 2 || result == 0);
    }
    leave();
}

/* --- tests --- */

static void check_call(const struct message *message, uint64_t number)
{
    EXPECT(message->label == number && message->bytes == 0 && message->caps == 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        EXPECT(message->word[i] == number * 10 + i);
}

#endif
