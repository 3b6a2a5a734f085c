/*
 * Native test: hundreds of ports, and a tree of processes that are made and killed while they talk.
 * What is left at the end is nothing: all of it was charged to one job.
 */
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
#define SELF      root_slot(ROOT_SLOT_PROCESS)
#define MS        UINT64_C(1000000)
#define LONG_MS   60000 /* so long nothing here takes, whatever the machine */
#define SHARED_VA UINT64_C(0x7ff000000000)
#define PORTS     400
#define TREES     6  /* trees of processes, one after another */
#define BRANCHES  3  /* jobs of a tree; each has two processes that talk */
#define ENOUGH    40 /* calls of a pair before it is killed */

enum { SLOT_PORT = 1, SLOT_REPLY = 2 };

/* What all processes see. */
struct shared {
    _Atomic(uint64_t) calls[BRANCHES], served[BRANCHES];
};
static struct shared *const shared = (struct shared *)SHARED_VA;

struct branch {
    slot_t job, port, reply, processes[2], threads[2];
};

static slot_t job, memory;

static void nap(uint64_t ms)
{
    static uint32_t nobody;
    uint64_t now = 0;
    (void)tern_clock_read(&now);
    EXPECT(tern_word_wait((uaddr_t){(uintptr_t)&nobody}, 0, now + ms * MS) == ERR_timeout);
}

