/*
 * Native test: floating point and vector registers belong to their thread, all of them.
 *
 * More threads than CPUs each fill their whole state with values of their own, and find it
 * unchanged after being preempted, after yielding, calling, waiting and faulting for memory. A
 * thread that starts finds the state of a start, whatever ran on its CPU before.
 */
#include "lib/string.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <guest_fpu.h>
#include <root.h>
#include <state.h>
#include <stdatomic.h>

#define STACK_SIZE  16384
#define WORKERS     9 /* an odd number, so that no CPU has the same two all the time */
#define ROUNDS      300
#define STARTS      40
#define LABEL_LEAVE 1000000

struct worker {
    uint32_t seed;
    slot_t thread;
    _Atomic(bool) ended;
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
};
static struct worker workers[WORKERS];
static slot_t port, reply;
static _Atomic(uint32_t) starts, strangers;
static uint32_t nobody;

static bool same(const struct guest_fpu *a, const struct guest_fpu *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void compute(uint32_t turns)
{
    for (volatile uint32_t i = 0; i < turns; i++)
        ;
}

/* Something that leaves the CPU, or may: by the round's number. */
static void leave(uint32_t round)
{
    struct message message = {.label = round};
    uint64_t now = 0;
    switch (round % 4) {
    case 0:
        tern_yield();
        break;
    case 1:
        EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
        EXPECT(message.label == round + 1);
        break;
    case 2:
        (void)tern_clock_read(&now);
        EXPECT(tern_word_wait((uaddr_t){(uintptr_t)&nobody}, 0, now + 20000) == ERR_timeout);
        break;
    default:
        compute(20000);
    }
}

static uint64_t work(void *argument, void *page)
{
    struct worker *worker = argument;
    struct guest_fpu mine, found;
    (void)page;
    memset(&mine, 0, sizeof(mine));
    memset(&found, 0, sizeof(found));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        guest_fpu_fill(&mine, worker->seed + round * WORKERS);
        guest_fpu_load(&mine);
        leave(round);
        guest_fpu_store(&found);
        EXPECT(same(&mine, &found));
    }
    atomic_store(&worker->ended, true);
    return 0;
}

/* Answers with its own registers in use as well. */
static uint64_t serve(void *argument, void *page)
{
    struct message message = {0};
    struct guest_fpu mine, found;
    (void)argument, (void)page;
    memset(&mine, 0, sizeof(mine));
    memset(&found, 0, sizeof(found));
    error_t error = tern_port_receive(port, reply, &message, DEADLINE_NEVER);
    for (uint32_t round = 0; error == OK && message.label != LABEL_LEAVE; round++) {
        message.label++;
        guest_fpu_fill(&mine, ~round);
        guest_fpu_load(&mine);
        error = tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER);
        guest_fpu_store(&found);
        EXPECT(same(&mine, &found));
    }
    EXPECT(error == OK && tern_port_reply(reply, &message) == OK);
    return 0;
}

/* First thing of its life: nothing of others is there. */
static uint64_t begin(void *argument, void *page)
{
    const struct guest_fpu start = GUEST_FPU_START;
    struct guest_fpu found;
    (void)argument, (void)page;
    guest_fpu_store_start(&found);
    for (uint32_t i = 0; i < sizeof(found.vector); i++)
        if ((&found.vector[0][0])[i] != 0)
            atomic_fetch_add(&strangers, 1);
    memcpy(found.vector, start.vector, sizeof(start.vector));
    if (!same(&found, &start))
        atomic_fetch_add(&strangers, 1);
    guest_fpu_fill(&found, 77);
    guest_fpu_load(&found);
    atomic_fetch_add(&starts, 1);
    return 0;
}

TEST(fpu_is_the_threads_own)
{
    static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
    slot_t server = {0};
    struct message message = {.label = LABEL_LEAVE};
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    REQUIRE(sys_thread_start(serve, NULL, stack, STACK_SIZE, &server) == OK);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i].seed = i + 1;
        REQUIRE(sys_thread_start(work, &workers[i], workers[i].stack, STACK_SIZE,
                                 &workers[i].thread) == OK);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        while (!atomic_load(&workers[i].ended))
            tern_yield();
        EXPECT(tern_cap_delete(workers[i].thread) == OK);
    }
    EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
    EXPECT(tern_cap_delete(server) == OK && tern_cap_delete(port) == OK &&
           tern_cap_delete(reply) == OK);
}

static bool dead(slot_t thread)
{
    uint64_t size = 0, next = 0;
    const struct state_thread_basic *state = sys_page;
    EXPECT(tern_object_info(thread, STATE_thread_basic, 0, &size, &next) == OK);
    return state->wait == WAIT_DEAD;
}

TEST(fpu_starts_empty)
{
    static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
    struct guest_fpu mine;
    memset(&mine, 0, sizeof(mine));
    for (uint32_t i = 0; i < STARTS; i++) {
        slot_t thread = {0};
        guest_fpu_fill(&mine, i + 5);
        guest_fpu_load(&mine);
        REQUIRE(sys_thread_start(begin, NULL, stack, STACK_SIZE, &thread) == OK);
        while (!dead(thread))
            tern_yield();
        EXPECT(tern_cap_delete(thread) == OK);
    }
    EXPECT(atomic_load(&starts) == STARTS);
    EXPECT(atomic_load(&strangers) == 0);
}
