/*
 * The job of checkpoint.c: three processes, and one in a job below, whose threads talk to each
 * other and check themselves. For checkpoint.c alone.
 *
 * Each thread counts what it did in memory that all see, and finds out whether anything was lost,
 * came twice, or came in another order, and whether its clock ever went back.
 */
#ifndef CHECKPOINT_JOB_H
#define CHECKPOINT_JOB_H

#include "guest_thread.h"
#include "lib/string.h"
#include "lib/types.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/thread.h"
#include <guest_arch.h>
#include <root.h>
#include <space.h>
#include <state.h>
#include <stdatomic.h>
#include <sys_arch.h>

#define SHARED_VA  UINT64_C(0x7ff000000000)
#define PAGED_VA   UINT64_C(0x7ff100000000)
#define PAGED      8 /* pages that come from a pager */
#define PROCESSES  4 /* the last one in a job of its own */
#define MS         UINT64_C(1000000)
#define CLOCK_JUMP (300000 * MS) /* no thread is kept from running as long as that */

/* What all processes hold, each at the same handle. */
enum {
    H_NONE,
    H_CALLS,
    H_SLOW,
    H_ONE,
    H_MANY,
    H_BITS,
    H_REPLY,
    H_SLOW_REPLY,
    H_TICKS,
    H_PAGES,
    H_PAGED,
    H_STOCK,
    H_OS,
    H_OS_REPLY,
    H_TIMER,
    H_OUT, /* a port outside the job */
    H_LAST
};

/* One of each thread. */
enum {
    T_CALLER,
    T_SLOW_CALLER, /* waits in reply */
    T_NEXT_CALLER, /* waits in call, until the other one was served */
    T_INNER_CALLER,
    T_ONE_SENDER, /* waits in send */
    T_MANY_SENDER,
    T_COMPUTER,
    T_SERVER,
    T_SLOW_SERVER,
    T_BITS,    /* waits in receive, with a deadline */
    T_SLEEPER, /* waits on a word, with a deadline */
    T_ONE_RECEIVER,
    T_MANY_RECEIVER,
    T_TICKS,   /* waits for a timer */
    T_PAGED,   /* waits for pages */
    T_PAGER,   /* and who brings them */
    T_FOREIGN, /* waits in foreign calls */
    T_OS,      /* and who serves them */
    T_OUT,     /* sends to the port outside */
    T_COUNT
};

struct shared {
    _Atomic(uint64_t) progress[T_COUNT];
    _Atomic(uint64_t) served[T_COUNT]; /* of each caller's calls, as the servers counted them */
    _Atomic(uint64_t) time[T_COUNT];   /* what its clock showed last */
    _Atomic(uint64_t) errors;          /* the line of this file that found the first one */
    _Atomic(uint64_t) bits_sent, bits_seen;
    _Atomic(uint32_t) word;
};
static struct shared *const shared = (struct shared *)SHARED_VA;

static uint64_t own[1024]; /* copy-on-write from the parent's, different in each process */

#define SURE(expression)                                                                           \
    do {                                                                                           \
        uint64_t none = 0;                                                                         \
        if (!(expression))                                                                         \
            atomic_compare_exchange_strong(&shared->errors, &none, __LINE__);                      \
    } while (0)

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static void pause_ns(uint64_t ns)
{
    for (uint64_t until = now() + ns; now() < until;)
        (void)tern_yield();
}

static void count(unsigned thread)
{
    atomic_fetch_add(&shared->progress[thread], 1);
}

/* The clock of the job goes on, here and after a restore anywhere: never back, nor far ahead. */
static void step(unsigned thread)
{
    uint64_t time = now(), last = atomic_exchange(&shared->time[thread], time);
    SURE(time >= last && (last == 0 || time - last < CLOCK_JUMP));
    count(thread);
}

/* --- the programs --- */

