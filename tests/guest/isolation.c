/*
 * Native test: a process can touch nothing that it was not given. Loads, stores and jumps to what
 * is not its own are faults, which are told to its handler; a process without capabilities finds
 * none by guessing; what it writes, it writes into its own copy; no register image reaches the
 * kernel.
 */
#include "lib/string.h"
#include "lib/types.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>
#include <state.h>
#include <stdatomic.h>

#define STACK_SIZE 16384
#define TIMEOUT_NS UINT64_C(5000000000)
#define GUESSES    4096 /* indices, each with some generations */
#define READ_ONLY  UINT64_C(0x30000000)
#define MARK       0x600d

enum probe { PROBE_LOAD, PROBE_STORE, PROBE_JUMP, PROBES };

static struct {
    slot_t port, reply, thread;
    enum probe probe;
    uint64_t address;
    _Atomic(bool) go;
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
} prober;

static volatile uint64_t private_word = MARK;

static uint64_t deadline(void)
{
    uint64_t now = 0;
    (void)tern_clock_read(&now);
    return now + TIMEOUT_NS;
}

static uint64_t probe_run(void *argument, void *page)
{
    (void)argument, (void)page;
    while (!atomic_load(&prober.go))
        (void)tern_yield();
    volatile uint8_t *at = (volatile uint8_t *)prober.address;
    if (prober.probe == PROBE_LOAD)
        (void)*at;
    else if (prober.probe == PROBE_STORE)
        *at = 1;
    else
        ((void (*)(void))prober.address)();
    return 0;
}

/* A thread whose faults come to our port. */
static bool prober_start(void)
{
    atomic_store(&prober.go, false);
    if (sys_thread_start(probe_run, NULL, prober.stack, STACK_SIZE, &prober.thread) != OK)
        return false;
    struct state_thread_basic *state = sys_page;
    state->handler.value = prober.port.value;
    return tern_thread_suspend(prober.thread) == OK &&
           tern_object_set(prober.thread, STATE_thread_basic, STATE_BIT(thread, basic, handler),
                           sizeof(*state), (slot_t){0}) == OK &&
           tern_thread_resume(prober.thread) == OK;
}

static void prober_end(void)
{
    struct message message = {0};
    EXPECT(tern_object_kill(prober.thread) == OK);
    do /* its faults that are left, then its end */
        EXPECT(tern_port_receive(prober.port, prober.reply, &message, deadline()) == OK);
    while (message.kind == MESSAGE_fault);
    EXPECT(message.kind == MESSAGE_exit);
    EXPECT(tern_cap_delete(prober.thread) == OK);
}

static void probe(enum probe how, uint64_t address)
{
    struct message message = {0};
    prober.probe = how;
    prober.address = address;
    REQUIRE(prober_start());
    atomic_store(&prober.go, true);
    error_t error = tern_port_receive(prober.port, prober.reply, &message, deadline());
    bool told = error == OK && message.kind == MESSAGE_fault;
    if (!told || (message.word[0] == FAULT_page && message.word[1] != address))
        sys_print("probe %u of 0x%lx: %s, kind %u, fault %lu at 0x%lx\n", how,
                  (unsigned long)address, error_text(error), message.kind,
                  (unsigned long)message.word[0], (unsigned long)message.word[1]);
    EXPECT(told);
    EXPECT(message.word[0] != FAULT_page || message.word[1] == address);
    prober_end();
}

TEST(isolation_prepare)
{
    slot_t memory;
    REQUIRE(sys_port_create(8, &prober.port) == OK && sys_reply_create(&prober.reply) == OK);
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, MESSAGE_PAGE,
                               &memory) == OK);
    REQUIRE(tern_space_map(root_slot(ROOT_SLOT_PROCESS), memory, 0, (uaddr_t){READ_ONLY},
                           MESSAGE_PAGE, SPACE_READ) == OK);
}

/* The kernel, memory as the kernel sees it, addresses that are none, and holes of our own. */
TEST(isolation_addresses)
{
    static const uint64_t foreign[] = {
        0,
        UINT64_C(0x50000000),
        SPACE_END,
        UINT64_C(0x0000800000000000),
        UINT64_C(0x7fff800000000000),
        UINT64_C(0xffff000000000000),
        UINT64_C(0xffff800000000000),
        UINT64_C(0xffff800000100000),
        UINT64_C(0xffffc00000000000),
        UINT64_C(0xffffffff80000000),
        UINT64_C(0xffffffff80200000),
        UINT64_C(0xfffffffffffff000),
    };
    for (unsigned i = 0; i < COUNT_OF(foreign); i++)
        for (enum probe how = PROBE_LOAD; how < PROBES; how++)
            probe(how, foreign[i]);
}

