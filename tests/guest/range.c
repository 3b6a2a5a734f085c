/*
 * Native test: answers that bring a range of bytes into the memory of the thread that they are for,
 * as a server of read() gives them. That thread is one of another process, a clone of this one,
 * which does nothing but foreign calls: each tells the last answer's result, and the word at that
 * address.
 */
#include "guest_thread.h"
#include "pages.h"
#include "sys/message.h"
#include <guest_arch.h>
#include <stdatomic.h>

#define JOB     root_slot(ROOT_SLOT_JOB)
#define NO_SLOT ((slot_t){0})
#define BUFFER  AREA(10) /* in the child: private, copies on write in the front half */
#define PAGED   AREA(11) /* in both: the second page has a pager */
#define FIXED   AREA(12) /* in the child: a page that is written, then one that is only read */
#define POOR    AREA(13) /* in both: its job has no budget */
#define NOWHERE AREA(14)
#define PAGES   16u
#define SECOND  UINT64_C(1000000000)

static slot_t port, handler, reply, child, client, paged;
static slot_t keeper; /* never started: the child lives while it has a thread */
static uint8_t source[SPACE_COPY_MAX + 64], seen[SPACE_COPY_MAX + 64];
static uint8_t stacks[2][8192] __attribute__((aligned(16)));
static struct message message;

/* --- the child's thread --- */

static void run_client(uint64_t argument)
{
    uint64_t result = 0;
    (void)argument;
    for (;;) {
        struct abi_call call = {.word = {result, result >= SPACE_START ? *word_at(result) : 0}};
        result = guest_foreign(&call, false);
    }
}

/* A page that is not there, and then what is in it. */
static void run_toucher(uint64_t argument)
{
    sys_exit(*word_at(argument));
}

static void run_native(uint64_t argument)
{
    struct message own = {.word = {argument}};
    EXPECT(tern_port_call(port, &own, DEADLINE_NEVER) == OK && own.word[0] == 5);
    sys_exit(own.word[0]);
}

static slot_t thread_make(slot_t process)
{
    static uint64_t page = CHILD_PAGE;
    page += 2 * PAGE;
    return object_make(OBJECT_thread, process, page);
}

static void thread_go(slot_t thread, void (*run)(uint64_t), unsigned stack, uint64_t argument)
{
    EXPECT(tern_thread_start(thread, (uaddr_t){(uintptr_t)run},
                             (uaddr_t){(uintptr_t)stacks[stack] + sizeof(stacks[stack])},
                             argument) == OK);
}

static void client_start(void)
{
    client = thread_make(child);
    EXPECT(thread_route(client, port, 1, handler, 2) == OK);
    thread_go(client, run_client, 0, 0);
}

static bool receive(enum message_kind kind)
{
    error_t error = tern_port_receive(port, reply, &message, clock_now() + 5 * SECOND);
    EXPECT(error == OK && message.kind == kind);
    return error == OK && message.kind == kind;
}

/* --- the server --- */

static void source_fill(void)
{
    static uint8_t turn;
    turn++;
    for (unsigned i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)(i % 251 + turn);
}

static void ranged(uint64_t to, const void *from, uint64_t size)
{
    message = (struct message){.word = {to}};
    message_range(&message, (uaddr_t){to}, from, size);
}

static error_t give(uint64_t to, const void *from, uint64_t size)
{
    ranged(to, from, size);
    return tern_port_reply(reply, &message);
}

static bool held(void)
{
    return registers_get(reply) == OK;
}

/* What is at an address of the child, in `seen`. */
static bool look(uint64_t va, uint64_t size)
{
    struct space_range range = {{va}, size};
    uint64_t done = 0;
    return tern_space_read(child, (uaddr_t){(uintptr_t)&range}, 1, (uaddr_t){(uintptr_t)seen},
                           &done) == OK &&
           done == size;
}

static bool arrived(uint64_t va, uint64_t size)
{
    bool same = look(va, size);
    for (uint64_t i = 0; i < size; i++)
        same &= seen[i] == source[i];
    return same;
}

/* The answer was refused: some bytes were copied, and the thread is still held. */
static bool refused(error_t is, error_t error, uint64_t to, uint64_t size, uint64_t copied)
{
    return is == error && message.word[1] == to + copied &&
           message.word[2] == (uintptr_t)source + copied && message.word[3] == size - copied &&
           held();
}

