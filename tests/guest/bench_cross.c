/*
 * Native benchmark: IPC and yielding between two processes, as bench_ipc.c counts it. The client is
 * this program's first thread; its servers are threads of one child, which wait until the machine
 * ends. All are of class high, at priorities that nothing changes.
 *
 * ipc.signal.wake and sched.yield.switch are one way, as in sel4bench (apps/signal,
 * apps/scheduler): from a stamp of the counter before the call to one by the other process once it
 * runs, in memory that both share. The stamps are in the figure. Each turn starts with a stretch of
 * another length, so that a counter that ticks every 16 instructions is right on average. What it
 * takes until the first runs again stands beside, as .round.
 */
#include "bench.h"
#include "sys/child.h"
#include "sys/message.h"
#include <root.h>
#include <space.h>
#include <state.h>

#define CLASS_HIGH 3
#define PRIORITY   40
#define STAMP      ((volatile uint64_t *)UINT64_C(0x10000000)) /* the other's, in shared memory */

static slot_t job, child;
static unsigned servers; /* how many the child has: the next one's number */

static void priority_set(slot_t thread, uint64_t priority)
{
    struct state_thread_basic *basic = sys_page;
    *basic = (struct state_thread_basic){.class = CLASS_HIGH, .priority = priority};
    bench_need("a priority",
               tern_object_set(thread, STATE_thread_basic,
                               STATE_BIT(thread, basic, class) | STATE_BIT(thread, basic, priority),
                               sizeof(*basic), (slot_t){0}));
}

/* What the child sees of its n-th server's, which is its argument. */
static slot_t port_of(const void *argument)
{
    return sys_child_slot(2 * (unsigned)(uintptr_t)argument + 1);
}

static slot_t reply_of(const void *argument)
{
    return sys_child_slot(2 * (unsigned)(uintptr_t)argument + 2);
}

/* Says by which port it is asked. */
static slot_t start(uint64_t (*run)(void *argument, void *page), uint64_t priority)
{
    slot_t port, reply, thread;
    unsigned n = servers++;
    void *argument = (void *)(uintptr_t)n;
    bench_need("a port", sys_port_create(0, &port));
    bench_need("a reply object", sys_reply_create(&reply));
    bench_need("its port", sys_child_give(child, 2 * n + 1, port, RIGHTS_ALL, 0));
    bench_need("its reply object", sys_child_give(child, 2 * n + 2, reply, RIGHTS_ALL, 0));
    bench_need("a thread", sys_child_thread_make(job, child, n, run, argument, &thread));
    priority_set(thread, priority);
    bench_need("its start", sys_child_start(thread, n));
    return port;
}

/*
 * A server that answers with as many words and bytes as it is asked with. What `each` is, it does
 * before each answer.
 */
#define SERVER(name, count, size, each)                                                            \
    static uint64_t server_##name(void *argument, void *page)                                      \
    {                                                                                              \
        (void)page;                                                                                \
        const slot_t port = port_of(argument), reply = reply_of(argument);                         \
        struct message first = {0};                                                                \
        error_t error = tern_port_receive(port, reply, &first, DEADLINE_NEVER);                    \
        while (error == OK) {                                                                      \
            each;                                                                                  \
            error = words_exchange(CALL_port_reply_receive, port, reply, first.word, count, size); \
        }                                                                                          \
        return (uint64_t)error;                                                                    \
    }

SERVER(0, 0, 0, )
SERVER(1, 1, 0, )
SERVER(2, 2, 0, )
SERVER(3, 3, 0, )
SERVER(4, 4, 0, )
SERVER(5, 5, 0, )
SERVER(6, 6, 0, )
SERVER(64B, 0, 64, )
SERVER(512B, 0, 512, )
SERVER(fpu, 0, 0, sys_vector_set(1))

