/*
 * Native test: lives that leave nothing. 10,000 threads and processes come and go; then the job is
 * charged what it was before, and as many frames can be had as before.
 */
#include "guest_thread.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/start.h"
#include "test.h"
#include <space.h>

#define THREADS   9700u
#define PROCESSES 300u
#define SLOTS     4000u
#define PAGE      (ROOT_PAGE + UINT64_C(0x100000))
#define ALL       (UINT64_C(1) << 36) /* bytes; more than the machine has */
#define SPARE     512u /* frames that lie in the caches of CPUs, or ready for a heap */

static slot_t job, process, port;
static _Alignas(16) unsigned char stack[4096];

static uint64_t charged(void)
{
    uint64_t size, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* Waits until that much is charged, for some ms at most: reapers of all CPUs have their time. */
static bool settles_in(unsigned ms, uint64_t before)
{
    static uint32_t never;
    uint64_t now = 0;
    for (unsigned i = 0; i < ms && charged() != before; i++) {
        EXPECT(tern_clock_read(&now) == OK);
        (void)tern_word_wait((uaddr_t){(uintptr_t)&never}, 0, now + 1000000);
    }
    return charged() == before;
}

static bool settles(uint64_t before)
{
    return settles_in(20000, before);
}

/* Takes all memory there is, a page at a time, and gives it back. */
static uint64_t frames(void)
{
    slot_t memory;
    uint64_t pages = 0, done = 0, before = charged();
    EXPECT(tern_object_create(job, OBJECT_memory, (slot_t){0}, ALL, &memory) == OK);
    while (tern_memory_commit(memory, pages * 4096, 64 * 4096, COMMIT_FILL, &done) == OK)
        pages += done / 4096;
    EXPECT(tern_cap_delete(memory) == OK && settles(before));
    return pages;
}

static uint64_t run_once(void *argument, void *page)
{
    (void)argument, (void)page;
    return 0;
}

static bool joined(slot_t thread)
{
    struct message message = {0};
    return tern_port_receive(port, (slot_t){0}, &message, DEADLINE_NEVER) == OK &&
           message.kind == MESSAGE_exit && tern_cap_delete(thread) == OK;
}

static bool thread_lives(void)
{
    slot_t thread;
    uint64_t done;
    struct sys_begin *begin = (struct sys_begin *)(stack + sizeof(stack) - SYS_BEGIN_BYTES);
    *begin = (struct sys_begin){run_once, NULL, (void *)PAGE};
    return tern_object_create(job, OBJECT_thread, process, PAGE, &thread) == OK &&
           thread_route(thread, (slot_t){0}, 0, port, 0) == OK &&
           tern_thread_start(thread, (uaddr_t){(uintptr_t)sys_thread_enter},
                             (uaddr_t){(uintptr_t)begin}, (uintptr_t)begin) == OK &&
           joined(thread) && tern_space_unmap(process, (uaddr_t){PAGE}, MESSAGE_PAGE, &done) == OK;
}

static bool process_lives(void)
{
    slot_t child, thread;
    return sys_child_create(job, &child) == OK &&
           sys_child_thread_make(job, child, 0, run_once, NULL, &thread) == OK &&
           thread_route(thread, (slot_t){0}, 0, port, 0) == OK &&
           sys_child_start(thread, 0) == OK && joined(thread) && tern_cap_delete(child) == OK;
}

/* The first turns make what stays: tables, chunks of slots. */
static void lives_leave_nothing(bool (*lives)(void), unsigned count)
{
    for (unsigned i = 0; i < 100; i++)
        REQUIRE(lives());
    (void)settles_in(200, 0); /* all that the reapers have to do */
    uint64_t before = charged();
    uint64_t had = frames();
    for (unsigned i = 0; i < count; i++)
        REQUIRE(lives());
    EXPECT(settles(before));
    uint64_t have = frames();
    EXPECT(have + SPARE > had && had + SPARE > have);
}

/* Deleted slots are free again after a grace period, which several CPUs may make long: so that the
 * table need not grow then, it is large from the start. */
static void slots_make(void)
{
    static slot_t slots[SLOTS];
    for (unsigned i = 0; i < SLOTS; i++)
        REQUIRE(tern_cap_derive(port, (rights_t){RIGHTS_ALL}, 0, &slots[i]) == OK);
    for (unsigned i = 0; i < SLOTS; i++)
        REQUIRE(tern_cap_delete(slots[i]) == OK);
}

TEST(life_threads_leave_nothing)
{
    job = root_slot(ROOT_SLOT_JOB);
    process = root_slot(ROOT_SLOT_PROCESS);
    REQUIRE(sys_port_create(0, &port) == OK);
    slots_make();
    lives_leave_nothing(thread_lives, THREADS);
}

TEST(life_processes_leave_nothing)
{
    lives_leave_nothing(process_lives, PROCESSES);
}