TEST(range_prepare)
{
    slot_t buffer = memory_make(2 * PAGES), fixed = memory_make(2);
    paged = memory_make(2);
    REQUIRE(sys_port_create(0, &port) == OK && sys_port_create(0, &handler) == OK);
    REQUIRE(sys_reply_create(&reply) == OK);
    REQUIRE(map(buffer, 0, BUFFER, 2 * PAGES, RW | SPACE_PRIVATE) == OK);
    for (uint64_t i = 0; i < PAGES; i++)
        *word_at(BUFFER + i * PAGE) = i;
    EXPECT(commit(paged, 1, 1, COMMIT_ABSENT) == OK && tern_memory_pager(paged, port, 3) == OK);
    REQUIRE(map(paged, 0, PAGED, 2, RW | SPACE_SHARED) == OK);
    REQUIRE(map(fixed, 0, FIXED, 2, RW) == OK && protect(FIXED + PAGE, 1, RO) == OK);
    child = process_clone();
    keeper = thread_make(child);
    client_start();
    REQUIRE(receive(MESSAGE_foreign));
}

/* Onto pages shared copy on write, and pages that were never touched; the bytes beside stay. */
TEST(range_arrives)
{
    static const uint64_t sizes[] = {1, 8, 64, 600, PAGE, PAGE + 1, SPACE_COPY_MAX};
    for (unsigned i = 0; i < COUNT_OF(sizes); i++)
        for (unsigned half = 0; half < 2; half++) {
            uint64_t to = BUFFER + (half * PAGES + i) * PAGE + PAGE / 2 + i * 511;
            REQUIRE(look(to - 1, 1));
            uint8_t before = seen[0];
            REQUIRE(look(to + sizes[i], 1));
            uint8_t behind = seen[0];
            source_fill();
            REQUIRE(give(to, source, sizes[i]) == OK);
            REQUIRE(receive(MESSAGE_foreign));
            EXPECT(message.word[0] == to && (message.word[1] & 0xff) == source[0]);
            EXPECT(arrived(to, sizes[i]));
            EXPECT(look(to - 1, 1) && seen[0] == before);
            EXPECT(look(to + sizes[i], 1) && seen[0] == behind);
        }
    for (uint64_t i = 0; i < PAGES; i++) /* ours */
        EXPECT(*word_at(BUFFER + i * PAGE) == i && *word_at(BUFFER + (PAGES + i) * PAGE) == 0);
}

/* As a server does it: the fast path, and with a deadline the general one. */
TEST(range_by_reply_receive)
{
    for (unsigned i = 0; i < 40; i++) {
        uint64_t to = BUFFER + i * 777, size = i * 97 % 5000 + 8;
        source_fill();
        ranged(to, source, size);
        REQUIRE(tern_port_reply_receive(port, reply, &message,
                                        i % 2 == 0 ? DEADLINE_NEVER : clock_now() + 5 * SECOND) ==
                OK);
        EXPECT(message.kind == MESSAGE_foreign && message.word[0] == to);
        EXPECT(*(uint64_t *)(void *)source == message.word[1] && arrived(to, size));
    }
    ranged(NOWHERE, source, 8);
    EXPECT(refused(tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER), ERR_bad_address,
                   NOWHERE, 8, 0));
    ranged(FIXED + PAGE - 100, source, 200);
    EXPECT(refused(tern_port_reply_receive(port, reply, &message, clock_now() + SECOND), ERR_denied,
                   FIXED + PAGE - 100, 200, 100));
    /* The port comes first. */
    ranged(BUFFER, source, 8);
    EXPECT(refused(tern_port_reply_receive(handler, port, &message, DEADLINE_NEVER), ERR_denied,
                   BUFFER, 8, 0));
    EXPECT(refused(tern_port_reply_receive(NO_SLOT, reply, &message, DEADLINE_NEVER), ERR_bad_slot,
                   BUFFER, 8, 0));
}

/* The words say what is left; the same answer goes on there when its page has come. */
TEST(range_waits_for_no_pager)
{
    for (unsigned way = 0; way < 2; way++) {
        slot_t stock = memory_make(2);
        uint64_t to = PAGED + PAGE - 300;
        error_t error;
        source_fill();
        ranged(to, source, 1000);
        error = way == 0 ? tern_port_reply(reply, &message)
                         : tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER);
        EXPECT(refused(error, ERR_needs_pager, to, 1000, 300));
        EXPECT(arrived(to, 300));
        EXPECT(put(stock, 1, 9) == OK && supply(paged, 1, stock, 1, 1) == OK);
        error = way == 0 ? tern_port_reply(reply, &message)
                         : tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER);
        EXPECT(error == OK);
        REQUIRE(way == 1 || receive(MESSAGE_foreign));
        EXPECT(message.word[0] == to && arrived(to, 1000));
        EXPECT(commit(paged, 1, 1, COMMIT_ABSENT) == OK);
        drop(stock);
    }
}