static void call(unsigned thread, unsigned port)
{
    for (uint64_t i = 1;; i++) {
        struct message message = {.label = i, .word = {i, 2 * i, 3 * i, thread, 5, ~i}, .bytes = 8};
        sys_vector_set(i * thread);
        SURE(tern_port_call(sys_child_slot(port), &message, DEADLINE_NEVER) == OK);
        SURE(message.word[0] == 7 * i && message.word[5] == i && message.label == i + 1);
        SURE(sys_vector_get() == i * thread);
        step(thread);
    }
}

static uint64_t caller(void *argument, void *page)
{
    (void)argument, (void)page;
    call(T_CALLER, H_CALLS);
    return 0;
}

static uint64_t slow_caller(void *argument, void *page)
{
    (void)argument, (void)page;
    call(T_SLOW_CALLER, H_SLOW);
    return 0;
}

static uint64_t next_caller(void *argument, void *page)
{
    (void)argument, (void)page;
    call(T_NEXT_CALLER, H_SLOW);
    return 0;
}

static uint64_t inner_caller(void *argument, void *page)
{
    (void)argument, (void)page;
    call(T_INNER_CALLER, H_CALLS);
    return 0;
}

static void serve(unsigned thread, unsigned port, unsigned reply, uint64_t pause)
{
    struct message message;
    uint64_t expected[T_COUNT] = {0};
    slot_t from = sys_child_slot(port), by = sys_child_slot(reply);
    error_t error = tern_port_receive(from, by, &message, DEADLINE_NEVER);
    for (;;) {
        uint64_t i = message.word[0], of = message.word[3] % T_COUNT;
        SURE(error == OK && message.kind == MESSAGE_call);
        SURE(i == ++expected[of] && message.word[1] == 2 * i && message.word[5] == ~i);
        atomic_store(&shared->served[of], i);
        pause_ns(pause);
        message = (struct message){.label = i + 1, .word = {7 * i, 0, 0, 0, 0, i}};
        step(thread);
        error = tern_port_reply_receive(from, by, &message, DEADLINE_NEVER);
    }
}

static uint64_t server(void *argument, void *page)
{
    (void)argument, (void)page;
    serve(T_SERVER, H_CALLS, H_REPLY, 0);
    return 0;
}

static uint64_t slow_server(void *argument, void *page)
{
    (void)argument, (void)page;
    serve(T_SLOW_SERVER, H_SLOW, H_SLOW_REPLY, 2 * MS);
    return 0;
}

static void send(unsigned thread, unsigned port, void *page)
{
    for (uint64_t i = 1;; i++) {
        struct message message = {.label = port, .word = {i}, .bytes = 16};
        ((uint64_t *)page)[0] = i;
        ((uint64_t *)page)[1] = i * port;
        SURE(tern_port_send(sys_child_slot(port), &message, DEADLINE_NEVER) == OK);
        step(thread);
    }
}

static uint64_t one_sender(void *argument, void *page)
{
    (void)argument;
    send(T_ONE_SENDER, H_ONE, page);
    return 0;
}

static uint64_t many_sender(void *argument, void *page)
{
    (void)argument;
    send(T_MANY_SENDER, H_MANY, page);
    return 0;
}

static void receive(unsigned thread, unsigned port, const void *page, uint64_t pause)
{
    struct message message;
    for (uint64_t i = 1;; i++) {
        SURE(tern_port_receive(sys_child_slot(port), (slot_t){0}, &message, DEADLINE_NEVER) == OK);
        SURE(message.kind == MESSAGE_send && message.word[0] == i && message.label == port);
        SURE(message.bytes == 16 && ((const uint64_t *)page)[0] == i);
        SURE(((const uint64_t *)page)[1] == i * port);
        step(thread);
        pause_ns(pause);
        if (i % 8 == 0 && port == H_MANY) {
            atomic_fetch_or(&shared->bits_sent, UINT64_C(1) << i / 8 % 64);
            SURE(tern_port_signal(sys_child_slot(H_BITS), UINT64_C(1) << i / 8 % 64) == OK);
        }
    }
}

static uint64_t one_receiver(void *argument, void *page)
{
    (void)argument;
    receive(T_ONE_RECEIVER, H_ONE, page, MS);
    return 0;
}

