/*
 * Native test: faults of each class, delivered to a thread's handler with address and access;
 * handlers that repair and resume; threads that nobody helps.
 */
#include "guest_thread.h"
#include "lib/types.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <guest_arch.h>
#include <root.h>
#include <space.h>
#include <stdatomic.h>

#define MS      UINT64_C(1000000)
#define SELF    root_slot(ROOT_SLOT_PROCESS)
#define JOB     root_slot(ROOT_SLOT_JOB)
#define NO_SLOT ((slot_t){0})
#define BADGE   55
#define STACK   16384
#define HOLE    UINT64_C(0x30000000) /* nothing is mapped from here on */
#define VALUE   UINT64_C(0x1122334455667788)

static slot_t port, reply;
static uint8_t stack[STACK] __attribute__((aligned(16)));
static uint64_t fault_at, fault_skip; /* of the instruction, and where to go on */
static _Atomic(uint64_t) seen;

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static slot_t worker_start(void (*entry)(uint64_t), uint64_t argument, bool handled)
{
    static uint64_t page = UINT64_C(0x20000000);
    slot_t thread = {0};
    page += 2 * MESSAGE_PAGE;
    EXPECT(tern_object_create(JOB, OBJECT_thread, SELF, page, &thread) == OK);
    if (handled)
        EXPECT(thread_route(thread, NO_SLOT, 0, port, BADGE) == OK);
    EXPECT(tern_thread_start(thread, (uaddr_t){(uintptr_t)entry},
                             (uaddr_t){(uintptr_t)stack + STACK}, argument) == OK);
    return thread;
}

static bool expect(struct message *message, enum message_kind kind)
{
    error_t error = tern_port_receive(port, reply, message, now() + 2000 * MS);
    EXPECT(error == OK && message->kind == kind && message->badge == BADGE);
    return error == OK && message->kind == kind;
}

static void resume(void)
{
    struct message message = {.way = ANSWER_RESUME};
    EXPECT(tern_port_reply(reply, &message) == OK);
}

static void expect_exit(slot_t thread, uint64_t reason, uint64_t value)
{
    struct message message;
    if (expect(&message, MESSAGE_exit))
        EXPECT(message.word[0] == reason && message.word[1] == value);
    EXPECT(tern_cap_delete(thread) == OK);
}

static void show_page(uint64_t va, uint64_t access)
{
    slot_t memory = {0};
    EXPECT(tern_object_create(JOB, OBJECT_memory, NO_SLOT, PAGE_SIZE, &memory) == OK);
    EXPECT(tern_space_map(SELF, memory, 0, (uaddr_t){va}, PAGE_SIZE, access) == OK);
    EXPECT(tern_cap_delete(memory) == OK);
}

static void run_accesses(uint64_t argument)
{
    volatile uint64_t *hole = (volatile uint64_t *)argument;
    atomic_store(&seen, hole[1]);
    hole[2] = VALUE;
    atomic_store(&seen, hole[2]);
    sys_exit(7);
}

/* A handler that is a pager: it maps the page, and the access is made again. */
TEST(fault_mapped_and_resumed)
{
    struct message message;
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    slot_t thread = worker_start(run_accesses, HOLE, true);
    REQUIRE(expect(&message, MESSAGE_fault));
    EXPECT(message.word[0] == FAULT_page && message.word[1] == HOLE + 8);
    EXPECT(message.word[2] == SPACE_READ);
    EXPECT(message.word[3] >= (uintptr_t)run_accesses &&
           message.word[3] < (uintptr_t)run_accesses + 256);
    show_page(HOLE, SPACE_READ);
    resume();
    REQUIRE(expect(&message, MESSAGE_fault));
    EXPECT(atomic_load(&seen) == 0);
    EXPECT(message.word[0] == FAULT_page && message.word[1] == HOLE + 16);
    EXPECT(message.word[2] == SPACE_WRITE);
    EXPECT(tern_space_protect(SELF, (uaddr_t){HOLE}, PAGE_SIZE, SPACE_READ | SPACE_WRITE,
                              &message.word[0]) == OK);
    resume();
    expect_exit(thread, EXIT_exited, 7);
    EXPECT(atomic_load(&seen) == VALUE);
}

static void run_jump(uint64_t argument)
{
    ((void (*)(void))argument)();
}

