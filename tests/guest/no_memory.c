/*
 * Native test: what happens at the end of a job's budget: faults of kind *no memory*, which go on
 * once there is budget again, and reservations of nested jobs.
 */
#include "guest_thread.h"
#include "pages.h"
#include "sys/message.h"
#include <state.h>
#include <stdatomic.h>

#define JOB     root_slot(ROOT_SLOT_JOB)
#define NO_SLOT ((slot_t){0})
#define PAGES   64u
#define BADGE   9

static slot_t port, reply;
static uint8_t stack[16384] __attribute__((aligned(16)));
static _Atomic(uint64_t) touched;

static struct state_job_basic job_info(slot_t job)
{
    uint64_t size = 0, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return *(const struct state_job_basic *)sys_page;
}

static error_t job_set(slot_t job, uint64_t fields, uint64_t limit, uint64_t reserved)
{
    struct state_job_basic *state = sys_page;
    *state = (struct state_job_basic){.memory_limit = limit, .memory_reserved = reserved};
    return tern_object_set(job, STATE_job_basic, fields, sizeof(*state), NO_SLOT);
}

static error_t limit_set(slot_t job, uint64_t limit)
{
    return job_set(job, STATE_BIT(job, basic, memory_limit), limit, 0);
}

static slot_t job_make(slot_t parent)
{
    slot_t job = NO_SLOT;
    EXPECT(tern_object_create(parent, OBJECT_job, NO_SLOT, 0, &job) == OK);
    return job;
}

static slot_t memory_in(slot_t job, uint64_t pages)
{
    slot_t memory = NO_SLOT;
    EXPECT(tern_object_create(job, OBJECT_memory, NO_SLOT, pages * PAGE, &memory) == OK);
    return memory;
}

static void touch_all(uint64_t argument)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        *word_at(argument + i * PAGE) = i + 1;
        atomic_store(&touched, i + 1);
    }
    sys_exit(0);
}

/* Its handler pays for some pages more at a time: the thread goes on at the same page. */
TEST(no_memory_goes_on_with_more_budget)
{
    slot_t job = job_make(JOB), memory = memory_in(job, PAGES), thread = NO_SLOT;
    struct message message;
    uint64_t asked = 0, limit = job_info(job).memory_used + 8 * PAGE;
    REQUIRE(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    REQUIRE(map(memory, 0, AREA(0), PAGES, RW) == OK && limit_set(job, limit) == OK);
    REQUIRE(tern_object_create(JOB, OBJECT_thread, self_process(), CHILD_PAGE, &thread) == OK);
    REQUIRE(thread_route(thread, NO_SLOT, 0, port, BADGE) == OK);
    uaddr_t sp = {(uintptr_t)stack + sizeof(stack)};
    REQUIRE(tern_thread_start(thread, (uaddr_t){(uintptr_t)touch_all}, sp, AREA(0)) == OK);
    for (;;) {
        REQUIRE(tern_port_receive(port, reply, &message, clock_now() + 5000000000) == OK);
        EXPECT(message.badge == BADGE);
        if (message.kind == MESSAGE_exit)
            break;
        REQUIRE(message.kind == MESSAGE_no_memory);
        EXPECT(message.word[1] == AREA(0) + atomic_load(&touched) * PAGE);
        EXPECT(job_info(job).memory_used <= limit);
        limit += 8 * PAGE;
        asked++;
        EXPECT(limit_set(job, limit) == OK);
        message = (struct message){.way = ANSWER_RESUME};
        EXPECT(tern_port_reply(reply, &message) == OK);
    }
    EXPECT(asked >= PAGES / 8 - 1 && asked <= PAGES / 8 + 1 && atomic_load(&touched) == PAGES);
    for (uint64_t i = 0; i < PAGES; i++)
        EXPECT(*word_at(AREA(0) + i * PAGE) == i + 1);
    EXPECT(unmap(AREA(0), PAGES) == OK);
    drop(thread), drop(port), drop(reply), drop(memory), drop(job);
}

/* What one child has reserved its sibling cannot take, and it can have it at any time. */
TEST(no_memory_reserved_by_nested_jobs)
{
    slot_t parent = job_make(JOB), kept = job_make(parent), greedy = job_make(parent);
    slot_t below = job_make(kept), mine = memory_in(below, PAGES);
    slot_t theirs = memory_in(greedy, 4 * PAGES);
    EXPECT(put(mine, PAGES - 1, 1) == OK && put(theirs, 4 * PAGES - 1, 1) == OK);
    uint64_t used = job_info(parent).memory_used, own = job_info(kept).memory_used;
    const uint64_t both =
        STATE_BIT(job, basic, memory_limit) | STATE_BIT(job, basic, memory_reserved);
    EXPECT(limit_set(parent, used + 2 * PAGES * PAGE) == OK);
    EXPECT(job_set(kept, both, own + PAGES * PAGE, own + PAGES * PAGE) == OK);
    EXPECT(job_info(parent).memory_used == used + PAGES * PAGE);
    EXPECT(commit(theirs, 0, 4 * PAGES, COMMIT_FILL) == ERR_no_memory);
    EXPECT(job_info(parent).memory_used <= used + 2 * PAGES * PAGE);
    EXPECT(put(theirs, 2 * PAGES, 1) == ERR_no_memory);
    EXPECT(commit(mine, 0, PAGES - 4, COMMIT_FILL) == OK);
    EXPECT(job_info(parent).memory_used <= used + 2 * PAGES * PAGE);
    EXPECT(commit(theirs, 0, PAGES / 2, COMMIT_ZERO) == OK && put(theirs, 2 * PAGES, 1) == OK);
    drop(mine), drop(theirs), drop(below), drop(greedy), drop(kept), drop(parent);
}