static uint64_t used(void)
{
    uint64_t size, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* The reaper's work takes its time. */
static bool falls_to(uint64_t bytes)
{
    for (unsigned i = 0; i < LONG_MS && used() != bytes; i++)
        nap(1);
    if (used() != bytes)
        sys_print("%lu bytes are left, not %lu\n", (unsigned long)used(), (unsigned long)bytes);
    return used() == bytes;
}

TEST(stress_prepare)
{
    REQUIRE(tern_object_create(ROOT_JOB, OBJECT_job, (slot_t){0}, 0, &job) == OK);
    REQUIRE(tern_object_create(ROOT_JOB, OBJECT_memory, (slot_t){0}, MESSAGE_PAGE, &memory) == OK);
    REQUIRE(tern_space_map(SELF, memory, 0, (uaddr_t){SHARED_VA}, MESSAGE_PAGE,
                           SPACE_READ | SPACE_WRITE | SPACE_OMIT) == OK);
}

/* Each is sent what the next gives back, with capabilities in messages; then all go. */
TEST(stress_hundreds_of_ports)
{
    static slot_t ports[PORTS];
    uint64_t before = used();
    struct message message = {0};
    for (unsigned i = 0; i < PORTS; i++)
        REQUIRE(tern_object_create(job, OBJECT_port, (slot_t){0}, 2, &ports[i]) == OK);
    for (unsigned i = 0; i < PORTS; i++) {
        slot_t gift;
        EXPECT(tern_cap_derive(ports[(i + 1) % PORTS], (rights_t){RIGHT_signal | RIGHT_grant},
                               i + 1, &gift) == OK);
        message = (struct message){.label = i, .caps = 1, .moved = 1, .word = {[5] = gift.value}};
        EXPECT(tern_port_send(ports[i], &message, DEADLINE_POLL) == OK);
        message = (struct message){.label = PORTS + i};
        EXPECT(tern_port_send(ports[i], &message, DEADLINE_POLL) == OK);
        EXPECT(tern_port_send(ports[i], &message, DEADLINE_POLL) == ERR_would_block);
    }
    for (unsigned i = 0; i < PORTS; i += 2) {
        EXPECT(tern_port_receive(ports[i], (slot_t){0}, &message, DEADLINE_POLL) == OK);
        EXPECT(message.label == i && message.caps == 1);
        EXPECT(tern_port_signal((slot_t){message.word[5]}, UINT64_MAX) == OK);
        EXPECT(tern_cap_delete((slot_t){message.word[5]}) == OK);
        EXPECT(tern_port_receive(ports[i + 1], (slot_t){0}, &message, DEADLINE_POLL) == OK);
        EXPECT(message.kind == MESSAGE_signal && message.word[0] == i + 1);
    }
    for (unsigned i = 0; i < PORTS; i++)
        EXPECT(tern_cap_delete(ports[i]) == OK);
    EXPECT(falls_to(before));
}

/* --- processes --- */

static uint64_t talk(void *argument, void *page)
{
    uintptr_t branch = (uintptr_t)argument;
    struct message message = {0};
    (void)page;
    for (;;) {
        uint64_t round = atomic_load(&shared->calls[branch]);
        message = (struct message){.label = round, .bytes = (uint32_t)(round % 5 * 300)};
        if (tern_port_call(sys_child_slot(SLOT_PORT), &message, DEADLINE_NEVER) != OK ||
            message.label != round + 1)
            return 1;
        atomic_fetch_add(&shared->calls[branch], 1);
    }
}

static uint64_t serve(void *argument, void *page)
{
    uintptr_t branch = (uintptr_t)argument;
    slot_t port = sys_child_slot(SLOT_PORT), reply = sys_child_slot(SLOT_REPLY);
    struct message message = {0};
    (void)page;
    error_t error = tern_port_receive(port, reply, &message, DEADLINE_NEVER);
    while (error == OK) {
        atomic_fetch_add(&shared->served[branch], 1);
        message = (struct message){.label = message.label + 1, .bytes = message.bytes};
        error = tern_port_reply_receive(port, reply, &message, DEADLINE_NEVER);
    }
    return (uint64_t)error;
}

/* A process of the branch: its threads run `entry`. */
static error_t process_make(struct branch *branch, unsigned which, uintptr_t number)
{
    slot_t *process = &branch->processes[which];
    error_t error = sys_child_create(branch->job, process);
    if (error == OK)
        error = tern_space_map(*process, memory, 0, (uaddr_t){SHARED_VA}, MESSAGE_PAGE,
                               SPACE_READ | SPACE_WRITE);
    if (error == OK)
        error = sys_child_give(*process, SLOT_PORT, branch->port, RIGHTS_ALL, 0);
    if (error == OK && which == 0)
        error = sys_child_give(*process, SLOT_REPLY, branch->reply, RIGHTS_ALL, 0);
    if (error == OK)
        error = sys_child_thread(branch->job, *process, 0, which == 0 ? serve : talk,
                                 (void *)number, &branch->threads[which]);
    return error;
}

/* Jobs below each other, each with two processes. */
static error_t branch_make(struct branch *branch, slot_t above, uintptr_t number)
{
    error_t error = tern_object_create(above, OBJECT_job, (slot_t){0}, 0, &branch->job);
    if (error == OK)
        error = tern_object_create(branch->job, OBJECT_port, (slot_t){0}, 0, &branch->port);
    if (error == OK)
        error = tern_object_create(branch->job, OBJECT_reply, (slot_t){0}, 0, &branch->reply);
    for (unsigned i = 0; i < 2 && error == OK; i++)
        error = process_make(branch, i, number);
    return error;
}

static void branch_forget(const struct branch *branch)
{
    const slot_t slots[] = {branch->threads[0],   branch->threads[1], branch->processes[0],
                            branch->processes[1], branch->port,       branch->reply,
                            branch->job};
    for (unsigned i = 0; i < COUNT_OF(slots); i++)
        EXPECT(tern_cap_delete(slots[i]) == OK);
}

static bool talks(unsigned branch, uint64_t from)
{
    for (unsigned i = 0; i < LONG_MS && atomic_load(&shared->calls[branch]) < from + ENOUGH; i++)
        nap(1);
    return atomic_load(&shared->calls[branch]) >= from + ENOUGH;
}

/* All talk; one process of a pair is killed in the middle, then a thread of another, then the job
 * on top: each at another moment of their calls. */
TEST(stress_trees_of_processes)
{
    uint64_t before = used();
    for (unsigned tree = 0; tree < TREES; tree++) {
        struct branch branches[BRANCHES];
        for (unsigned i = 0; i < BRANCHES; i++)
            REQUIRE(branch_make(&branches[i], i == 0 ? job : branches[i - 1].job, i) == OK);
        for (unsigned i = 0; i < BRANCHES; i++)
            EXPECT(talks(i, tree == 0 ? 0 : atomic_load(&shared->calls[i])));
        EXPECT(tern_object_kill(branches[BRANCHES - 1].processes[tree % 2]) == OK);
        EXPECT(tern_object_kill(branches[1].threads[(tree + 1) % 2]) == OK);
        EXPECT(talks(0, atomic_load(&shared->calls[0])));
        EXPECT(tern_object_kill(branches[0].job) == OK);
        for (unsigned i = 0; i < BRANCHES; i++)
            branch_forget(&branches[i]);
        EXPECT(falls_to(before));
    }
    for (unsigned i = 0; i < BRANCHES; i++)
        EXPECT(atomic_load(&shared->served[i]) >= atomic_load(&shared->calls[i]) &&
               atomic_load(&shared->served[i]) <= atomic_load(&shared->calls[i]) + TREES);
}