/* Neither for budget. */
TEST(range_waits_for_no_budget)
{
    slot_t job = NO_SLOT, memory = NO_SLOT;
    uint64_t size, next, to = POOR + PAGE - 10;
    struct state_job_basic *state = sys_page;
    REQUIRE(tern_object_create(JOB, OBJECT_job, NO_SLOT, 0, &job) == OK);
    REQUIRE(tern_object_create(job, OBJECT_memory, NO_SLOT, 4 * PAGE, &memory) == OK);
    REQUIRE(put(memory, 0, 1) == OK);
    REQUIRE(tern_space_map(child, memory, 0, (uaddr_t){POOR}, 4 * PAGE, RW) == OK);
    REQUIRE(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    *state = (struct state_job_basic){.memory_limit = state->memory_used};
    const uint64_t limit = STATE_BIT(job, basic, memory_limit);
    EXPECT(tern_object_set(job, STATE_job_basic, limit, sizeof(*state), NO_SLOT) == OK);
    EXPECT(refused(give(to, source, 20), ERR_no_memory, to, 20, 10));
    *state = (struct state_job_basic){.memory_limit = 64 * PAGE};
    EXPECT(tern_object_set(job, STATE_job_basic, limit, sizeof(*state), NO_SLOT) == OK);
    EXPECT(tern_port_reply(reply, &message) == OK);
    REQUIRE(receive(MESSAGE_foreign));
    EXPECT(arrived(to, 20));
    drop(memory), drop(job);
}

/* Nothing there, not to be written, beyond all addresses: the thread stays held. */
TEST(range_refused)
{
    static const uint64_t wild[] = {0,
                                    1,
                                    NOWHERE,
                                    SPACE_END - 8,
                                    SPACE_END,
                                    UINT64_C(0x0000800000000000),
                                    UINT64_C(0xffff800000000000),
                                    UINT64_C(0xffffffff80000000),
                                    UINT64_MAX - 63,
                                    UINT64_MAX};
    static const uint64_t sizes[] = {SPACE_COPY_MAX + 1, UINT64_C(1) << 32, UINT64_C(1) << 63,
                                     UINT64_MAX - 4095, UINT64_MAX};
    for (unsigned i = 0; i < COUNT_OF(wild); i++) {
        EXPECT(refused(give(wild[i], source, 64), ERR_bad_address, wild[i], 64, 0));
        ranged(BUFFER, (const void *)(uintptr_t)wild[i], 64);
        EXPECT(tern_port_reply(reply, &message) == ERR_bad_address && held());
        EXPECT(message.word[1] == BUFFER && message.word[2] == wild[i] && message.word[3] == 64);
        EXPECT(give(wild[i], (const void *)(uintptr_t)wild[i], 64) == ERR_bad_address && held());
    }
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        EXPECT(refused(give(BUFFER, source, sizes[i]), ERR_bad_argument, BUFFER, sizes[i], 0));
        EXPECT(refused(give(NOWHERE, source, sizes[i]), ERR_bad_argument, NOWHERE, sizes[i], 0));
    }
    EXPECT(refused(give(FIXED + PAGE, source, 1), ERR_denied, FIXED + PAGE, 1, 0));
    source_fill();
    EXPECT(refused(give(FIXED + PAGE - 7, source, 8), ERR_denied, FIXED + PAGE - 7, 8, 7));
    EXPECT(arrived(FIXED + PAGE - 7, 7));
    uint64_t last = BUFFER + 2 * PAGES * PAGE - 100;
    EXPECT(refused(give(last, source, 4000), ERR_bad_address, last, 4000, 100));
    EXPECT(arrived(last, 100));
    /* As little of where it is to come from. */
    ranged(BUFFER, (const void *)(FIXED + 2 * PAGE - 10), 20);
    EXPECT(tern_port_reply(reply, &message) == ERR_bad_address && held());
    EXPECT(message.word[1] == BUFFER + 10 && message.word[3] == 10);
    /* A right less: nothing is copied. */
    slot_t weak = derive(reply, RIGHTS_ALL & ~(uint64_t)RIGHT_answer);
    ranged(BUFFER, source, 8);
    EXPECT(refused(tern_port_reply(weak, &message), ERR_denied, BUFFER, 8, 0));
    EXPECT(refused(tern_port_reply_receive(port, weak, &message, DEADLINE_NEVER), ERR_denied,
                   BUFFER, 8, 0));
    drop(weak);
    /* No bytes: no addresses. */
    EXPECT(give(UINT64_MAX, NULL, 0) == OK); /* a result that is none; see run_client */
}

