/*
 * Native benchmark: what kernel and personalities do for other threads: a forwarded foreign call, a
 * fault to a handler and back, an interrupt to a thread of higher priority that waits for it.
 * Printed as bench_ipc.c does.
 *
 * irq.user is what sel4bench measures (apps/irquser): from the interrupted thread's last stamp of
 * the counter to the driver's first. There that thread does nothing but stamp until a timer
 * interrupts it; here it raises the interrupt itself, by a device that can be told to at once
 * (tests/guest/irq.c has the same). What that takes, from the same stamp to one behind the access
 * and with the line still masked, is measured first and taken away: where there are I/O
 * ports two system calls, of which the second is timed, elsewhere a store. So two reads of the
 * counter, and what the stub does behind its system call, are not in the figure. Each turn starts
 * with a stretch of another length, so that a counter that ticks every 16 instructions is right on
 * average.
 */
#include "bench.h"
#include "guest_thread.h"
#include "sys/message.h"
#include <device.h>
#include <guest_arch.h>
#include <root.h>
#include <space.h>

#define STACK   16384
#define JOB     root_slot(ROOT_SLOT_JOB)
#define SELF    root_slot(ROOT_SLOT_PROCESS)
#define NO_SLOT ((slot_t){0})

static slot_t port, reply;
static uint8_t stack[STACK] __attribute__((aligned(16)));
static uint64_t fault_at, fault_skip;

/* --- the personality's side: this thread; it serves until the worker is done --- */

static slot_t worker_start(void (*entry)(uint64_t), bool foreign)
{
    static uint64_t page = UINT64_C(0x20000000);
    slot_t thread = {0};
    page += 2 * MESSAGE_PAGE;
    bench_need("a thread", tern_object_create(JOB, OBJECT_thread, SELF, page, &thread));
    bench_need("its route", thread_route(thread, foreign ? port : NO_SLOT, 1, port, 2));
    bench_need("its start", tern_thread_start(thread, (uaddr_t){(uintptr_t)entry},
                                              (uaddr_t){(uintptr_t)stack + STACK}, 0));
    return thread;
}

static _Noreturn void worker_end(void)
{
    for (;;)
        (void)tern_thread_exit(0);
}

/* --- foreign calls --- */

static uint64_t foreign_ticks;

static void run_foreign(uint64_t argument)
{
    (void)argument;
    struct abi_call call = {.label = 39};
    for (unsigned i = 0; i < BENCH_WARM; i++)
        (void)guest_foreign(&call, false);
    uint64_t before = sys_counter();
    _Pragma("clang loop unroll(disable)") for (unsigned i = 0; i < BENCH_CALLS; i++)
    {
        struct abi_call each = {.label = 39};
        abi_call_short(&each, 0, 6);
    }
    foreign_ticks = sys_counter() - before;
    worker_end();
}

/* Each call is answered by `statement`, an answer and a receive. */
#define BENCH_FOREIGN(bench_name, statement)                                                       \
    do {                                                                                           \
        struct message message = {0};                                                              \
        slot_t thread = worker_start(run_foreign, true);                                           \
        bench_need("a call", tern_port_receive(port, reply, &message, DEADLINE_NEVER));            \
        for (unsigned turn = 0; turn < BENCH_WARM + BENCH_CALLS; turn++)                           \
            statement;                                                                             \
        bench_say(bench_name, foreign_ticks, BENCH_CALLS);                                         \
        bench_need("an end", thread_route(thread, NO_SLOT, 0, NO_SLOT, 0));                        \
        message.way = ANSWER_RESTART;                                                              \
        bench_need("an end", tern_port_reply(reply, &message));                                    \
    } while (0)

static uint8_t written[MESSAGE_PAGE], bytes[MESSAGE_PAGE];

/* What a server of read() does: bytes into the caller's memory, and how many they are. */
static inline __attribute__((always_inline)) void answer_bytes(slot_t on, slot_t with,
                                                               uint64_t size)
{
    uint64_t words[] = {size, (uintptr_t)written, (uintptr_t)bytes, size};
    (void)words_exchange(CALL_port_reply_receive | CONTROL_RANGE, on, with, words, 4, 0);
}

