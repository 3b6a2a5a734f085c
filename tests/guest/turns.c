/*
 * Native test: senders that wait at a port keep their order, over a freeze and a thaw, and over a
 * checkpoint whose objects are made again in another order.
 *
 * Threads are made in one order and let send in another, each when those before it stand in the
 * queue. Then one receiver takes what they send.
 */
#include "lib/string.h"
#include "lib/types.h"
#include "sys/call.h"
#include "sys/checkpoint.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>
#include <state.h>
#include <stdatomic.h>

#define SHARED_VA    UINT64_C(0x7ff000000000)
#define STREAM_VA    UINT64_C(0x7f0000000000)
#define STREAM_BYTES (UINT64_C(1) << 20)
#define SENDERS      8
#define PATIENCE     UINT64_C(20000000000) /* ns */

enum { H_PORT = 1, H_REPLY };

struct shared {
    _Atomic(uint64_t) go;            /* the receiver may begin */
    _Atomic(uint64_t) came[SENDERS]; /* who was received, in this order */
    _Atomic(uint64_t) count;
};
static struct shared *const shared = (struct shared *)SHARED_VA;

static struct checkpoint checkpoint;
static struct shared seen;

/* --- in the job --- */

/* The odd ones call: both wait in one queue. */
static uint64_t sender(void *argument, void *page)
{
    uint64_t self = (uint64_t)(uintptr_t)argument;
    struct message message = {.word = {self}};
    (void)page;
    error_t error = self % 2 == 0
                        ? tern_port_send(sys_child_slot(H_PORT), &message, DEADLINE_NEVER)
                        : tern_port_call(sys_child_slot(H_PORT), &message, DEADLINE_NEVER);
    return (uint64_t)error;
}

static uint64_t receiver(void *argument, void *page)
{
    struct message message;
    (void)argument, (void)page;
    while (atomic_load(&shared->go) == 0)
        (void)tern_yield();
    for (uint64_t i = 0; i < SENDERS; i++) {
        error_t error = tern_port_receive(sys_child_slot(H_PORT), sys_child_slot(H_REPLY), &message,
                                          DEADLINE_NEVER);
        atomic_store(&shared->came[i], error == OK ? message.word[0] : 99);
        atomic_store(&shared->count, i + 1);
        if (message.kind == MESSAGE_call)
            (void)tern_port_reply(sys_child_slot(H_REPLY), &message);
    }
    /* With its last thread the process would end, and what is to be read with it. */
    static uint32_t never;
    (void)tern_word_wait((uaddr_t){(uintptr_t)&never}, 0, DEADLINE_NEVER);
    return 0;
}

/* --- outside --- */

static slot_t job, process, port;
static uint64_t identities[SENDERS]; /* of the senders' threads */
static uint64_t turns[SENDERS];      /* the senders as they stand in the queue */

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

/* How many stand in the port's queue. */
static uint64_t queue_length(void)
{
    uint64_t place = 0, size, count = 0;
    while (tern_object_info(port, STATE_port_queue, place, &size, &place) == OK)
        count++;
    return count;
}

static bool queue_becomes(uint64_t count)
{
    uint64_t until = now() + PATIENCE;
    while (queue_length() != count && now() < until)
        (void)tern_yield();
    return queue_length() == count;
}

/* By priority, then by arrival: who ran longer before it sent may stand behind. */
static void turns_read(void)
{
    uint64_t place = 0, size;
    for (uint64_t i = 0; i < SENDERS; i++) {
        EXPECT(tern_object_info(port, STATE_port_queue, place, &size, &place) == OK);
        uint64_t thread = ((const struct state_port_queue *)sys_page)->thread.value;
        turns[i] = SENDERS;
        for (uint64_t j = 0; j < SENDERS; j++)
            if (identities[j] == thread)
                turns[i] = j;
        EXPECT(turns[i] != SENDERS);
    }
}

static error_t job_make(void)
{
    slot_t memory = {0}, reply = {0}, thread = {0};
    error_t error = tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &job);
    if (error == OK)
        error = sys_child_create(job, &process);
    if (error == OK)
        error = tern_object_create(job, OBJECT_port, (slot_t){0}, 0, &port);
    if (error == OK)
        error = tern_object_create(job, OBJECT_reply, (slot_t){0}, 0, &reply);
    if (error == OK)
        error = tern_object_create(job, OBJECT_memory, (slot_t){0}, 4096, &memory);
    if (error == OK)
        error = sys_child_give(process, H_PORT, port, RIGHTS_ALL, 0);
    if (error == OK)
        error = sys_child_give(process, H_REPLY, reply, RIGHTS_ALL, 0);
    if (error == OK)
        error = tern_space_map(process, memory, 0, (uaddr_t){SHARED_VA}, 4096,
                               SPACE_READ | SPACE_WRITE);
    if (error == OK)
        error = sys_child_thread(job, process, SENDERS, receiver, NULL, &thread);
    (void)tern_cap_delete(memory), (void)tern_cap_delete(reply), (void)tern_cap_delete(thread);
    return error;
}