static uint64_t many_receiver(void *argument, void *page)
{
    (void)argument;
    receive(T_MANY_RECEIVER, H_MANY, page, MS / 16);
    return 0;
}

/* Receives with a deadline: bits, or none in time. */
static uint64_t bits(void *argument, void *page)
{
    (void)argument, (void)page;
    for (;;) {
        struct message message;
        uint64_t deadline = now() + MS;
        error_t error = tern_port_receive(sys_child_slot(H_BITS), (slot_t){0}, &message, deadline);
        SURE(error == OK || (error == ERR_timeout && now() >= deadline));
        if (error == OK) {
            SURE(message.kind == MESSAGE_signal && message.word[0] != 0);
            SURE((message.word[0] & ~atomic_load(&shared->bits_sent)) == 0);
            atomic_fetch_or(&shared->bits_seen, message.word[0]);
        }
        step(T_BITS);
    }
}

static uint64_t sleeper(void *argument, void *page)
{
    (void)argument, (void)page;
    for (;;) {
        uint64_t deadline = now() + 2 * MS;
        SURE(tern_word_wait((uaddr_t){(uintptr_t)&shared->word}, 0, deadline) == ERR_timeout);
        SURE(now() >= deadline);
        step(T_SLEEPER);
    }
}

static uint64_t ticks(void *argument, void *page)
{
    struct message message;
    (void)argument, (void)page;
    SURE(tern_timer_arm(sys_child_slot(H_TIMER), now() + MS, 2 * MS) == OK);
    for (;;) {
        SURE(tern_port_receive(sys_child_slot(H_TICKS), (slot_t){0}, &message, DEADLINE_NEVER) ==
             OK);
        SURE(message.kind == MESSAGE_signal && message.word[0] == 4);
        step(T_TICKS);
    }
}

/* Registers, FPU, and pages of its own. */
static uint64_t computer(void *argument, void *page)
{
    (void)argument, (void)page;
    uint64_t a = 1, b = 2, rounds = 0;
    for (;; rounds++) {
        for (uint64_t i = 0; i < COUNT_OF(own); i++)
            own[i] = rounds + i;
        sys_vector_set(rounds ^ 0x5555);
        for (uint64_t i = 0; i < 20000; i++) {
            a = a * 6364136223846793005 + 1442695040888963407;
            b += a >> 60;
        }
        SURE(sys_vector_get() == (rounds ^ 0x5555) && b >= 2);
        for (uint64_t i = 0; i < COUNT_OF(own); i++)
            SURE(own[i] == rounds + i);
        step(T_COMPUTER);
    }
}

/* Touches page after page; each is asked for once and has what belongs there. Then all go. */
static uint64_t paged(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint64_t i = 1;; i++) {
        uint64_t done = 0, at = i % PAGED;
        SURE(*(volatile uint64_t *)(PAGED_VA + at * MESSAGE_PAGE) == i * 5);
        step(T_PAGED);
        if (at == 0)
            SURE(tern_memory_commit(sys_child_slot(H_PAGED), 0, PAGED * MESSAGE_PAGE, COMMIT_ABSENT,
                                    &done) == OK);
        SURE(at != 0 || done == PAGED * MESSAGE_PAGE);
    }
}

static uint64_t pager(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint64_t i = 1;; i++) {
        struct message message;
        uint64_t word = i * 5, done = 0, offset = i % PAGED * MESSAGE_PAGE;
        SURE(tern_port_receive(sys_child_slot(H_PAGES), (slot_t){0}, &message, DEADLINE_NEVER) ==
             OK);
        SURE(message.kind == MESSAGE_page && message.badge == 17 && message.word[0] == offset);
        pause_ns(MS / 2);
        SURE(tern_memory_write(sys_child_slot(H_STOCK), offset, (uaddr_t){(uintptr_t)&word}, 8,
                               &done) == OK);
        SURE(tern_memory_supply(sys_child_slot(H_PAGED), offset, sys_child_slot(H_STOCK), offset,
                                MESSAGE_PAGE, &done) == OK);
        step(T_PAGER);
    }
}