#define ASK(count, bytes) words_exchange(CALL_port_call, port, (slot_t){0}, words, count, bytes)
#define BENCH_CROSS(name, count, bytes)                                                            \
    do {                                                                                           \
        slot_t port = start(server_##name, PRIORITY);                                              \
        bench_need("a call", ASK(count, bytes));                                                   \
        BENCH("ipc.call_reply.cross." #name, 1, (void)ASK(count, bytes));                          \
    } while (0)

static void bench_words(void)
{
    uint64_t words[MESSAGE_WORDS] = {1, 2, 3, 4, 5, 6};
    BENCH_CROSS(0, 0, 0);
    BENCH_CROSS(1, 1, 0);
    BENCH_CROSS(2, 2, 0);
    BENCH_CROSS(3, 3, 0);
    BENCH_CROSS(4, 4, 0);
    BENCH_CROSS(5, 5, 0);
    BENCH_CROSS(6, 6, 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        bench_need("the words", words[i] == i + 1 ? OK : ERR_bad_argument);
}

static void bench_bytes(void)
{
    uint64_t words[1] = {0};
    BENCH_CROSS(64B, 0, 64);
    BENCH_CROSS(512B, 0, 512);
}

static void ask_with_vectors(slot_t port)
{
    uint64_t words[1] = {0};
    sys_vector_set(2);
    (void)ASK(0, 0);
}

static void bench_vectors(void)
{
    slot_t port = start(server_fpu, PRIORITY);
    BENCH("ipc.call_reply.fpu.0", 1, ask_with_vectors(port));
    bench_need("a vector register", sys_vector_get() == 2 ? OK : ERR_bad_argument);
}

static uint64_t take_all(void *argument, void *page)
{
    (void)page;
    const slot_t port = port_of(argument);
    struct message message = {0};
    while (tern_port_receive(port, (slot_t){0}, &message, DEADLINE_NEVER) == OK)
        *STAMP = sys_counter();
    return 0;
}

static uint64_t yield_always(void *argument, void *page)
{
    (void)argument, (void)page;
    do
        *STAMP = sys_counter();
    while (tern_yield() == OK);
    return 0;
}

/* Some turns of a loop with an odd number of instructions, so that all phases of the counter come
 * up as often. */
static inline void stagger(unsigned turn)
{
    for (unsigned i = turn % 32; i != 0; i--)
        __asm__ volatile("nop");
}

/* From our stamp to the other's. */
#define BENCH_ONE_WAY(bench_name, statement)                                                       \
    do {                                                                                           \
        uint64_t sum = 0;                                                                          \
        for (unsigned turn = 0; turn < BENCH_CALLS; turn++) {                                      \
            stagger(turn);                                                                         \
            uint64_t before = sys_counter();                                                       \
            statement;                                                                             \
            sum += *STAMP - before;                                                                \
        }                                                                                          \
        bench_say(bench_name, sum, BENCH_CALLS);                                                   \
    } while (0)

static void stamp_share(void)
{
    slot_t memory;
    bench_need("memory", tern_object_create(job, OBJECT_memory, (slot_t){0}, PAGE_SIZE, &memory));
    const slot_t spaces[] = {child, root_slot(ROOT_SLOT_PROCESS)};
    for (unsigned i = 0; i < 2; i++)
        bench_need("a mapping", tern_space_map(spaces[i], memory, 0, (uaddr_t){(uintptr_t)STAMP},
                                               PAGE_SIZE, SPACE_READ | SPACE_WRITE));
}

static void bench_switches(void)
{
    slot_t port = start(take_all, PRIORITY + 1);
    BENCH("ipc.signal.wake.round", 1, (void)tern_port_signal(port, 1));
    BENCH_ONE_WAY("ipc.signal.wake", (void)tern_port_signal(port, 1));
    (void)start(yield_always, PRIORITY);
    BENCH("sched.yield.round", 1, (void)tern_yield());
    BENCH_ONE_WAY("sched.yield.switch", (void)tern_yield());
}

int main(void)
{
    job = root_slot(ROOT_SLOT_JOB);
    bench_need("a child", sys_child_create(job, &child));
    priority_set(root_slot(ROOT_SLOT_THREAD), PRIORITY);
    stamp_share();
    bench_words();
    bench_bytes();
    bench_switches();
    bench_vectors(); /* last: from there on this thread's vectors are switched too */
    return 0;
}