/* Nothing there, and what is there is no code. The thread is set to go on elsewhere. */
TEST(fault_of_execution)
{
    struct message message;
    struct abi_registers *registers = sys_page;
    slot_t thread = worker_start(run_jump, HOLE, true);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(expect(&message, MESSAGE_fault));
        EXPECT(message.word[0] == FAULT_page && message.word[1] == HOLE + i * 2 * PAGE_SIZE);
        EXPECT(message.word[2] == SPACE_EXECUTE && message.word[3] == message.word[1]);
        EXPECT(registers_get(reply) == OK);
        *registers_pc(registers) = HOLE + 2 * PAGE_SIZE;
        if (i == 1) {
            *registers_pc(registers) = (uintptr_t)sys_exit;
            *registers_word(registers) = 8;
        }
        EXPECT(registers_set(reply) == OK);
        resume();
    }
    expect_exit(thread, EXIT_exited, 8);
}

/* Each way to fault, by number; the classes that they are. */
#define CASE_CLASS(class, before, code) class,
static const uint64_t classes[] = {GUEST_FAULTS(CASE_CLASS)};

#define CASE_CODE(class, before, code)                                                             \
    case __COUNTER__ - FIRST_CASE:                                                                 \
        GUEST_FAULT(class, before, code)
enum { FIRST_CASE = __COUNTER__ + 1 };

static void run_fault(uint64_t number)
{
    switch (number) {
        GUEST_FAULTS(CASE_CODE)
    default:
        break;
    }
    sys_exit(number);
}

TEST(fault_classes)
{
    struct message message;
    struct abi_registers *registers = sys_page;
    for (uint64_t i = 0; i < COUNT_OF(classes); i++) {
        fault_at = fault_skip = 0;
        slot_t thread = worker_start(run_fault, i, true);
        if (expect(&message, MESSAGE_fault)) {
            EXPECT(message.word[0] == classes[i]);
            bool behind = message.word[0] == FAULT_step || message.word[0] == FAULT_breakpoint;
            EXPECT(message.word[3] == fault_at || (behind && message.word[3] == fault_skip));
            EXPECT(registers_get(reply) == OK);
            EXPECT(*registers_pc(registers) == message.word[3]);
            *registers_pc(registers) = fault_skip;
            guest_step_off(registers);
            EXPECT(registers_set(reply) == OK);
            resume();
        }
        expect_exit(thread, EXIT_exited, i);
    }
}

/* A handler that goes away with the fault ends the thread. */
TEST(fault_unanswered)
{
    struct message message;
    slot_t thread = worker_start(run_accesses, HOLE + 16 * PAGE_SIZE, true);
    REQUIRE(expect(&message, MESSAGE_fault));
    EXPECT(tern_cap_delete(reply) == OK);
    reply = NO_SLOT;
    expect_exit(thread, EXIT_unanswered, MESSAGE_fault);
    REQUIRE(sys_reply_create(&reply) == OK);
}

/* One that nobody watches ends alone; its process goes on. */
TEST(fault_without_handler)
{
    slot_t thread = worker_start(run_accesses, HOLE + 16 * PAGE_SIZE, false);
    error_t error = ERR_busy;
    for (uint64_t end = now() + 2000 * MS; error == ERR_busy && now() < end;) {
        (void)tern_yield();
        error = registers_get(thread);
    }
    EXPECT(error == ERR_dead);
    EXPECT(tern_cap_delete(thread) == OK);
}

/* A foreign thread's faults go where its calls go, by that badge. */
TEST(fault_of_foreign_thread)
{
    struct message message;
    slot_t thread = {0}, other = {0};
    REQUIRE(sys_port_create(0, &other) == OK);
    EXPECT(tern_object_create(JOB, OBJECT_thread, SELF, 0x28000000, &thread) == OK);
    EXPECT(thread_route(thread, port, BADGE, other, 1) == OK);
    EXPECT(tern_thread_start(thread, (uaddr_t){(uintptr_t)run_accesses},
                             (uaddr_t){(uintptr_t)stack + STACK}, HOLE + 16 * PAGE_SIZE) == OK);
    REQUIRE(expect(&message, MESSAGE_fault));
    EXPECT(message.word[0] == FAULT_page && message.word[2] == SPACE_READ);
    EXPECT(tern_thread_kick(thread) == ERR_busy);
    EXPECT(tern_cap_delete(reply) == OK);
    EXPECT(tern_port_receive(other, NO_SLOT, &message, now() + 2000 * MS) == OK);
    EXPECT(message.kind == MESSAGE_exit && message.badge == 1);
    EXPECT(tern_cap_delete(thread) == OK && tern_cap_delete(other) == OK);
}