/* Its system calls are another's: it cannot read the clock. */
static uint64_t foreign(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint64_t i = 1;; i++) {
        struct abi_call abi = {.control = 0xabc, .label = i, .word = {i * 10}};
        SURE(guest_foreign(&abi, false) == 3 * i);
        count(T_FOREIGN);
    }
}

static uint64_t os(void *argument, void *page)
{
    (void)argument, (void)page;
    struct message message;
    slot_t from = sys_child_slot(H_OS), by = sys_child_slot(H_OS_REPLY);
    error_t error = tern_port_receive(from, by, &message, DEADLINE_NEVER);
    for (uint64_t i = 1;; i++) {
        SURE(error == OK && message.kind == MESSAGE_foreign && message.badge == 23);
        SURE(message.label == i && message.word[0] == i * 10);
        atomic_store(&shared->served[T_FOREIGN], i);
        pause_ns(MS / 2);
        message = (struct message){.way = ANSWER_RESULT, .word = {3 * i}};
        step(T_OS);
        error = tern_port_reply_receive(from, by, &message, DEADLINE_NEVER);
    }
}

static uint64_t out(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint64_t i = 1;; i++) {
        const struct message message = {.word = {i}};
        SURE(tern_port_send(sys_child_slot(H_OUT), &message, DEADLINE_NEVER) == OK);
        step(T_OUT);
        pause_ns(MS);
    }
}

/* --- making the job --- */

struct program {
    unsigned process;
    uint64_t (*entry)(void *argument, void *page);
};

static const struct program programs[T_COUNT] = {[T_CALLER] = {0, caller},
                                                 [T_SLOW_CALLER] = {0, slow_caller},
                                                 [T_NEXT_CALLER] = {1, next_caller},
                                                 [T_INNER_CALLER] = {3, inner_caller},
                                                 [T_ONE_SENDER] = {0, one_sender},
                                                 [T_MANY_SENDER] = {0, many_sender},
                                                 [T_COMPUTER] = {1, computer},
                                                 [T_SERVER] = {1, server},
                                                 [T_SLOW_SERVER] = {2, slow_server},
                                                 [T_BITS] = {1, bits},
                                                 [T_SLEEPER] = {2, sleeper},
                                                 [T_ONE_RECEIVER] = {2, one_receiver},
                                                 [T_MANY_RECEIVER] = {2, many_receiver},
                                                 [T_TICKS] = {2, ticks},
                                                 [T_PAGED] = {0, paged},
                                                 [T_PAGER] = {1, pager},
                                                 [T_FOREIGN] = {2, foreign},
                                                 [T_OS] = {1, os},
                                                 [T_OUT] = {2, out}};

struct making {
    slot_t job, inner;
    slot_t processes[PROCESSES];
    slot_t objects[H_LAST];
};

static error_t objects_make(struct making *making, slot_t outside)
{
    static const struct {
        uint64_t kind, value;
    } made[H_LAST] = {[H_CALLS] = {OBJECT_port, 0},
                      [H_SLOW] = {OBJECT_port, 0},
                      [H_ONE] = {OBJECT_port, 1},
                      [H_MANY] = {OBJECT_port, 16},
                      [H_BITS] = {OBJECT_port, 0},
                      [H_REPLY] = {OBJECT_reply, 0},
                      [H_SLOW_REPLY] = {OBJECT_reply, 0},
                      [H_TICKS] = {OBJECT_port, 0},
                      [H_PAGES] = {OBJECT_port, 0},
                      [H_PAGED] = {OBJECT_memory, PAGED * MESSAGE_PAGE},
                      [H_STOCK] = {OBJECT_memory, PAGED * MESSAGE_PAGE},
                      [H_OS] = {OBJECT_port, 0},
                      [H_OS_REPLY] = {OBJECT_reply, 0},
                      [H_TIMER] = {OBJECT_timer, 4}};
    error_t error =
        tern_cap_derive(outside, (rights_t){RIGHT_send | RIGHT_grant}, 0, &making->objects[H_OUT]);
    for (unsigned handle = 1; handle < H_OUT && error == OK; handle++) {
        slot_t parent = handle == H_TIMER ? making->objects[H_TICKS] : (slot_t){0};
        error = tern_object_create(making->job, made[handle].kind, parent, made[handle].value,
                                   &making->objects[handle]);
    }
    return error;
}

