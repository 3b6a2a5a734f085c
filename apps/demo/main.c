/*
 * What `make run` boots: starts three processes in a job with a budget, on CPUs of their own if
 * there are several, lets two of them call the third, tells what it saw, and ends the job.
 */
#include "lib/types.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <root.h>
#include <state.h>

#define CLIENTS 2
#define CALLS   1000
#define LIMIT   (UINT64_C(8) << 20)

/* Handles that children are given. */
enum { GIVEN_PORT = 1, GIVEN_REPLY, GIVEN_RESULTS };

static slot_t job, calls, results, reply;
static slot_t processes[1 + CLIENTS], threads[1 + CLIENTS];

static void check(const char *what, error_t error)
{
    if (error == OK)
        return;
    sys_print("demo: %s: %s\n", what, error_text(error));
    sys_exit(1);
}

/* Adds up what it is sent, by badge, and answers with the sum so far. */
static uint64_t adder(void *argument, void *page)
{
    (void)argument, (void)page;
    uint64_t sums[1 + CLIENTS] = {0};
    struct message message = {0};
    slot_t port = sys_child_slot(GIVEN_PORT), answer = sys_child_slot(GIVEN_REPLY);
    error_t error = tern_port_receive(port, answer, &message, DEADLINE_NEVER);
    while (error == OK) {
        message.word[0] = sums[message.badge] += message.word[0];
        error = tern_port_reply_receive(port, answer, &message, DEADLINE_NEVER);
    }
    return (uint64_t)error;
}

static uint64_t client(void *argument, void *page)
{
    (void)argument, (void)page;
    struct message message = {0};
    error_t error = OK;
    for (uint64_t i = 1; error == OK && i <= CALLS; i++) {
        message.word[0] = i;
        error = tern_port_call(sys_child_slot(GIVEN_PORT), &message, DEADLINE_NEVER);
    }
    message.word[1] = error;
    return (uint64_t)tern_port_send(sys_child_slot(GIVEN_RESULTS), &message, DEADLINE_NEVER);
}

static void set(slot_t object, uint64_t part, uint64_t fields, const void *state, uint64_t size)
{
    __builtin_memcpy(sys_page, state, size);
    check("object_set", tern_object_set(object, part, fields, size, root_slot(ROOT_SLOT_JOB)));
}

static const void *info(slot_t object, uint64_t part)
{
    uint64_t size, next;
    check("object_info", tern_object_info(object, part, 0, &size, &next));
    return sys_page;
}

static void start(unsigned n, uint64_t (*entry)(void *argument, void *page))
{
    struct state_thread_basic thread = {.affinity0 = UINT64_C(1) << n};
    check("a process", sys_child_create(job, &processes[n]));
    check("its thread", sys_child_thread_make(job, processes[n], 0, entry, NULL, &threads[n]));
    set(threads[n], STATE_thread_basic, STATE_BIT(thread, basic, affinity0), &thread,
        sizeof(thread));
}

static void give(unsigned n, unsigned where, slot_t slot, uint64_t rights, uint64_t badge)
{
    check("a capability", sys_child_give(processes[n], where, slot, rights, badge));
}

static void job_make(void)
{
    struct state_job_basic state = {.memory_limit = LIMIT};
    check("a job", tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0, &job));
    set(job, STATE_job_basic, STATE_BIT(job, basic, memory_limit), &state, sizeof(state));
    check("a port", sys_port_create(0, &calls));
    check("a port", sys_port_create(CLIENTS, &results));
    check("a reply object", sys_reply_create(&reply));
}

static void family_make(void)
{
    start(0, adder);
    give(0, GIVEN_PORT, calls, RIGHT_receive, 0);
    give(0, GIVEN_REPLY, reply, RIGHT_answer, 0);
    for (unsigned n = 1; n <= CLIENTS; n++) {
        start(n, client);
        give(n, GIVEN_PORT, calls, RIGHT_send, n);
        give(n, GIVEN_RESULTS, results, RIGHT_send, n);
    }
}

static void tell(void)
{
    for (unsigned n = 0; n <= CLIENTS; n++) {
        const struct state_thread_basic *thread = info(threads[n], STATE_thread_basic);
        sys_print("  process %u, asked for CPU %u: %lu us of CPU time\n", n, n,
                  (unsigned long)(thread->cpu_time / 1000));
    }
    const struct state_job_basic *state = info(job, STATE_job_basic);
    sys_print("  their job: %lu of %lu KiB, %lu us of CPU time\n",
              (unsigned long)(state->memory_used / 1024),
              (unsigned long)(state->memory_limit / 1024), (unsigned long)(state->cpu_time / 1000));
}

int main(void)
{
    sys_print(
        "\nThree processes in a job with a budget: two of them call the third %u times each.\n",
        CALLS);
    job_make();
    family_make();
    for (unsigned n = 0; n <= CLIENTS; n++)
        check("start", sys_child_start(threads[n], 0));
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct message message;
        check("a result", tern_port_receive(results, (slot_t){0}, &message, DEADLINE_NEVER));
        sys_print("  process %lu: the sum is %lu (%s)\n", (unsigned long)message.badge,
                  (unsigned long)message.word[0], error_text((error_t)message.word[1]));
    }
    tell();
    check("kill", tern_object_kill(job));
    sys_print("The job is gone. What the kernel counted:\n");
    return 0;
}
