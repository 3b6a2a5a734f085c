/*
 * Native test: a job of three processes is saved, destroyed and built again from the stream, at
 * random instants. Its programs check themselves, and must not notice: every call is served once,
 * every message comes once and in order, every count goes on.
 *
 * `soak` on the command line: 1000 times instead of 10.
 */
#include "sys/checkpoint.h"
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
#include <sys_arch.h>

#define SHARED_VA    UINT64_C(0x7ff000000000)
#define STREAM_VA    UINT64_C(0x7f0000000000)
#define STREAM_BYTES (UINT64_C(16) << 20)
#ifndef ROUNDS
#define ROUNDS 10
#endif
#define MS UINT64_C(1000000)

/* What all three processes hold, each at the same handle. */
enum { H_NONE, H_CALLS, H_SLOW, H_ONE, H_MANY, H_BITS, H_REPLY, H_SLOW_REPLY, H_LAST };

/* One of each thread. */
enum {
    T_CALLER,
    T_SLOW_CALLER,
    T_ONE_SENDER,
    T_MANY_SENDER,
    T_COMPUTER,
    T_SERVER,
    T_SLOW_SERVER,
    T_BITS,
    T_SLEEPER,
    T_ONE_RECEIVER,
    T_MANY_RECEIVER,
    T_COUNT
};

