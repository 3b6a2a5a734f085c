/* Native test: jobs: kill, freeze and thaw, the border, what is charged. */
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

#define ROOT_JOB  root_slot(ROOT_SLOT_JOB)
#define SHARED_VA UINT64_C(0x7ff000000000)
#define MS        UINT64_C(1000000)

enum { SLOT_PORT = 1, SLOT_REPLY = 2, SLOT_OUT = 3, SLOT_SELF = 4, SLOT_JOB = 5, SLOT_MEMORY = 6 };

/* A page that parent and child both see. */
struct shared {
    _Atomic(uint64_t) count, calls, status, stop;
};
static struct shared *const shared = (struct shared *)SHARED_VA;

struct child {
    slot_t job, process, thread, memory;
};

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static struct state_job_basic job_info(slot_t job)
{
    uint64_t size = 0, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    EXPECT(size == sizeof(struct state_job_basic));
    return *(const struct state_job_basic *)sys_page;
}

static error_t freeze(slot_t job)
{
    return tern_job_freeze(job, 0, 0, 0);
}

static error_t thaw(slot_t job)
{
    return tern_job_thaw(job, 0, 0, 0);
}

/* The shared page is charged to the first job, so that what is left of a job can be seen. */
static error_t share(struct child *child)
{
    error_t error = tern_object_create(ROOT_JOB, OBJECT_memory, (slot_t){0}, 4096, &child->memory);
    if (error == OK)
        error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), child->memory, 0, (uaddr_t){SHARED_VA},
                               4096, SPACE_READ | SPACE_WRITE | SPACE_OMIT);
    if (error == OK)
        error = tern_space_map(child->process, child->memory, 0, (uaddr_t){SHARED_VA}, 4096,
                               SPACE_READ | SPACE_WRITE);
    return error;
}

static error_t child_make(struct child *child, slot_t parent_job)
{
    error_t error = tern_object_create(parent_job, OBJECT_job, (slot_t){0}, 0, &child->job);
    if (error == OK)
        error = sys_child_create(child->job, &child->process);
    if (error == OK)
        error = share(child);
    return error;
}

static error_t child_run(struct child *child, uint64_t (*entry)(void *argument, void *page))
{
    return sys_child_thread(child->job, child->process, 0, entry, NULL, &child->thread);
}

/* What the job was charged comes back, all of it, some time after it was killed. */
static void child_end(struct child *child)
{
    uint64_t done, until = now() + 5000 * MS;
    EXPECT(tern_object_kill(child->job) == OK);
    EXPECT(tern_cap_delete(child->process) == OK && tern_cap_delete(child->thread) == OK);
    while (job_info(child->job).memory_used != 0 && now() < until)
        (void)tern_yield();
    EXPECT(job_info(child->job).memory_used == 0);
    EXPECT(tern_space_unmap(root_slot(ROOT_SLOT_PROCESS), (uaddr_t){SHARED_VA}, 4096, &done) == OK);
    EXPECT(tern_cap_delete(child->memory) == OK && tern_cap_delete(child->job) == OK);
}

static void wait_for(_Atomic(uint64_t) *word, uint64_t least)
{
    uint64_t until = now() + 5000 * MS;
    while (atomic_load(word) < least && now() < until)
        (void)tern_yield();
    EXPECT(atomic_load(word) >= least);
}

static void pause_ms(uint64_t ms)
{
    for (uint64_t until = now() + ms * MS; now() < until;)
        (void)tern_yield();
}

static uint64_t count_up(void *argument, void *page)
{
    (void)argument, (void)page;
    for (;;)
        atomic_fetch_add(&shared->count, 1);
}

