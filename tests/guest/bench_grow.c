/*
 * Native benchmark: calls on many CPUs at once, for tests/bench/grow.py. One pair of processes per
 * CPU, a client and its server, pinned to it, with a port of their own; the first thread lets them
 * run by signals and waits for their reports.
 *
 * Words of the command line: cpus=N; rates=1: rates too; across=1: half as many pairs, each server
 * on the CPU behind its client's. Without them it does nothing. Prints a JSON line per run of
 * `pairs` pairs, in nanoseconds (`rate`), and one per pair (`pair`) with the turns that its
 * client's CPU, and its server's, spun for locks in its window of calls: from the kernel's
 * counters. In the same windows, from bench_window_begin to bench_window_end on each CPU, the
 * plugin lines.c looks at memory.
 */
#include "bench.h"
#include "lib/string.h"
#include "sys/child.h"
#include "sys/message.h"
#include <root.h>
#include <state.h>

#define CPUS         64
#define RATE_CALLS   1000u
#define RATE_TURNS   40u /* of each kind, by turns: the fastest is said */
#define WINDOW_CALLS 1000u
#define WARM_CALLS   64u
#define CLASS_HIGH   3
#define PRIORITY     40
#define SETTLE_NS    UINT64_C(50000000)

enum { GO_RATE = 1, GO_WINDOW = 2 };                          /* signal bits, to a client */
enum { ASK_NOTHING, ASK_BEGIN, ASK_END };                     /* word 0 of calls */
enum { CLIENT_GO = 1, CLIENT_PORT, CLIENT_DONE, CLIENT_JOB }; /* slots of children */
enum { SERVER_PORT = 1, SERVER_REPLY };

enum {
#define METRIC(name, what) METRIC_##name,
#include <metric.def>
#undef METRIC
    METRIC_COUNT
};

struct pair {
    unsigned number, client_cpu, server_cpu;
};
static struct pair pairs[CPUS];
static slot_t go[CPUS], done, job;
static unsigned pair_count;

/* --- in the children --- */

void bench_window_begin(void);
void bench_window_end(void);

__attribute__((noinline)) void bench_window_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void bench_window_end(void)
{
    __asm__ volatile("" ::: "memory");
}

static uint64_t serve(void *argument, void *page)
{
    const slot_t port = sys_child_slot(SERVER_PORT), reply = sys_child_slot(SERVER_REPLY);
    struct message first = {0};
    (void)argument, (void)page;
    error_t error = tern_port_receive(port, reply, &first, DEADLINE_NEVER);
    while (error == OK) {
        if (first.word[0] == ASK_BEGIN)
            bench_window_begin();
        else if (first.word[0] == ASK_END)
            bench_window_end();
        error = tern_port_reply_receive_short(port, reply, first.word, 1);
    }
    return (uint64_t)error;
}

static void ask(uint64_t what)
{
    uint64_t words[1] = {what};
    bench_need("a call", tern_port_call_short(sys_child_slot(CLIENT_PORT), words, 1));
}

static void ask_often(unsigned calls)
{
    for (unsigned i = 0; i < calls; i++)
        ask(ASK_NOTHING);
}

static uint64_t spins(unsigned cpu, const void *page)
{
    const struct state_job_counter *counter = page;
    uint64_t size, next;
    bench_need("a counter", tern_object_info(sys_child_slot(CLIENT_JOB), STATE_job_counter,
                                             cpu * METRIC_COUNT + METRIC_lock_spins, &size, &next));
    return counter->value;
}

/* Turns spun meanwhile by its two CPUs. */
static uint64_t window(const struct pair *pair, const void *page)
{
    bool two = pair->server_cpu != pair->client_cpu;
    ask_often(WARM_CALLS);
    uint64_t before = spins(pair->client_cpu, page) + (two ? spins(pair->server_cpu, page) : 0);
    ask(ASK_BEGIN);
    bench_window_begin();
    ask_often(WINDOW_CALLS);
    bench_window_end();
    ask(ASK_END);
    return spins(pair->client_cpu, page) + (two ? spins(pair->server_cpu, page) : 0) - before;
}

static uint64_t call(void *argument, void *page)
{
    const struct pair *pair = argument;
    for (;;) {
        struct message order = {0};
        bench_need("an order", tern_port_receive(sys_child_slot(CLIENT_GO), (slot_t){0}, &order,
                                                 DEADLINE_NEVER));
        struct message report = {.word = {pair->number}};
        if (order.word[0] == GO_WINDOW)
            report.word[1] = window(pair, page);
        else
            ask_often(RATE_CALLS);
        bench_need("a report",
                   tern_port_send(sys_child_slot(CLIENT_DONE), &report, DEADLINE_NEVER));
    }
}

/* --- the first thread --- */