struct shared {
    _Atomic(uint64_t) progress[T_COUNT];
    _Atomic(uint64_t) served[2]; /* calls, as the servers counted them */
    _Atomic(uint64_t) errors;    /* the line of this file that found the first one */
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

static void step(unsigned thread)
{
    atomic_fetch_add(&shared->progress[thread], 1);
}

/* --- the programs --- */

static void call(unsigned thread, unsigned port)
{
    for (uint64_t i = 1;; i++) {
        struct message message = {.label = i, .word = {i, 2 * i, 3 * i, 4, 5, ~i}, .bytes = 8};
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

static void serve(unsigned thread, unsigned port, unsigned reply, uint64_t pause)
{
    struct message message;
    slot_t from = sys_child_slot(port), by = sys_child_slot(reply);
    error_t error = tern_port_receive(from, by, &message, DEADLINE_NEVER);
    for (uint64_t expected = 1;; expected++) {
        uint64_t i = message.word[0];
        SURE(error == OK && message.kind == MESSAGE_call);
        SURE(i == expected && message.word[1] == 2 * i && message.word[5] == ~i);
        atomic_store(&shared->served[pause != 0], i);
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

/* --- making the job --- */

struct program {
    unsigned process;
    uint64_t (*entry)(void *argument, void *page);
};

static const struct program programs[T_COUNT] = {[T_CALLER] = {0, caller},
                                                 [T_SLOW_CALLER] = {0, slow_caller},
                                                 [T_ONE_SENDER] = {0, one_sender},
                                                 [T_MANY_SENDER] = {0, many_sender},
                                                 [T_COMPUTER] = {1, computer},
                                                 [T_SERVER] = {1, server},
                                                 [T_SLOW_SERVER] = {2, slow_server},
                                                 [T_BITS] = {1, bits},
                                                 [T_SLEEPER] = {2, sleeper},
                                                 [T_ONE_RECEIVER] = {2, one_receiver},
                                                 [T_MANY_RECEIVER] = {2, many_receiver}};

static error_t give_objects(slot_t job, const slot_t *processes)
{
    static const struct {
        uint64_t kind, value;
    } made[H_LAST] = {[H_CALLS] = {OBJECT_port, 0},      [H_SLOW] = {OBJECT_port, 0},
                      [H_ONE] = {OBJECT_port, 1},        [H_MANY] = {OBJECT_port, 16},
                      [H_BITS] = {OBJECT_port, 0},       [H_REPLY] = {OBJECT_reply, 0},
                      [H_SLOW_REPLY] = {OBJECT_reply, 0}};
    slot_t slot;
    error_t error = OK;
    for (unsigned handle = 1; handle < H_LAST && error == OK; handle++) {
        error = tern_object_create(job, made[handle].kind, (slot_t){0}, made[handle].value, &slot);
        for (unsigned i = 0; i < 3 && error == OK; i++)
            error = sys_child_give(processes[i], handle, slot, RIGHTS_ALL, 0);
        (void)tern_cap_delete(slot);
    }
    return error;
}

static error_t share(slot_t job, const slot_t *processes)
{
    slot_t memory;
    error_t error = tern_object_create(job, OBJECT_memory, (slot_t){0}, 4096, &memory);
    for (unsigned i = 0; i < 3 && error == OK; i++)
        error = tern_space_map(processes[i], memory, 0, (uaddr_t){SHARED_VA}, 4096,
                               SPACE_READ | SPACE_WRITE | SPACE_SHARED);
    (void)tern_cap_delete(memory);
    return error;
}

static error_t start_threads(slot_t job, const slot_t *processes)
{
    slot_t thread;
    error_t error = OK;
    unsigned count[3] = {0, 0, 0};
    for (unsigned i = 0; i < T_COUNT && error == OK; i++) {
        unsigned process = programs[i].process;
        error = sys_child_thread(job, processes[process], count[process]++, programs[i].entry, NULL,
                                 &thread);
        (void)tern_cap_delete(thread);
    }
    return error;
}

static error_t job_make(slot_t *job)
{
    slot_t processes[3];
    error_t error = tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, job);
    for (unsigned i = 0; i < 3 && error == OK; i++)
        error = sys_child_create(*job, &processes[i]);
    if (error == OK)
        error = give_objects(*job, processes);
    if (error == OK)
        error = share(*job, processes);
    if (error == OK)
        error = start_threads(*job, processes);
    for (unsigned i = 0; i < 3; i++)
        (void)tern_cap_delete(processes[i]);
    return error;
}

/* --- looking at it from outside --- */

static struct checkpoint checkpoint;
static struct shared seen;

static error_t look(slot_t process)
{
    uint64_t done;
    const struct space_range range = {{SHARED_VA}, sizeof(seen)};
    error_t error = tern_space_read(process, (uaddr_t){(uintptr_t)&range}, 1,
                                    (uaddr_t){(uintptr_t)&seen}, &done);
    if (error != OK)
        sys_print("looking: %s\n", error_text(error));
    return error;
}

/* Each thread does another step. */
static bool all_step(slot_t process)
{
    uint64_t before[T_COUNT], until = now() + 20000 * MS;
    if (look(process) != OK)
        return false;
    memcpy(before, (const void *)seen.progress, sizeof(before));
    for (;;) {
        unsigned stuck = T_COUNT;
        (void)tern_yield();
        if (look(process) != OK)
            return false;
        for (unsigned i = 0; i < T_COUNT; i++)
            if (seen.progress[i] == before[i])
                stuck = i;
        if (stuck == T_COUNT)
            return true;
        if (now() > until) {
            sys_print("thread %u stands at %lu\n", stuck, before[stuck]);
            return false;
        }
    }
}

static bool goes_on(slot_t job)
{
    slot_t process;
    uint64_t next;
    if (tern_object_open(job, LINK_job_process, 0, &process, &next) != OK)
        return false;
    bool all = all_step(process);
    (void)tern_cap_delete(process);
    return all;
}

static uint64_t random_state = 88172645463325252;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* One time there and back. The old job is gone before the new one is made. */
static error_t round_trip(slot_t *job)
{
    error_t error = checkpoint_save(&checkpoint, *job);
    if (error != OK)
        sys_print("saving: %s\n", error_text(error));
    if (error == OK)
        error = checkpoint_destroy(&checkpoint);
    if (error != OK)
        return error;
    error = checkpoint_restore(&checkpoint, root_slot(ROOT_SLOT_JOB), job);
    if (error != OK) {
        const uint32_t *record = (const void *)(checkpoint.stream + checkpoint.at);
        sys_print("restoring: %s at %lu, record %u\n", error_text(error), checkpoint.at, record[0]);
    }
    checkpoint_forget(&checkpoint);
    return error == OK ? tern_job_thaw(*job, 0, 0, 0) : error;
}

static bool word_in(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (; *text != 0; text++)
        if (memcmp(text, word, size) == 0)
            return true;
    return false;
}

TEST(checkpoint_is_not_noticed)
{
    slot_t job, stream;
    unsigned rounds = word_in(sys_page, "soak") ? 1000 : ROUNDS;
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, STREAM_BYTES,
                               &stream) == OK);
    REQUIRE(tern_space_map(root_slot(ROOT_SLOT_PROCESS), stream, 0, (uaddr_t){STREAM_VA},
                           STREAM_BYTES, SPACE_READ | SPACE_WRITE | SPACE_OMIT) == OK);
    checkpoint.stream = (uint8_t *)STREAM_VA;
    checkpoint.size = STREAM_BYTES;
    REQUIRE(job_make(&job) == OK);
    REQUIRE(goes_on(job));
    for (unsigned i = 0; i < rounds; i++) {
        pause_ns(random_below(4 * MS));
        REQUIRE(round_trip(&job) == OK);
        if (i % 10 == 9 || i < 3)
            REQUIRE(goes_on(job));
    }
    REQUIRE(goes_on(job));
    sys_print("%u times %lu bytes; calls %lu, messages %lu, bits %lx of %lx, error at line %lu\n",
              rounds, checkpoint.used, seen.progress[T_CALLER], seen.progress[T_MANY_RECEIVER],
              seen.bits_seen, seen.bits_sent, seen.errors);
    EXPECT(seen.errors == 0);
    EXPECT(seen.served[0] - seen.progress[T_CALLER] <= 1);
    EXPECT(tern_object_kill(job) == OK && tern_cap_delete(job) == OK);
}
