/*
 * Native test: a small personality. Threads whose system calls go to a port as they are, answers of
 * each way, kicks in each state, registers, ends.
 *
 * The first thread is the personality; workers play programs of another system. Their calls are
 * numbered (the label), and end in LEAVE, on which they are made native and so can exit.
 */
#include "foreign_parts.h"

TEST(foreign_calls)
{
    struct message message;
    REQUIRE(sys_port_create(0, &port) == OK && sys_port_create(0, &handler) == OK);
    REQUIRE(sys_reply_create(&reply) == OK);
    slot_t thread = worker_start(run_calls);
    for (uint64_t i = 100; i < 150; i++) {
        REQUIRE(expect_kind(&message, MESSAGE_foreign));
        check_call(&message, i);
        if (i == 120) { /* the same once more */
            answer(ANSWER_RESTART, 0);
            REQUIRE(expect_kind(&message, MESSAGE_foreign));
            check_call(&message, i);
        }
        answer(ANSWER_RESULT, i * 2);
    }
    worker_expect_leave(thread);
}

/* Answer and receive in one call, as a server does it. */
TEST(foreign_calls_served)
{
    struct message message;
    slot_t thread = worker_start(run_calls);
    REQUIRE(expect_kind(&message, MESSAGE_foreign));
    while (message.label != LEAVE) {
        message = (struct message){.word = {message.label * 2}};
        REQUIRE(tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER) == OK);
        EXPECT(message.kind == MESSAGE_foreign && message.badge == BADGE);
    }
    worker_leave(thread);
}

TEST(foreign_calls_old)
{
    struct message message;
    slot_t thread = worker_start(run_old_calls);
    for (uint64_t i = 5; i <= 7; i++) {
        bool old = GUEST_OLD_ENTRY && i != 6;
        REQUIRE(expect_kind(&message, old ? MESSAGE_foreign_old : MESSAGE_foreign));
        check_call(&message, i);
        answer(ANSWER_RESULT, i * 2);
    }
    worker_expect_leave(thread);
}

TEST(foreign_registers_by_reply)
{
    struct message message;
    struct abi_registers *registers = sys_page, old;
    slot_t thread = worker_start(run_calls);
    for (uint64_t i = 100; i < 150; i++) {
        REQUIRE(expect_kind(&message, MESSAGE_foreign));
        EXPECT(registers_get(reply) == OK);
        EXPECT(*registers_word(registers) == i * 10);
        EXPECT(*registers_sp(registers) > (uintptr_t)stacks[0] &&
               *registers_sp(registers) <= (uintptr_t)stacks[0] + STACK);
        old = *registers;
        *registers_result(registers) = i * 2;
        EXPECT(registers_set(reply) == OK);
        /* By the thread's own capability it is the same one. */
        EXPECT(registers_get(thread) == OK);
        EXPECT(*registers_pc(registers) == *registers_pc(&old));
        EXPECT(*registers_kept(registers) == *registers_kept(&old));
        EXPECT(*registers_result(registers) == i * 2);
        answer(ANSWER_RESUME, 0);
    }
    EXPECT(registers_get(reply) == ERR_not_found);
    worker_expect_leave(thread);
}

TEST(foreign_fpu_by_reply)
{
    struct message message;
    uint64_t *simd = (uint64_t *)((uint8_t *)sys_page + GUEST_FPU_AT), size = 0;
    slot_t thread = worker_start(run_simd);
    REQUIRE(expect_kind(&message, MESSAGE_foreign));
    EXPECT(fpu_get(reply, &size) == OK);
    EXPECT(*simd == 0x1234567890);
    answer(ANSWER_RESULT, 2);
    REQUIRE(expect_kind(&message, MESSAGE_foreign));
    EXPECT(fpu_get(reply, &size) == OK);
    *simd = 0x9876543210;
    EXPECT(fpu_set(reply, size - 1) == ERR_bad_argument && fpu_set(reply, 0) == ERR_bad_argument);
    EXPECT(fpu_set(reply, size) == OK);
    EXPECT(registers_get(reply) == OK);
    *registers_result(sys_page) = 4;
    EXPECT(registers_set(reply) == OK);
    answer(ANSWER_RESUME, 0);
    worker_expect_leave(thread);
}