/* Its table names the process, the thread and the job: none of them keeps the others. */
TEST(jobs_kill_leaves_nothing)
{
    struct child child;
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    EXPECT(job_info(child.job).memory_used > 0);
    REQUIRE(child_run(&child, count_up) == OK);
    EXPECT(sys_child_give(child.process, 1, child.process, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(child.process, 2, child.thread, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(child.process, 3, child.job, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(child.process, 3, child.job, RIGHTS_ALL, 0) == ERR_exists);
    wait_for(&shared->count, 1000);
    child_end(&child);
}

static uint64_t exit_at_once(void *argument, void *page)
{
    (void)argument, (void)page;
    return 0;
}

TEST(jobs_process_ends_with_its_last_thread)
{
    struct child child;
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    EXPECT(sys_child_give(child.process, 1, child.process, RIGHTS_ALL, 0) == OK);
    REQUIRE(child_run(&child, exit_at_once) == OK);
    child_end(&child);
}

static uint64_t kill_own_job(void *argument, void *page)
{
    (void)argument, (void)page;
    atomic_store(&shared->status, 1 + (uint64_t)tern_object_kill(sys_child_slot(SLOT_JOB)));
    for (;;)
        atomic_fetch_add(&shared->count, 1);
}

TEST(jobs_kill_by_itself)
{
    struct child child;
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    EXPECT(sys_child_give(child.process, SLOT_JOB, child.job, RIGHTS_ALL, 0) == OK);
    REQUIRE(child_run(&child, kill_own_job) == OK);
    pause_ms(20);
    uint64_t count = atomic_load(&shared->count);
    pause_ms(5);
    EXPECT(atomic_load(&shared->count) == count);
    slot_t other;
    EXPECT(tern_object_create(child.job, OBJECT_process, (slot_t){0}, 0, &other) == ERR_dead);
    EXPECT(tern_object_create(child.job, OBJECT_job, (slot_t){0}, 0, &other) == ERR_dead);
    child_end(&child);
}

TEST(jobs_freeze_stops_and_thaw_goes_on)
{
    struct child child;
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    REQUIRE(child_run(&child, count_up) == OK);
    for (unsigned round = 0; round < 10; round++) {
        wait_for(&shared->count, atomic_load(&shared->count) + 1000);
        EXPECT(freeze(child.job) == OK && job_info(child.job).frozen == 1);
        uint64_t count = atomic_load(&shared->count);
        pause_ms(2);
        EXPECT(atomic_load(&shared->count) == count);
        EXPECT(thaw(child.job) == OK && job_info(child.job).frozen == 0);
    }
    wait_for(&shared->count, atomic_load(&shared->count) + 1000);
    EXPECT(freeze(ROOT_JOB) == ERR_bad_argument);
    EXPECT(freeze(child.process) == ERR_denied);
    child_end(&child);
}

/* A job frozen by itself stays so when the one above it is thawed; the new start frozen. */
TEST(jobs_freeze_nests)
{
    slot_t above, more;
    struct child child;
    REQUIRE(tern_object_create(ROOT_JOB, OBJECT_job, (slot_t){0}, 0, &above) == OK);
    REQUIRE(child_make(&child, above) == OK);
    EXPECT(freeze(child.job) == OK);
    REQUIRE(child_run(&child, count_up) == OK);
    pause_ms(3);
    EXPECT(atomic_load(&shared->count) == 0);
    EXPECT(freeze(above) == OK && thaw(above) == OK);
    pause_ms(3);
    EXPECT(atomic_load(&shared->count) == 0);
    EXPECT(freeze(above) == OK && thaw(child.job) == OK);
    REQUIRE(sys_child_thread(child.job, child.process, 1, count_up, NULL, &more) == OK);
    pause_ms(3);
    EXPECT(atomic_load(&shared->count) == 0);
    EXPECT(thaw(above) == OK);
    wait_for(&shared->count, 1000);
    EXPECT(tern_cap_delete(more) == OK);
    child_end(&child);
    EXPECT(tern_cap_delete(above) == OK);
}

/* --- the border --- */

static uint64_t serve(void *argument, void *page)
{
    (void)argument, (void)page;
    struct message message;
    for (;;) {
        error_t error = tern_port_receive(sys_child_slot(SLOT_PORT), sys_child_slot(SLOT_REPLY),
                                          &message, DEADLINE_NEVER);
        atomic_store(&shared->status, (uint64_t)error);
        atomic_fetch_add(&shared->count, message.word[0]);
        while (message.kind == MESSAGE_call && atomic_load(&shared->stop) != 0)
            (void)tern_yield();
        if (message.kind == MESSAGE_call)
            (void)tern_port_reply(sys_child_slot(SLOT_REPLY), &message);
    }
}

static error_t server_make(struct child *child, uint64_t depth, slot_t *port)
{
    slot_t reply = {0};
    error_t error = child_make(child, ROOT_JOB);
    if (error == OK)
        error = tern_object_create(child->job, OBJECT_port, (slot_t){0}, depth, port);
    if (error == OK)
        error = tern_object_create(child->job, OBJECT_reply, (slot_t){0}, 0, &reply);
    if (error == OK)
        error = sys_child_give(child->process, SLOT_PORT, *port, RIGHTS_ALL, 0);
    if (error == OK)
        error = sys_child_give(child->process, SLOT_REPLY, reply, RIGHTS_ALL, 0);
    (void)tern_cap_delete(reply);
    return error == OK ? child_run(child, serve) : error;
}

TEST(jobs_messages_wait_at_the_border)
{
    struct child child;
    slot_t port;
    REQUIRE(server_make(&child, 2, &port) == OK);
    struct message message = {.word = {1}};
    EXPECT(tern_port_send(port, &message, DEADLINE_NEVER) == OK);
    EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
    wait_for(&shared->count, 2);
    EXPECT(freeze(child.job) == OK);
    message.word[0] = 10;
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == OK);
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == OK);
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == ERR_would_block);
    EXPECT(tern_port_signal(port, 5) == OK);
    EXPECT(tern_port_call(port, &message, now() + 2 * MS) == ERR_timeout);
    EXPECT(atomic_load(&shared->count) == 2);
    EXPECT(thaw(child.job) == OK);
    wait_for(&shared->count, 27);
    pause_ms(2);
    EXPECT(atomic_load(&shared->count) == 27); /* 2 + 10 + 10 + bits 5 */
    EXPECT(tern_cap_delete(port) == OK);
    child_end(&child);
}