static error_t objects_give(const struct making *making)
{
    error_t error = OK;
    for (unsigned handle = 1; handle < H_LAST; handle++)
        for (unsigned i = 0; i < PROCESSES && error == OK; i++)
            error = sys_child_give(making->processes[i], handle, making->objects[handle],
                                   RIGHTS_ALL, 0);
    return error;
}

/* Memory that all see, and pages that come from a pager. */
static error_t memory_share(const struct making *making)
{
    slot_t memory;
    uint64_t done;
    slot_t pages = making->objects[H_PAGED];
    error_t error = tern_object_create(making->job, OBJECT_memory, (slot_t){0}, 4096, &memory);
    for (unsigned i = 0; i < PROCESSES && error == OK; i++)
        error = tern_space_map(making->processes[i], memory, 0, (uaddr_t){SHARED_VA}, 4096,
                               SPACE_READ | SPACE_WRITE | SPACE_SHARED);
    (void)tern_cap_delete(memory);
    if (error == OK)
        error = tern_memory_commit(pages, 0, PAGED * MESSAGE_PAGE, COMMIT_ABSENT, &done);
    if (error == OK)
        error = tern_memory_pager(pages, making->objects[H_PAGES], 17);
    if (error == OK)
        error = tern_space_map(making->processes[programs[T_PAGED].process], pages, 0,
                               (uaddr_t){PAGED_VA}, PAGED * MESSAGE_PAGE, SPACE_READ);
    return error;
}

static error_t threads_start(const struct making *making)
{
    slot_t thread;
    error_t error = OK;
    unsigned counts[PROCESSES] = {0};
    for (unsigned i = 0; i < T_COUNT && error == OK; i++) {
        unsigned process = programs[i].process, n = counts[process]++;
        slot_t job = process == PROCESSES - 1 ? making->inner : making->job;
        error = sys_child_thread_make(job, making->processes[process], n, programs[i].entry, NULL,
                                      &thread);
        if (error == OK && i == T_FOREIGN)
            error = thread_route(thread, making->objects[H_OS], 23, (slot_t){0}, 0);
        if (error == OK)
            error = sys_child_start(thread, n);
        (void)tern_cap_delete(thread);
    }
    return error;
}

/* A job below, whose clock shows an hour more. */
static error_t inner_make(struct making *making)
{
    error_t error = tern_object_create(making->job, OBJECT_job, (slot_t){0}, 0, &making->inner);
    *(struct state_job_basic *)sys_page =
        (struct state_job_basic){.clock_offset = 3600 * 1000 * MS};
    if (error == OK)
        error = tern_object_set(making->inner, STATE_job_basic, STATE_BIT(job, basic, clock_offset),
                                sizeof(struct state_job_basic), (slot_t){0});
    return error;
}

/* Makes and starts all of it; `outside` is where it sends to. */
static error_t job_make(slot_t outside, slot_t *job)
{
    struct making making = {{0}, {0}, {{0}}, {{0}}};
    error_t error =
        tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &making.job);
    if (error == OK)
        error = inner_make(&making);
    for (unsigned i = 0; i < PROCESSES && error == OK; i++)
        error =
            sys_child_create(i == PROCESSES - 1 ? making.inner : making.job, &making.processes[i]);
    if (error == OK)
        error = objects_make(&making, outside);
    if (error == OK)
        error = objects_give(&making);
    if (error == OK)
        error = memory_share(&making);
    if (error == OK)
        error = threads_start(&making);
    for (unsigned i = 1; i < H_LAST; i++)
        (void)tern_cap_delete(making.objects[i]);
    for (unsigned i = 0; i < PROCESSES; i++)
        (void)tern_cap_delete(making.processes[i]);
    (void)tern_cap_delete(making.inner);
    *job = making.job;
    return error;
}

#endif
