/*
 * Native benchmark: system calls and IPC, as counter ticks of BENCH_CALLS turns of a loop around
 * the stub, one JSON line each; what they mean and should be is judged by tests/bench/run.py. To be
 * run with one CPU and counted instructions.
 */
#include "bench.h"
#include "sys/clock.h"
#include "sys/message.h"
#include <root.h>

#define STACK_SIZE 16384
#define CLOCK_VA   UINT64_C(0x10000000000)

/* Each waits on its own port until the machine ends. */
struct server {
    slot_t port, reply;
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
};
static struct server no_words, six_words, one_way, echo;
static volatile uint64_t clock_shown; /* so that it is wanted */
static slot_t idle_port;              /* nobody waits there */

static void start(struct server *server, uint64_t (*run)(void *argument, void *page))
{
    slot_t thread;
    error_t error = sys_port_create(0, &server->port);
    if (error == OK)
        error = sys_reply_create(&server->reply);
    if (error == OK)
        error = sys_thread_start(run, server, server->stack, sizeof(server->stack), &thread);
    bench_need("a server", error);
}

static void bench_calls(void)
{
    struct message message = {0};
    BENCH("sys.null", 1, (void)tern_null());
    BENCH("sys.badcap", 1, (void)tern_port_send((slot_t){999}, &message, DEADLINE_NEVER));
    BENCH("sched.yield.alone", 1, (void)tern_yield());
    BENCH("ipc.signal.none", 1, (void)tern_port_signal(idle_port, 1));
}

/* By the page, and by the call that it saves. */
static void bench_clock(void)
{
    const struct clock_page *page = (const struct clock_page *)CLOCK_VA;
    uint64_t now = 0;
    bench_need("a clock page",
               sys_clock_map(root_slot(ROOT_SLOT_JOB), root_slot(ROOT_SLOT_PROCESS), CLOCK_VA, 0));
    BENCH("clock.page", 1, clock_shown = sys_clock_read(page));
    BENCH("clock.call", 1, (void)tern_clock_read(&now));
}

/* A server that answers with as many words as it is asked with. */
#define SERVER(count)                                                                              \
    static uint64_t server_##count(void *argument, void *page)                                     \
    {                                                                                              \
        (void)page;                                                                                \
        const struct server *server = argument;                                                    \
        const slot_t port = server->port, reply = server->reply;                                   \
        struct message first = {0};                                                                \
        error_t error = tern_port_receive(port, reply, &first, DEADLINE_NEVER);                    \
        while (error == OK)                                                                        \
            error = tern_port_reply_receive_short(port, reply, first.word, count);                 \
        return (uint64_t)error;                                                                    \
    }
SERVER(0)
SERVER(6)

static void bench_call_reply(void)
{
    uint64_t words[MESSAGE_WORDS] = {1, 2, 3, 4, 5, 6};
    start(&no_words, server_0);
    slot_t port = no_words.port;
    BENCH("ipc.call_reply.same.0", 1, (void)tern_port_call_short(port, words, 0));
    start(&six_words, server_6);
    port = six_words.port;
    BENCH("ipc.call_reply.same.6", 1, (void)tern_port_call_short(port, words, 6));
}

static uint64_t take_all(void *argument, void *page)
{
    (void)page;
    const struct server *server = argument;
    struct message message = {0};
    error_t error = OK;
    while (error == OK)
        error = tern_port_receive(server->port, (slot_t){0}, &message, DEADLINE_NEVER);
    return (uint64_t)error;
}

static uint64_t signal_back(void *argument, void *page)
{
    (void)page;
    const struct server *server = argument;
    struct message message = {0};
    error_t error = OK;
    while (error == OK) {
        error = tern_port_receive(server->port, (slot_t){0}, &message, DEADLINE_NEVER);
        (void)tern_port_signal(idle_port, 1);
    }
    return (uint64_t)error;
}

static void signal_there_and_back(void)
{
    struct message message;
    (void)tern_port_signal(echo.port, 1);
    (void)tern_port_receive(idle_port, (slot_t){0}, &message, DEADLINE_NEVER);
}

static void bench_one_way(void)
{
    struct message message = {0};
    start(&one_way, take_all);
    BENCH("ipc.send", 1, (void)tern_port_send(one_way.port, &message, DEADLINE_NEVER));
    start(&echo, signal_back);
    (void)tern_port_receive(idle_port, (slot_t){0}, &message, DEADLINE_POLL);
    BENCH("ipc.signal.pingpong", 1, signal_there_and_back());
}

int main(void)
{
    error_t error = sys_port_create(0, &idle_port);
    bench_need("a port", error);
    bench_calls();
    bench_clock();
    bench_call_reply();
    bench_one_way();
    return 0;
}
