/*
 * Native benchmark: system calls and IPC, as counter ticks of BENCH_CALLS turns of a loop around
 * the stub, one JSON line each; what they mean and should be is judged by tests/bench/run.py. To be
 * run with one CPU and counted instructions.
 */
#include "lib/types.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <root.h>
#include <sys_arch.h>

#define BENCH_CALLS 1000u
#define BENCH_WARM  16u /* turns before: nothing is cold */
#define STACK_SIZE  16384

/* Each waits on its own port until the machine ends. */
struct server {
    slot_t port, reply;
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
};
static struct server no_words, six_words, one_way, echo;
static slot_t idle_port; /* nobody waits there */

/* Whatever `statement` is, unrolled by nobody. */
#define BENCH(bench_name, statement)                                                               \
    do {                                                                                           \
        for (unsigned turn = 0; turn < BENCH_WARM; turn++)                                         \
            statement;                                                                             \
        uint64_t before = sys_counter();                                                           \
        _Pragma("clang loop unroll(disable)") for (unsigned turn = 0; turn < BENCH_CALLS; turn++)  \
            statement;                                                                             \
        bench_say(bench_name, sys_counter() - before);                                             \
    } while (0)

static void bench_say(const char *name, uint64_t ticks)
{
    sys_print("{\"bench\":\"%s\",\"value\":%lu,\"unit\":\"ticks\",\"calls\":%u}\n", name,
              (unsigned long)ticks, BENCH_CALLS);
}

static void bench_fail(const char *what, error_t error)
{
    sys_print("bench: %s: %s\n", what, error_text(error));
    sys_exit(1);
}

static void start(struct server *server, uint64_t (*run)(void *argument, void *page))
{
    slot_t thread;
    error_t error = sys_port_create(0, &server->port);
    if (error == OK)
        error = sys_reply_create(&server->reply);
    if (error == OK)
        error = sys_thread_start(run, server, server->stack, sizeof(server->stack), &thread);
    if (error != OK)
        bench_fail("a server", error);
}

static void bench_calls(void)
{
    struct message message = {0};
    BENCH("sys.null", (void)tern_null());
    BENCH("sys.badcap", (void)tern_port_send((slot_t){999}, &message, DEADLINE_NEVER));
    BENCH("sched.yield.alone", (void)tern_yield());
    BENCH("ipc.signal.none", (void)tern_port_signal(idle_port, 1));
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
    BENCH("ipc.call_reply.same.0", (void)tern_port_call_short(port, words, 0));
    start(&six_words, server_6);
    port = six_words.port;
    BENCH("ipc.call_reply.same.6", (void)tern_port_call_short(port, words, 6));
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
    BENCH("ipc.send", (void)tern_port_send(one_way.port, &message, DEADLINE_NEVER));
    start(&echo, signal_back);
    (void)tern_port_receive(idle_port, (slot_t){0}, &message, DEADLINE_POLL);
    BENCH("ipc.signal.pingpong", signal_there_and_back());
}

int main(void)
{
    error_t error = sys_port_create(0, &idle_port);
    if (error != OK)
        bench_fail("a port", error);
    bench_calls();
    bench_call_reply();
    bench_one_way();
    return 0;
}