static uint32_t never_woken;

static void wait_turns(void)
{
    uint64_t before = atomic_load(&turns);
    /* Asleep, since a yield lets only equals run, and who computes sinks below. */
    for (unsigned i = 0; i < 10000 && atomic_load(&turns) == before; i++)
        (void)tern_word_wait((uaddr_t){(uintptr_t)&never_woken}, 0, now() + MS);
    EXPECT(atomic_load(&turns) != before);
}

/* A thread that computes is kicked; then it goes on, or somewhere else: a signal handler. */
TEST(kick_running)
{
    struct message message;
    struct abi_registers *registers = sys_page;
    atomic_store(&stop, false);
    slot_t thread = worker_start(run_spin);
    for (unsigned i = 0; i < 20; i++) {
        wait_turns();
        EXPECT(tern_thread_kick(thread) == OK);
        REQUIRE(expect_kind(&message, MESSAGE_kick));
        EXPECT(message.way == ANSWER_RESUME);
        EXPECT(tern_thread_kick(thread) == ERR_busy); /* held already */
        answer(ANSWER_RESUME, 0);
    }
    wait_turns();
    EXPECT(registers_set(thread) == ERR_busy);
    EXPECT(tern_thread_kick(thread) == OK);
    REQUIRE(expect_kind(&message, MESSAGE_kick));
    EXPECT(registers_get(reply) == OK);
    *registers_pc(registers) = (uintptr_t)run_other;
    *registers_word(registers) = 4711;
    EXPECT(registers_set(reply) == OK);
    answer(ANSWER_RESUME, 0);
    worker_expect_leave(thread);
}

/* In issue: its call stands in the queue. The kick comes first and says so; then the call does. */
TEST(kick_in_issue)
{
    struct message message;
    slot_t thread = worker_start(run_calls);
    for (uint64_t i = 100; i < 150; i++) {
        for (unsigned turn = 0; turn < 20; turn++)
            (void)tern_yield();
        EXPECT(tern_thread_kick(thread) == OK);
        EXPECT(tern_thread_kick(thread) == OK); /* they do not queue */
        REQUIRE(receive(&message));
        if (message.kind == MESSAGE_kick) {
            EXPECT(i == 100 || message.way == ANSWER_RESTART || message.way == ANSWER_RESUME);
            answer(ANSWER_RESUME, 0);
            REQUIRE(expect_kind(&message, MESSAGE_foreign));
        }
        check_call(&message, i);
        answer(ANSWER_RESULT, i * 2);
        /* A kick may have come too late for that call: it comes before the next. */
    }
    REQUIRE(receive(&message));
    if (message.kind == MESSAGE_kick) {
        answer(ANSWER_RESUME, 0);
        REQUIRE(expect_kind(&message, MESSAGE_foreign));
    }
    EXPECT(message.label == LEAVE);
    worker_leave(thread);
}

/* Stopped: the kick is sent when it goes on. */
TEST(kick_parked)
{
    struct message message;
    atomic_store(&stop, false);
    slot_t thread = worker_start(run_spin);
    wait_turns();
    EXPECT(tern_thread_suspend(thread) == OK);
    uint64_t before = atomic_load(&turns);
    EXPECT(tern_thread_kick(thread) == OK);
    EXPECT(tern_port_receive(port, reply, &message, now() + 2 * MS) == ERR_timeout);
    EXPECT(atomic_load(&turns) == before);
    EXPECT(tern_thread_resume(thread) == OK);
    REQUIRE(expect_kind(&message, MESSAGE_kick));
    EXPECT(atomic_load(&turns) == before);
    atomic_store(&stop, true);
    answer(ANSWER_RESUME, 0);
    worker_expect_leave(thread);
    thread = worker_make();
    EXPECT(tern_thread_kick(thread) == ERR_bad_argument); /* no foreign port */
    EXPECT(tern_cap_delete(thread) == OK);
}

static _Atomic(bool) kicker_ended;
static slot_t kicked;