static slot_t outside_port;
static _Atomic(uint64_t) outside_status[2];
static uint8_t outside_stack[2][16384] __attribute__((aligned(16)));

static uint64_t call_inside(void *argument, void *page)
{
    _Atomic(uint64_t) *status = argument;
    (void)page;
    struct message message = {.word = {1}};
    atomic_store(status, 1 + (uint64_t)tern_port_call(outside_port, &message, DEADLINE_NEVER));
    return 0;
}

/* One waits for its answer, one to be taken: both are told. */
TEST(jobs_callers_outside_are_moved)
{
    struct child child;
    slot_t threads[2];
    REQUIRE(server_make(&child, 0, &outside_port) == OK);
    atomic_store(&shared->stop, 1);
    for (unsigned i = 0; i < 2; i++) {
        atomic_store(&outside_status[i], 0);
        REQUIRE(sys_thread_start(call_inside, (void *)&outside_status[i], outside_stack[i],
                                 sizeof(outside_stack[i]), &threads[i]) == OK);
    }
    uint64_t size, next, until = now() + 5000 * MS;
    wait_for(&shared->count, 1);
    while (tern_object_info(outside_port, STATE_port_queue, 0, &size, &next) == ERR_not_found &&
           now() < until)
        (void)tern_yield();
    EXPECT(((const struct state_port_queue *)sys_page)->thread.value != 0);
    EXPECT(atomic_load(&shared->count) == 1);
    EXPECT(freeze(child.job) == OK);
    for (unsigned i = 0; i < 2; i++) {
        wait_for(&outside_status[i], 1);
        EXPECT(atomic_load(&outside_status[i]) == 1 + ERR_moved);
        EXPECT(tern_cap_delete(threads[i]) == OK);
    }
    atomic_store(&shared->stop, 0);
    EXPECT(thaw(child.job) == OK);
    struct message message = {.word = {1}};
    EXPECT(tern_port_call(outside_port, &message, now() + 1000 * MS) == OK);
    EXPECT(tern_cap_delete(outside_port) == OK);
    child_end(&child);
}

static uint64_t call_outside(void *argument, void *page)
{
    (void)argument, (void)page;
    for (;;) {
        struct message message = {.word = {7}};
        error_t error = tern_port_call(sys_child_slot(SLOT_OUT), &message, DEADLINE_NEVER);
        atomic_store(&shared->status, 1 + (uint64_t)error);
        atomic_fetch_add(&shared->calls, 1);
    }
}