static void pin(slot_t thread, unsigned cpu)
{
    struct state_thread_basic *basic = sys_page;
    *basic = (struct state_thread_basic){
        .class = CLASS_HIGH, .priority = PRIORITY, .affinity0 = UINT64_C(1) << cpu};
    bench_need("a thread's CPU", tern_object_set(thread, STATE_thread_basic,
                                                 STATE_BIT(thread, basic, class) |
                                                     STATE_BIT(thread, basic, priority) |
                                                     STATE_BIT(thread, basic, affinity0),
                                                 sizeof(*basic), (slot_t){0}));
}

static void child_start(slot_t child, uint64_t (*run)(void *argument, void *page),
                        struct pair *pair, unsigned cpu)
{
    slot_t thread;
    bench_need("a thread", sys_child_thread_make(job, child, 0, run, pair, &thread));
    pin(thread, cpu);
    bench_need("its start", sys_child_start(thread, 0));
}

static void pair_start(struct pair *pair)
{
    slot_t client, server, port, reply;
    bench_need("a client", sys_child_create(job, &client));
    bench_need("a server", sys_child_create(job, &server));
    bench_need("a port", sys_port_create(0, &port));
    bench_need("a port for orders", sys_port_create(0, &go[pair->number]));
    bench_need("a reply object", sys_reply_create(&reply));
    bench_need("its slots", sys_child_give(server, SERVER_PORT, port, RIGHTS_ALL, 0));
    bench_need("its slots", sys_child_give(server, SERVER_REPLY, reply, RIGHTS_ALL, 0));
    bench_need("its slots", sys_child_give(client, CLIENT_GO, go[pair->number], RIGHTS_ALL, 0));
    bench_need("its slots", sys_child_give(client, CLIENT_PORT, port, RIGHT_send, 0));
    bench_need("its slots", sys_child_give(client, CLIENT_DONE, done, RIGHT_send, 0));
    bench_need("its slots", sys_child_give(client, CLIENT_JOB, job, RIGHT_read, 0));
    child_start(server, serve, pair, pair->server_cpu);
    child_start(client, call, pair, pair->client_cpu);
}

/* Lets the first `count` pairs run; the time that it took, in nanoseconds. */
static uint64_t run(unsigned count, uint64_t order, void (*each)(const struct message *report))
{
    uint64_t begin, end;
    bench_need("the time", tern_clock_read(&begin));
    for (unsigned i = 0; i < count; i++)
        bench_need("an order", tern_port_signal(go[i], order));
    for (unsigned i = 0; i < count; i++) {
        struct message report;
        bench_need("a report", tern_port_receive(done, (slot_t){0}, &report, DEADLINE_NEVER));
        if (each != NULL)
            each(&report);
    }
    bench_need("the time", tern_clock_read(&end));
    return end - begin;
}

static void say_pair(const struct message *report)
{
    const struct pair *pair = &pairs[report->word[0]];
    sys_print("{\"pair\":%u,\"cpus\":[%u,%u],\"calls\":%u,\"spins\":%lu}\n", pair->number,
              pair->client_cpu, pair->server_cpu, WINDOW_CALLS, (unsigned long)report->word[1]);
}

static void rates(void)
{
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX};
    const unsigned counts[2] = {1, pair_count};
    for (unsigned turn = 0; turn < 2 * RATE_TURNS; turn++) {
        uint64_t time = run(counts[turn % 2], GO_RATE, NULL);
        best[turn % 2] = min_u64(best[turn % 2], time);
    }
    for (unsigned i = 0; i < 2; i++)
        sys_print("{\"rate\":%u,\"calls\":%u,\"ns\":%lu}\n", counts[i], counts[i] * RATE_CALLS,
                  (unsigned long)best[i]);
}

/* The number behind `name` on the command line; 0: it is not there. */
static unsigned option(const char *text, const char *name)
{
    size_t length = strlen(name);
    unsigned value = 0;
    while (*text != 0 && strncmp(text, name, length) != 0)
        text++;
    for (text += *text != 0 ? length : 0; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return value;
}

/* What making all this left to be freed is freed meanwhile. */
static void settle(void)
{
    static uint32_t never;
    uint64_t now;
    bench_need("the time", tern_clock_read(&now));
    (void)tern_word_wait((uaddr_t){(uintptr_t)&never}, 0, now + SETTLE_NS);
}

int main(void)
{
    unsigned cpus = option(sys_page, "cpus="), across = option(sys_page, "across=");
    bool timed = option(sys_page, "rates=") != 0;
    bench_need("so many CPUs", cpus <= CPUS ? OK : ERR_bad_argument);
    job = root_slot(ROOT_SLOT_JOB);
    bench_need("a port for reports", sys_port_create(CPUS, &done));
    pair_count = across != 0 ? cpus / 2 : cpus;
    for (unsigned i = 0; i < pair_count; i++)
        pairs[i] = across != 0 ? (struct pair){i, 2 * i, 2 * i + 1} : (struct pair){i, i, i};
    for (unsigned i = 0; i < pair_count; i++)
        pair_start(&pairs[i]);
    settle();
    if (timed && pair_count != 0)
        rates();
    (void)run(pair_count, GO_WINDOW, say_pair);
    return 0;
}