static void run_kicker(uint64_t argument)
{
    (void)argument;
    while (!atomic_load(&stop)) {
        error_t error = tern_thread_kick(kicked);
        AGREE(error == OK || error == ERR_busy);
        (void)tern_yield();
    }
    atomic_store(&kicker_ended, true);
    sys_exit(0);
}

/* Kicks at any time: each call comes once, in its order. It goes on until some kicks came. */
TEST(kick_storm)
{
    struct message message;
    uint64_t next = 1, came = 0, end = now() + 2000 * MS;
    atomic_store(&stop, false);
    slot_t thread = worker_start(run_count), kicker = worker_make();
    kicked = thread;
    worker_go(kicker, run_kicker, 1);
    REQUIRE(receive(&message));
    while (message.label != LEAVE || message.kind != MESSAGE_foreign) {
        if (message.kind == MESSAGE_kick) {
            came++;
            message = (struct message){.way = ANSWER_RESUME};
        } else {
            EXPECT(message.kind == MESSAGE_foreign);
            bool enough = next > 2000 && (came > 20 || now() > end);
            check_call(&message, next++);
            message = (struct message){.word = {enough ? 0 : message.label * 2}};
        }
        REQUIRE(tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER) == OK);
    }
    EXPECT(next > 2000 && came > 0);
    atomic_store(&stop, true);
    while (!atomic_load(&kicker_ended))
        (void)tern_yield();
    worker_leave(thread);
    EXPECT(tern_cap_delete(kicker) == OK);
}

/* A reply object that goes with a foreign call ends the caller, and its handler knows. */
TEST(foreign_unanswered)
{
    struct message message;
    slot_t thread = worker_start(run_calls);
    REQUIRE(expect_kind(&message, MESSAGE_foreign));
    EXPECT(tern_cap_delete(reply) == OK);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, now() + 2000 * MS) == OK);
    EXPECT(message.kind == MESSAGE_exit && message.word[0] == EXIT_unanswered);
    EXPECT(message.badge == H_BADGE);
    EXPECT(registers_get(thread) == ERR_dead);
    EXPECT(thread_route(thread, NO_SLOT, 0, NO_SLOT, 0) == ERR_dead);
    EXPECT(tern_cap_delete(thread) == OK);
    REQUIRE(sys_reply_create(&reply) == OK);
}

/* A new thread with registers of one's own: how a personality forks. */
TEST(registers_of_new_and_stopped)
{
    struct abi_registers *registers = sys_page;
    slot_t thread = worker_make();
    EXPECT(thread_route(thread, port, BADGE, handler, H_BADGE) == OK);
    EXPECT(registers_get(thread) == OK);
    *registers = (struct abi_registers){0};
    *registers_pc(registers) = (uintptr_t)run_other;
    *registers_sp(registers) = (uintptr_t)stacks[0] + STACK;
    *registers_word(registers) = 4711;
    EXPECT(registers_set(thread) == OK);
    EXPECT(thread_stand(thread) == OK);
    EXPECT(tern_thread_start(thread, (uaddr_t){PAGE_SIZE}, (uaddr_t){0}, 0) == ERR_busy);
    EXPECT(registers_get(thread) == OK);
    EXPECT(*registers_word(registers) == 4711);
    EXPECT(tern_thread_resume(thread) == OK);
    worker_expect_leave(thread);

    atomic_store(&stop, false);
    thread = worker_start(run_spin);
    wait_turns();
    EXPECT(thread_route(thread, port, BADGE, handler, H_BADGE) == ERR_busy);
    EXPECT(tern_thread_suspend(thread) == OK);
    EXPECT(thread_route(thread, port, BADGE, handler, H_BADGE) == OK);
    EXPECT(registers_get(thread) == OK);
    *registers_pc(registers) = (uintptr_t)run_other;
    *registers_word(registers) = 4711;
    EXPECT(registers_set(thread) == OK);
    EXPECT(tern_thread_resume(thread) == OK);
    worker_expect_leave(thread);
}

/* What is mapped there must not be run at random. */
static bool in_program(uint64_t pc)
{
    return pc >= 0x400000 && pc < 0x800000;
}