/* A call that went outside and was taken is made again after the thaw. */
TEST(jobs_calls_to_outside_are_repeated)
{
    struct child child;
    slot_t port, reply;
    struct message message = {0};
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    EXPECT(sys_child_give(child.process, SLOT_OUT, port, RIGHT_send, 77) == OK);
    REQUIRE(child_run(&child, call_outside) == OK);
    for (unsigned round = 0; round < 5; round++) {
        REQUIRE(tern_port_receive(port, reply, &message, now() + 1000 * MS) == OK);
        EXPECT(message.kind == MESSAGE_call && message.badge == 77 && message.word[0] == 7);
        EXPECT(freeze(child.job) == OK);
        EXPECT(tern_port_reply(reply, &message) == ERR_not_found);
        EXPECT(atomic_load(&shared->calls) == round);
        EXPECT(thaw(child.job) == OK);
        REQUIRE(tern_port_receive(port, reply, &message, now() + 1000 * MS) == OK);
        EXPECT(tern_port_reply(reply, &message) == OK);
        wait_for(&shared->calls, round + 1);
    }
    EXPECT(atomic_load(&shared->status) == 1 + OK);
    EXPECT(tern_cap_delete(port) == OK && tern_cap_delete(reply) == OK);
    child_end(&child);
}

/* --- what a job may --- */

static uint64_t try_debug(void *argument, void *page)
{
    (void)argument, (void)page;
    static const char text[] = "a line of a child\n";
    for (;;) {
        error_t error = tern_debug_write((uaddr_t){(uintptr_t)text}, sizeof(text) - 1);
        atomic_store(&shared->status, 1 + (uint64_t)error);
        atomic_fetch_add(&shared->calls, 1);
        if (error == OK)
            return 0;
    }
}

static error_t job_set(slot_t job, uint64_t fields, const struct state_job_basic *state)
{
    *(struct state_job_basic *)sys_page = *state;
    return tern_object_set(job, STATE_job_basic, fields, sizeof(*state), (slot_t){0});
}

TEST(jobs_debug_is_given)
{
    struct child child;
    const struct state_job_basic on = {.debug = 1};
    REQUIRE(child_make(&child, ROOT_JOB) == OK);
    REQUIRE(child_run(&child, try_debug) == OK);
    wait_for(&shared->calls, 3);
    EXPECT(atomic_load(&shared->status) == 1 + ERR_denied);
    EXPECT(job_set(child.job, STATE_BIT(job, basic, debug), &on) == OK);
    uint64_t until = now() + 1000 * MS;
    while (atomic_load(&shared->status) != 1 + OK && now() < until)
        (void)tern_yield();
    EXPECT(atomic_load(&shared->status) == 1 + OK);
    child_end(&child);
}

TEST(jobs_budgets_are_set)
{
    slot_t job, memory;
    struct state_job_basic state;
    REQUIRE(tern_object_create(ROOT_JOB, OBJECT_job, (slot_t){0}, 0, &job) == OK);
    state = job_info(job);
    state.memory_limit = 65536;
    EXPECT(job_set(job, STATE_BIT(job, basic, memory_limit), &state) == OK);
    EXPECT(tern_object_create(job, OBJECT_process, (slot_t){0}, 0, &memory) == OK);
    EXPECT(tern_object_kill(memory) == OK && tern_cap_delete(memory) == OK);
    state.memory_limit = 100;
    EXPECT(job_set(job, STATE_BIT(job, basic, memory_limit), &state) == OK);
    EXPECT(tern_object_create(job, OBJECT_process, (slot_t){0}, 0, &memory) == ERR_no_memory);
    state.memory_limit = UINT64_MAX;
    EXPECT(job_set(job, STATE_BIT(job, basic, memory_limit), &state) == ERR_bad_argument);
    state.memory_limit = 65536;
    state.memory_reserved = 32768;
    EXPECT(job_set(job,
                   STATE_BIT(job, basic, memory_limit) | STATE_BIT(job, basic, memory_reserved),
                   &state) == OK);
    EXPECT(job_info(job).memory_reserved == 32768);
    state.memory_reserved = 0;
    EXPECT(job_set(job, STATE_BIT(job, basic, memory_reserved), &state) == ERR_bad_argument);
    EXPECT(job_set(job, STATE_BIT(job, basic, identity), &state) == ERR_denied);
    EXPECT(tern_cap_delete(job) == OK);
}