/* That result, read as an address, is a fault of the thread: answered with what it reads again. */
TEST(range_answers_a_fault)
{
    REQUIRE(receive(MESSAGE_fault));
    EXPECT(message.word[1] == UINT64_MAX || message.word[0] != FAULT_page);
    EXPECT(registers_get(reply) == OK);
    EXPECT(tern_object_kill(client) == OK);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, clock_now() + 5 * SECOND) == OK);
    EXPECT(message.kind == MESSAGE_exit);
    drop(client);
    /* A handler that fills pages, of a thread that has no foreign calls. */
    slot_t memory = memory_make(1), thread = thread_make(self_process());
    EXPECT(thread_route(thread, NO_SLOT, 0, port, 1) == OK);
    thread_go(thread, run_toucher, 1, NOWHERE);
    REQUIRE(receive(MESSAGE_fault));
    EXPECT(message.word[1] == NOWHERE && map(memory, 0, NOWHERE, 1, RW) == OK);
    source_fill();
    ranged(NOWHERE, source, 8);
    message.way |= ANSWER_RESUME;
    EXPECT(tern_port_reply(reply, &message) == OK);
    REQUIRE(receive(MESSAGE_exit));
    EXPECT(message.word[0] == EXIT_exited && message.word[1] == *(uint64_t *)(void *)source);
    EXPECT(unmap(NOWHERE, 1) == OK);
    drop(thread), drop(memory);
    client_start();
    REQUIRE(receive(MESSAGE_foreign));
}

/* A kick, as a signal's frame is written; its own call comes afterwards, again. */
TEST(range_answers_a_kick)
{
    EXPECT(tern_thread_kick(client) == ERR_busy);
    EXPECT(tern_thread_suspend(client) == OK);
    EXPECT(give(BUFFER, source, 8) == OK);
    EXPECT(tern_thread_kick(client) == OK && tern_thread_resume(client) == OK);
    REQUIRE(receive(MESSAGE_kick));
    source_fill();
    ranged(BUFFER + 64, source, 300);
    message.way |= ANSWER_RESUME;
    EXPECT(tern_port_reply(reply, &message) == OK);
    REQUIRE(receive(MESSAGE_foreign));
    EXPECT(arrived(BUFFER + 64, 300) && message.word[0] == BUFFER);
}

/* A native call gave away a message and nothing else: its server may not write there. */
TEST(range_not_to_native_callers)
{
    slot_t own = NO_SLOT, thread = thread_make(self_process());
    uint64_t at = (uintptr_t)seen;
    REQUIRE(sys_reply_create(&own) == OK);
    EXPECT(give(BUFFER, source, 8) == OK); /* the client waits in the queue meanwhile */
    EXPECT(thread_route(thread, NO_SLOT, 0, handler, 0) == OK);
    EXPECT(tern_thread_suspend(client) == OK);
    thread_go(thread, run_native, 1, 4);
    do /* or the client's, which came before */
        REQUIRE(tern_port_receive(port, own, &message, clock_now() + 5 * SECOND) == OK);
    while (message.kind != MESSAGE_call && tern_port_reply(own, &(struct message){0}) == OK);
    EXPECT(message.word[0] == 4);
    seen[0] = 1;
    ranged(at, source, 8);
    EXPECT(tern_port_reply(own, &message) == ERR_denied);
    EXPECT(tern_port_reply_receive(port, own, &message, DEADLINE_NEVER) == ERR_denied);
    EXPECT(message.word[1] == at && message.word[3] == 8 && seen[0] == 1);
    message = (struct message){.word = {5}};
    EXPECT(tern_port_reply(own, &message) == OK);
    ranged(at, source, 8);
    EXPECT(tern_port_reply(own, &message) == ERR_not_found);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, clock_now() + 5 * SECOND) == OK);
    EXPECT(message.kind == MESSAGE_exit && message.word[1] == 5);
    EXPECT(tern_thread_resume(client) == OK);
    REQUIRE(receive(MESSAGE_foreign));
    drop(thread), drop(own);
}

/* --- with others about --- */

#define LOOKS  3000u
#define DEATHS 40u

static uint8_t other_stacks[2][16384] __attribute__((aligned(16)));
static _Atomic(uint64_t) looked;       /* how often */
static _Atomic(uint32_t) victim, dead; /* the how manieth client is to die, and died */
static _Atomic(bool) over;

