/*
 * The threads of checkpoint.c's job, which talk to each other and check themselves. For
 * checkpoint_job.h alone.
 *
 * Each one counts what it did in memory that all see, and finds out whether anything was lost,
 * came twice, or came in another order, and whether its clock ever went back.
 */
#ifndef CHECKPOINT_THREADS_H
#define CHECKPOINT_THREADS_H

#include "guest_thread.h"
#include "lib/string.h"
#include "lib/types.h"
#include "sys/child.h"
#include "sys/clock.h"
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
#define CLOCK_VA   UINT64_C(0x7ff200000000) /* the clock page of the process's own job */
#define PAGED      8                        /* pages that come from a pager */
#define PROCESSES  4                        /* the last one in a job of its own */
#define MS         UINT64_C(1000000)
#define SERVICE_NS (6 * MS)
#define WALL       UINT64_C(1700000000000000000) /* wall clock less clock, in both jobs */
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
    H_OUT,   /* a port outside the job */
    H_CLOCK, /* the job's clock page */
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
    T_CLOCK,   /* reads the clock page */
    T_INNER_CLOCK,
    T_COUNT
};

struct shared {
    _Atomic(uint64_t) progress[T_COUNT];
    _Atomic(uint64_t) served[T_COUNT]; /* of each caller's calls, as the servers counted them */
    _Atomic(uint64_t) time[T_COUNT];   /* what its clock showed last */
    _Atomic(uint64_t) errors;          /* the line of this file that found the first one */
    _Atomic(uint64_t) bits_sent, bits_seen;
    _Atomic(uint64_t) moved; /* times that a reader of a clock page found that it was stopped */
    _Atomic(uint32_t) word;
    _Atomic(bool) serves[T_COUNT]; /* it has taken a request, and not answered it */
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
static void see_time(unsigned thread, uint64_t time)
{
    uint64_t last = atomic_exchange(&shared->time[thread], time);
    SURE(time >= last && (last == 0 || time - last < CLOCK_JUMP));
}

static void step(unsigned thread)
{
    see_time(thread, now());
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

/* Time for freezes to meet who waits for the answer. */
static void work(unsigned thread)
{
    atomic_store(&shared->serves[thread], true);
    pause_ns(SERVICE_NS);
    atomic_store(&shared->serves[thread], false);
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
        work(T_PAGER);
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
        work(T_OS);
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

/* Who is stopped in a call here is in the middle of reading. */
static uint64_t slow_counter(void)
{
    uint64_t count = sys_counter();
    (void)tern_yield();
    return count;
}

/* By the page, the kernel and the page again. A reader may be stopped anywhere, and go on in
 * another machine: it finds out, and asks the kernel. */
static void read_clock(unsigned thread)
{
    const struct clock_page *page = (const struct clock_page *)CLOCK_VA;
    for (;;) {
        for (unsigned i = 0; i < 100; i++) {
            uint64_t time, wall;
            uint64_t (*counter)(void) = i % 2 == 0 ? sys_counter : slow_counter;
            if (clock_page_read(page, counter, &time, &wall)) {
                SURE(wall - time == WALL);
            } else {
                atomic_fetch_add(&shared->moved, 1);
                time = now();
            }
            see_time(thread, time);
        }
        step(thread);
    }
}

static uint64_t clock_reader(void *argument, void *page)
{
    (void)argument, (void)page;
    read_clock(T_CLOCK);
    return 0;
}

static uint64_t inner_clock_reader(void *argument, void *page)
{
    (void)argument, (void)page;
    read_clock(T_INNER_CLOCK);
    return 0;
}

#endif