TEST(isolation_access)
{
    probe(PROBE_STORE, READ_ONLY);
    probe(PROBE_JUMP, READ_ONLY);
    probe(PROBE_STORE, (uintptr_t)probe_run & ~UINT64_C(3)); /* code */
    probe(PROBE_JUMP, (uintptr_t)prober.stack);
}

/* The kernel copies nothing across a border, in either direction. */
TEST(isolation_buffers)
{
    static const uint64_t bad[] = {READ_ONLY + MESSAGE_PAGE - 8, SPACE_END - 8, UINT64_MAX - 8,
                                   UINT64_C(0xffff800000000000), UINT64_C(0xffffffff80200000)};
    slot_t memory;
    uint64_t done;
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, MESSAGE_PAGE,
                               &memory) == OK);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        error_t error = tern_memory_write(memory, 0, (uaddr_t){bad[i]}, 16, &done);
        EXPECT(error == ERR_bad_address || (i == 0 && error == OK && done == 8));
        error = tern_memory_read(memory, 0, (uaddr_t){bad[i]}, 16, &done);
        EXPECT(error == ERR_bad_address || (i == 0 && error == ERR_denied));
        EXPECT(tern_debug_write((uaddr_t){bad[i]}, 16) == ERR_bad_address);
    }
    EXPECT(tern_cap_delete(memory) == OK);
}

/* In a process without capabilities: how many of the guessed handles name something. */
static uint64_t guess_run(void *argument, void *page)
{
    uint64_t found = 0;
    (void)argument, (void)page;
    for (uint64_t index = 0; index < GUESSES; index++)
        for (uint64_t generation = 0; generation < 4; generation++) {
            slot_t derived;
            error_t error = tern_cap_derive((slot_t){generation << 32 | index},
                                            (rights_t){RIGHTS_ALL}, 0, &derived);
            found += error != ERR_bad_slot;
        }
    private_word = 0;
    return found + 1;
}

TEST(isolation_child)
{
    slot_t process, thread, job = root_slot(ROOT_SLOT_JOB);
    const struct state_thread_basic *state = sys_page;
    uint64_t size, next, until = deadline(), now = 0;
    REQUIRE(sys_child_create(job, &process) == OK);
    REQUIRE(sys_child_thread(job, process, 0, guess_run, NULL, &thread) == OK);
    do {
        (void)tern_yield();
        (void)tern_clock_read(&now);
        EXPECT(tern_object_info(thread, STATE_thread_basic, 0, &size, &next) == OK);
    } while (state->wait != WAIT_DEAD && now < until);
    EXPECT(state->wait == WAIT_DEAD && state->exit_value == 1);
    EXPECT(private_word == MARK);
    EXPECT(tern_cap_delete(thread) == OK && tern_cap_delete(process) == OK);
}

/* Registers full of one byte: they are refused, or the thread faults with them, in user mode. */
TEST(isolation_registers)
{
    static const uint8_t bytes[] = {0x00, 0xff, 0x80, 0x7f, 0xaa};
    for (unsigned i = 0; i < COUNT_OF(bytes); i++)
        for (uint64_t part = STATE_thread_registers; part <= STATE_thread_fpu; part++) {
            uint64_t size = 0, next = 0;
            REQUIRE(prober_start());
            EXPECT(tern_thread_suspend(prober.thread) == OK);
            error_t error = tern_object_info(prober.thread, part, 0, &size, &next);
            EXPECT(error == OK && size <= MESSAGE_PAGE);
            memset(sys_page, bytes[i], size);
            error = tern_object_set(prober.thread, part, UINT64_MAX, size, (slot_t){0});
            if (error != OK && error != ERR_bad_argument)
                sys_print("part %lu of 0x%x: %s\n", (unsigned long)part, bytes[i],
                          error_text(error));
            EXPECT(error == OK || error == ERR_bad_argument);
            EXPECT(tern_thread_resume(prober.thread) == OK);
            for (unsigned turn = 0; turn < 10; turn++)
                (void)tern_yield();
            prober_end();
        }
}