static uint64_t identity_of(slot_t thread)
{
    uint64_t size, next;
    EXPECT(tern_object_info(thread, STATE_thread_basic, 0, &size, &next) == OK);
    return ((const struct state_thread_basic *)sys_page)->identity;
}

/* Makes all senders, then starts them in the order wanted. */
static bool senders_wait(const uint8_t *order)
{
    slot_t threads[SENDERS];
    for (uint64_t i = 0; i < SENDERS; i++) {
        if (sys_child_thread_make(job, process, (unsigned)i, sender, (void *)(uintptr_t)i,
                                  &threads[i]) != OK)
            return false;
        identities[i] = identity_of(threads[i]);
    }
    for (uint64_t i = 0; i < SENDERS; i++)
        if (sys_child_start(threads[order[i]], order[i]) != OK || !queue_becomes(i + 1))
            return false;
    for (uint64_t i = 0; i < SENDERS; i++)
        (void)tern_cap_delete(threads[i]);
    return true;
}

static void receiver_goes(void)
{
    uint64_t one = 1, done, until = now() + PATIENCE, next;
    const struct space_range go = {{SHARED_VA}, sizeof(one)}, all = {{SHARED_VA}, sizeof(seen)};
    EXPECT(tern_object_open(job, LINK_job_process, 0, &process, &next) == OK);
    EXPECT(tern_space_write(process, (uaddr_t){(uintptr_t)&go}, 1, (uaddr_t){(uintptr_t)&one},
                            &done) == OK);
    do {
        (void)tern_yield();
        EXPECT(tern_space_read(process, (uaddr_t){(uintptr_t)&all}, 1, (uaddr_t){(uintptr_t)&seen},
                               &done) == OK);
    } while (seen.count != SENDERS && now() < until);
    (void)tern_cap_delete(process);
}

/* Saved, gone, and made again in an order that follows from the seed. */
static error_t there_and_back(uint64_t seed)
{
    checkpoint.stream = (uint8_t *)STREAM_VA;
    checkpoint.size = STREAM_BYTES;
    checkpoint.seed = seed;
    error_t error = checkpoint_save(&checkpoint, job);
    if (error == OK)
        error = checkpoint_destroy(&checkpoint);
    if (error == OK)
        error = checkpoint_restore(&checkpoint, root_slot(ROOT_SLOT_JOB), &job);
    checkpoint_forget(&checkpoint);
    return error;
}

static void expect_turns(const uint8_t *order, bool checkpoints, uint64_t seed)
{
    REQUIRE(job_make() == OK && senders_wait(order));
    turns_read();
    EXPECT(tern_job_freeze(job, 0, 0, 0) == OK && queue_length() == 0);
    (void)tern_cap_delete(process), (void)tern_cap_delete(port);
    if (checkpoints)
        REQUIRE(there_and_back(seed) == OK && there_and_back(seed + 1) == OK);
    REQUIRE(tern_job_thaw(job, 0, 0, 0) == OK);
    receiver_goes();
    for (uint64_t i = 0; i < SENDERS; i++)
        EXPECT(seen.came[i] == turns[i]);
    EXPECT(tern_object_kill(job) == OK && tern_cap_delete(job) == OK);
}

static const uint8_t orders[][SENDERS] = {
    {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {3, 0, 7, 5, 1, 6, 2, 4}};

TEST(turns_over_a_freeze)
{
    for (unsigned i = 0; i < COUNT_OF(orders); i++)
        expect_turns(orders[i], false, 0);
}

TEST(turns_over_a_checkpoint)
{
    slot_t stream;
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, STREAM_BYTES,
                               &stream) == OK);
    REQUIRE(tern_space_map(root_slot(ROOT_SLOT_PROCESS), stream, 0, (uaddr_t){STREAM_VA},
                           STREAM_BYTES, (uint64_t)SPACE_READ | SPACE_WRITE | SPACE_OMIT) == OK);
    for (unsigned i = 0; i < COUNT_OF(orders); i++)
        for (uint64_t seed = 0; seed < 3; seed++)
            expect_turns(orders[i], true, seed * 10);
}