/* The same by two calls. */
static inline __attribute__((always_inline)) void write_and_answer(slot_t on, slot_t with,
                                                                   uint64_t size)
{
    struct space_range range = {{(uintptr_t)written}, size};
    uint64_t words[] = {size}, done;
    (void)tern_space_write(SELF, (uaddr_t){(uintptr_t)&range}, 1, (uaddr_t){(uintptr_t)bytes},
                           &done);
    (void)tern_port_reply_receive_short(on, with, words, 1);
}

static void bench_foreign(void)
{
    uint64_t words[MESSAGE_WORDS] = {0};
    const slot_t on = port, with = reply;
    BENCH_FOREIGN("foreign.call_reply.6", (void)tern_port_reply_receive_short(on, with, words, 6));
    bytes[63] = 1;
    BENCH_FOREIGN("foreign.reply.64B", answer_bytes(on, with, 64));
    bench_need("64 bytes", written[63] == 1 ? OK : ERR_bad_argument);
    bytes[MESSAGE_PAGE - 1] = 2;
    BENCH_FOREIGN("foreign.reply.4K", answer_bytes(on, with, MESSAGE_PAGE));
    bench_need("4096 bytes", written[MESSAGE_PAGE - 1] == 2 ? OK : ERR_bad_argument);
    BENCH_FOREIGN("foreign.reply_and_write.64B", write_and_answer(on, with, 64));
    BENCH_FOREIGN("foreign.reply_and_write.4K", write_and_answer(on, with, MESSAGE_PAGE));
}

/* --- faults --- */

static void run_faults(uint64_t argument)
{
    (void)argument;
    for (;;) {
        uint64_t before = 0;
        for (unsigned i = 0; i < BENCH_WARM + BENCH_CALLS; i++) {
            if (i == BENCH_WARM)
                before = sys_counter();
            for (bool once = true; once; once = false) {
                GUEST_FAULT(FAULT_undefined, "", GUEST_UNDEFINED) /* and a break */
            }
        }
        foreign_ticks = sys_counter() - before;
        worker_end();
    }
}

static void run_fault_again(uint64_t argument)
{
    (void)argument;
    *(volatile uint64_t *)UINT64_C(0x30000000) = 1;
    worker_end();
}

/* The same access again and again, as seen by the handler: a fault and its answer each. */
static void bench_fault(void)
{
    const slot_t on = port, with = reply;
    struct message message = {0};
    uint64_t before = 0;
    slot_t thread = worker_start(run_fault_again, false);
    bench_need("a fault", tern_port_receive(on, with, &message, DEADLINE_NEVER));
    for (unsigned i = 0; i < BENCH_WARM + BENCH_CALLS; i++) {
        if (i == BENCH_WARM)
            before = sys_counter();
        message = (struct message){.way = ANSWER_RESUME};
        (void)tern_port_reply_receive(on, with, &message, DEADLINE_NEVER);
    }
    bench_say("fault.round_trip", sys_counter() - before, BENCH_CALLS);
    bench_need("a page", tern_object_kill(thread));
    bench_need("the end", tern_port_receive(on, NO_SLOT, &message, DEADLINE_NEVER));
}

/* The handler reads what it was, and sets the thread behind it. */
static void bench_faults(void)
{
    struct message message = {0};
    slot_t thread = worker_start(run_faults, false);
    bench_need("a fault", tern_port_receive(port, reply, &message, DEADLINE_NEVER));
    while (message.kind == MESSAGE_fault) {
        bench_need("registers", registers_get(reply));
        *registers_pc(sys_page) = fault_skip;
        bench_need("registers", registers_set(reply));
        message = (struct message){.way = ANSWER_RESUME};
        bench_need("an answer", tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER));
    }
    bench_say("fault.round_trip.registers", foreign_ticks, BENCH_CALLS);
    bench_need("the end", tern_cap_delete(thread));
}

/* --- interrupts --- */

static slot_t irq, irq_port, key_data, key_command;
static volatile uint32_t *clock;
static volatile uint64_t raised;
static uint64_t irq_ticks;