static uint64_t random_next(void)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Register images of an enemy: refused, or cut to what user mode may have; they fault there. */
TEST(registers_hostile)
{
    struct message message;
    uint64_t *words = sys_page;
    unsigned taken = 0;
    slot_t thread = worker_start(run_calls);
    REQUIRE(expect_kind(&message, MESSAGE_foreign));
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < sizeof(struct abi_registers) / sizeof(*words); i++) {
            uint64_t value = random_next(), shift = random_next() & 63;
            words[i] = (value & 3) != 0 ? value >> shift : (value & 4) != 0 ? ~value >> 60 : -1ul;
        }
        *registers_pc(sys_page) &= ~UINT64_C(0) >> (random_next() & 63);
        if (round % 2 != 0)
            guest_step_off(sys_page);
        error_t error = registers_set(reply);
        EXPECT(error == OK || error == ERR_bad_argument);
        if (error != OK || in_program(*registers_pc(sys_page)))
            continue;
        taken++;
        answer(ANSWER_RESUME, 0);
        REQUIRE(expect_kind(&message, MESSAGE_fault));
    }
    EXPECT(taken > 20);
    /* States of the FPU as well. */
    uint64_t size = 0;
    EXPECT(fpu_get(reply, &size) == OK);
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < size / 8; i++)
            words[i] = round % 2 != 0 ? random_next() : words[i] ^ 1ul << (random_next() & 63);
        error_t error = fpu_set(reply, size);
        EXPECT(error == OK || error == ERR_bad_argument);
    }
    EXPECT(registers_get(reply) == OK);
    *registers_pc(sys_page) = (uintptr_t)run_other;
    *registers_sp(sys_page) = (uintptr_t)stacks[0] + STACK;
    *registers_word(sys_page) = 4711;
    guest_step_off(sys_page);
    EXPECT(registers_set(reply) == OK);
    answer(ANSWER_RESUME, 0);
    worker_expect_leave(thread);
}

static void run_native_call(uint64_t argument)
{
    struct message message = {.label = argument};
    AGREE(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
    sys_exit(LEAVE);
}

/* A server sees nothing of a native caller but the message. */
TEST(registers_of_native_callers)
{
    struct message message;
    slot_t thread = worker_make(), weak = {0};
    EXPECT(thread_route(thread, NO_SLOT, 0, handler, H_BADGE) == OK);
    worker_go(thread, run_native_call, 0);
    REQUIRE(receive(&message) && message.kind == MESSAGE_call);
    EXPECT(registers_get(reply) == ERR_not_found);
    EXPECT(registers_set(reply) == ERR_not_found);
    answer(ANSWER_RESULT, 0);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, now() + 2000 * MS) == OK);
    EXPECT(message.word[0] == EXIT_exited && message.word[1] == LEAVE);
    EXPECT(tern_cap_derive(thread, (rights_t){RIGHT_read | RIGHT_write}, 0, &weak) == OK);
    EXPECT(registers_set(weak) == ERR_denied);
    EXPECT(registers_get(port) == ERR_bad_argument || registers_get(port) == ERR_not_found);
    EXPECT(thread_route(weak, NO_SLOT, 0, NO_SLOT, 0) == ERR_denied);
    EXPECT(tern_cap_delete(weak) == OK && tern_cap_delete(thread) == OK);
}

/* To be a foreign port takes the right to send to it; a badge on the capability stays. */
TEST(route_rights)
{
    slot_t thread = worker_make(), mute = {0}, badged = {0};
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_receive}, 0, &mute) == OK);
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_send}, 5, &badged) == OK);
    EXPECT(thread_route(thread, mute, 0, NO_SLOT, 0) == ERR_denied);
    EXPECT(thread_route(thread, NO_SLOT, 0, mute, 0) == ERR_denied);
    EXPECT(thread_route(thread, badged, 6, NO_SLOT, 0) == ERR_denied);
    EXPECT(thread_route(thread, badged, 5, badged, 5) == OK);
    EXPECT(thread_route(thread, (slot_t){12345}, 0, NO_SLOT, 0) == ERR_bad_slot);
    EXPECT(thread_route(thread, NO_SLOT, 0, NO_SLOT, 0) == OK);
    EXPECT(tern_cap_delete(mute) == OK && tern_cap_delete(badged) == OK);
    EXPECT(tern_cap_delete(thread) == OK);
}