/* Looks at the client if it is held, which takes it into other hands for a moment. */
static void look_at_client(void)
{
    uint64_t size, next;
    if (tern_object_info(reply, STATE_thread_fpu, 0, &size, &next) == OK)
        atomic_fetch_add(&looked, 1);
}

/* To a CPU, if there is that. */
static void thread_to(slot_t thread, unsigned cpu)
{
    struct state_thread_basic *basic = sys_page;
    *basic = (struct state_thread_basic){.affinity0 = UINT64_C(1) << cpu};
    (void)tern_object_set(thread, STATE_thread_basic, THREAD_BIT(affinity0), sizeof(*basic),
                          NO_SLOT);
}

static uint64_t watch(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint32_t turn = 0; !atomic_load(&over); turn++) {
        look_at_client();
        if (turn % 16 == 0)
            (void)tern_yield();
    }
    return 0;
}

/* An answer waits until who looks has done so: it is never taken for one to nobody. */
TEST(range_while_others_look)
{
    slot_t thread = NO_SLOT;
    uint64_t end = clock_now() + 5 * SECOND;
    REQUIRE(sys_thread_start(watch, NULL, other_stacks[0], sizeof(other_stacks[0]), &thread) == OK);
    thread_to(root_slot(ROOT_SLOT_THREAD), 0);
    thread_to(thread, 1);
    for (uint32_t i = 0; i < LOOKS || (atomic_load(&looked) == 0 && clock_now() < end); i++) {
        error_t error = OK;
        if (i % 2 == 0) {
            error = give(BUFFER, source, 8);
        } else {
            message = (struct message){.word = {BUFFER}};
            error = tern_port_reply(reply, &message);
        }
        REQUIRE(error == OK);
        REQUIRE(receive(MESSAGE_foreign));
        if (i % 64 == 0)
            (void)tern_yield();
    }
    EXPECT(atomic_load(&looked) > 0);
    atomic_store(&over, true);
    drop(thread);
}

/* Kills the client at some instant. */
static uint64_t trouble(void *argument, void *page)
{
    (void)argument, (void)page;
    for (uint32_t round = 1; round <= DEATHS; round++) {
        while (atomic_load(&victim) != round)
            (void)tern_yield();
        for (uint32_t i = 0; i < round * 3; i++)
            look_at_client();
        EXPECT(tern_object_kill(client) == OK);
        atomic_store(&dead, round);
    }
    return 0;
}

/* The thread is killed while it is answered: that is seen, or the answer was given. */
TEST(range_to_threads_that_die)
{
    slot_t thread = NO_SLOT;
    REQUIRE(sys_thread_start(trouble, NULL, other_stacks[1], sizeof(other_stacks[1]), &thread) ==
            OK);
    for (uint32_t i = 1; i <= DEATHS; i++) {
        error_t error = OK;
        atomic_store(&victim, i);
        for (uint64_t at = 0; error == OK; at += 4321) {
            ranged(BUFFER + at % (8 * PAGE), source, at % SPACE_COPY_MAX);
            message.word[0] = 0;
            error = tern_port_reply(reply, &message);
            for (error_t got = ERR_timeout;
                 error == OK && got == ERR_timeout && atomic_load(&dead) != i;) {
                got = tern_port_receive(port, reply, &message, clock_now() + SECOND / 50);
                EXPECT(got == ERR_timeout || (got == OK && message.kind == MESSAGE_foreign));
            }
        }
        EXPECT(error == ERR_not_found && registers_get(client) == ERR_dead);
        EXPECT(tern_port_receive(handler, NO_SLOT, &message, clock_now() + 5 * SECOND) == OK);
        EXPECT(message.kind == MESSAGE_exit && message.word[0] == EXIT_killed);
        while (atomic_load(&dead) != i)
            (void)tern_yield();
        drop(client);
        client_start();
        REQUIRE(receive(MESSAGE_foreign));
    }
    /* And a process that is gone. */
    EXPECT(tern_object_kill(child) == OK);
    EXPECT(tern_port_receive(handler, NO_SLOT, &message, clock_now() + 5 * SECOND) == OK);
    EXPECT(give(BUFFER, source, 8) == ERR_not_found);
    ranged(BUFFER, source, 8);
    EXPECT(tern_port_reply_receive(port, reply, &message, clock_now() + 1000000) == ERR_timeout);
    drop(client), drop(keeper), drop(child), drop(thread);
}