/* Ticks from `raised` on; with the interrupt, those until this thread runs again. */
static uint64_t irq_raise(unsigned turn)
{
    const slot_t data = key_data;
    const uint32_t seconds = clock == NULL ? 0 : clock[0];
    if (clock == NULL)
        (void)tern_ioport_write(key_command, 0x64, 1, 0xd2);
    for (unsigned i = turn % 32; i != 0; i--)
        __asm__ volatile("nop"); /* an odd number of instructions: all phases of the counter */
    raised = sys_counter();
    if (clock == NULL)
        (void)tern_ioport_write(data, 0x60, 1, 0x55);
    else
        clock[1] = seconds;
    return sys_counter() - raised;
}

static void irq_quiet(void)
{
    uint64_t value;
    if (clock == NULL)
        (void)tern_ioport_read(key_data, 0x60, 1, &value);
    else
        clock[7] = 1;
}

static uint64_t run_driver(void *argument, void *page)
{
    struct message message = {0};
    (void)argument;
    (void)page;
    for (unsigned i = 0;; i++) {
        if (tern_port_receive(irq_port, NO_SLOT, &message, DEADLINE_NEVER) != OK)
            return 1;
        if (i >= BENCH_WARM)
            irq_ticks += sys_counter() - raised;
        irq_quiet();
        (void)tern_irq_acknowledge(irq);
    }
}

static void device_find(void)
{
    slot_t device = {0}, memory = {0};
    if (tern_object_create(JOB, OBJECT_ioport, NO_SLOT, 1u << 16 | 0x60, &key_data) == OK) {
        bench_need("ports",
                   tern_object_create(JOB, OBJECT_ioport, NO_SLOT, 1u << 16 | 0x64, &key_command));
        (void)tern_ioport_write(key_command, 0x64, 1, 0x60);
        (void)tern_ioport_write(key_data, 0x60, 1, 1);
        bench_need("a line", tern_object_create(JOB, OBJECT_irq, NO_SLOT, 1, &irq));
        return;
    }
    *(struct abi_device *)sys_page =
        (struct abi_device){.identity = 1, .ranges = {{0x09010000, PAGE_SIZE, 0}}};
    bench_need("a device", tern_object_create(JOB, OBJECT_device, NO_SLOT, 0, &device));
    bench_need("registers", tern_object_create(JOB, OBJECT_memory, device, 0, &memory));
    bench_need("registers", tern_space_map(SELF, memory, 0, (uaddr_t){0x10000000}, PAGE_SIZE,
                                           SPACE_READ | SPACE_WRITE));
    clock = (volatile uint32_t *)0x10000000;
    clock[4] = 1;
    bench_need("a line", tern_object_create(JOB, OBJECT_irq, NO_SLOT, 34, &irq));
}

static void bench_irq(void)
{
    static uint8_t driver_stack[STACK];
    uint64_t address, data, raising = 0;
    slot_t thread = {0};
    struct state_thread_basic *basic = sys_page;
    device_find();
    for (unsigned i = 0; i < BENCH_WARM + BENCH_CALLS; i++) {
        uint64_t ticks = irq_raise(i);
        raising += i < BENCH_WARM ? 0 : ticks;
        irq_quiet();
    }
    bench_need("a port", sys_port_create(0, &irq_port));
    bench_need("a binding", tern_irq_bind(irq, irq_port, 1, &address, &data));
    bench_need("a driver", sys_thread_start(run_driver, NULL, driver_stack, STACK, &thread));
    *basic = (struct state_thread_basic){.class = 3, .priority = 40};
    bench_need("its priority",
               tern_object_set(thread, STATE_thread_basic, THREAD_BIT(class) | THREAD_BIT(priority),
                               sizeof(*basic), NO_SLOT));
    for (unsigned i = 0; i < 10; i++)
        (void)tern_yield();
    for (unsigned i = 0; i < BENCH_WARM + BENCH_CALLS; i++)
        (void)irq_raise(i);
    bench_say("irq.user.raise", raising, BENCH_CALLS);
    bench_say("irq.user", irq_ticks - raising, BENCH_CALLS);
}

int main(void)
{
    bench_need("a port", sys_port_create(0, &port));
    bench_need("a reply object", sys_reply_create(&reply));
    bench_irq(); /* first: from there on this thread may be lent to, and that is looked at */
    bench_foreign();
    bench_fault();
    bench_faults();
    (void)fault_at;
    return 0;
}
