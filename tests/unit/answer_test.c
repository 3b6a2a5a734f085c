/*
 * Answers with a range (syscall/answer.h): what is copied, what is left, who may, and that the
 * thread stays bound. Server and caller are threads of two processes that never run.
 */
#include "caps_model.h"
#include "ipc/reply.h"
#include "mem/space_copy.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "syscall/answer.h"
#include "unit.h"
#include "user_model.h"

#include <string.h>

#define RW    (SPACE_READ | SPACE_WRITE)
#define PAGES 8

/* A process with a thread, and pages at user_va(0). */
struct side {
    struct process *process;
    struct thread *thread;
    struct memory *memory;
};

static struct side server, caller;
static struct reply *reply;
static uint8_t bytes[SPACE_COPY_MAX], arrived[SPACE_COPY_MAX];

static void side_start(struct side *side)
{
    struct space *space;
    REQUIRE(process_create(job_root, &side->process) == OK);
    space = &side->process->space;
    REQUIRE(thread_create(side->process, (uaddr_t){user_va(1000)}, &side->thread) == OK);
    REQUIRE(memory_create(job_root, PAGES * PAGE_SIZE, &side->memory) == OK);
    REQUIRE(space_map(space, side->memory, 0, (uaddr_t){user_va(0)}, PAGES * PAGE_SIZE, RW) == OK);
}

/* The caller is bound by a message of that kind. */
static void bind(enum message_kind kind)
{
    caller.thread->sending = (uint8_t)kind;
    thread_set_status(caller.thread, THREAD_CLAIMED);
    EXPECT(reply_import(reply, NULL, caller.thread) == OK);
}

static void start(void)
{
    uint64_t done;
    user_start();
    REQUIRE(clock_init() == OK && sched_start() == OK);
    side_start(&server);
    side_start(&caller);
    REQUIRE(reply_create(job_root, &reply) == OK);
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)unit_random();
    EXPECT(space_copy_out(&server.process->space, (uaddr_t){user_va(0)}, bytes, sizeof(bytes),
                          &done) == OK);
}

static error_t answer(uint64_t to, uint64_t from, uint64_t size)
{
    struct trap_frame *frame = &server.thread->frame;
    frame_set_word(frame, 1, to);
    frame_set_word(frame, 2, from);
    frame_set_word(frame, 3, size);
    return answer_range(server.thread, reply);
}

/* What the words say is left, behind `copied` bytes of the range that `answer` had. */
static bool left(uint64_t to, uint64_t from, uint64_t size, uint64_t copied)
{
    const struct trap_frame *frame = &server.thread->frame;
    return frame_word(frame, 1) == to + copied && frame_word(frame, 2) == from + copied &&
           frame_word(frame, 3) == size - copied &&
           atomic_load(&reply->word) == (uintptr_t)caller.thread;
}

static bool there(uint64_t to, uint64_t from, uint64_t size)
{
    uint64_t done;
    return space_copy_in(&caller.process->space, arrived, (uaddr_t){to}, size, &done) == OK &&
           memcmp(arrived, bytes + (from - user_va(0)), size) == 0;
}

TEST(answer_range_copies)
{
    start();
    bind(MESSAGE_foreign);
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t size = unit_random() % (SPACE_COPY_MAX + 1);
        uint64_t from = user_va(0) + unit_random() % (SPACE_COPY_MAX - size + 1);
        uint64_t to = user_va(0) + unit_random() % (PAGES * PAGE_SIZE - size + 1);
        EXPECT(answer(to, from, size) == OK && left(to, from, size, size));
        EXPECT(there(to, from, size));
    }
    EXPECT(answer(0, UINT64_MAX, 0) == OK && left(0, UINT64_MAX, 0, 0));
}

TEST(answer_range_is_cut_where_it_must_not_go)
{
    start();
    bind(MESSAGE_fault);
    const uint64_t from = user_va(0), end = user_va(PAGES), page = user_va(2);
    EXPECT(answer(end - 100, from, 300) == ERR_bad_address && left(end - 100, from, 300, 100));
    EXPECT(there(end - 100, from, 100));
    EXPECT(answer(user_va(0), end - 5, 300) == ERR_bad_address && left(from, end - 5, 300, 5));
    EXPECT(user_protect(&caller.process->space, page, PAGE_SIZE, SPACE_READ) == OK);
    EXPECT(answer(page - 3, from, 9) == ERR_denied && left(page - 3, from, 9, 3));
    EXPECT(answer(page, from, 9) == ERR_denied && left(page, from, 9, 0));
    EXPECT(user_protect(&server.process->space, from, PAGE_SIZE, 0) == OK);
    EXPECT(answer(page + PAGE_SIZE, from, 9) == ERR_denied);
    EXPECT(answer(UINT64_MAX - 3, user_va(1), 9) == ERR_bad_address);
    EXPECT(left(UINT64_MAX - 3, user_va(1), 9, 0));
    EXPECT(answer(page, user_va(1), SPACE_COPY_MAX + 1) == ERR_bad_argument);
    EXPECT(left(page, user_va(1), SPACE_COPY_MAX + 1, 0));
}

TEST(answer_range_is_for_held_threads)
{
    start();
    EXPECT(answer(user_va(0), user_va(0), 8) == ERR_not_found);
    bind(MESSAGE_call);
    EXPECT(answer(user_va(0), user_va(0), 8) == ERR_denied);
    EXPECT(left(user_va(0), user_va(0), 8, 0) && memory_resident(caller.memory) == 0);
    EXPECT(reply_cancel(caller.thread));
    bind(MESSAGE_kick);
    EXPECT(answer(user_va(0), user_va(0), 8) == OK);
    EXPECT(reply_cancel(caller.thread));
    EXPECT(answer(user_va(0), user_va(0), 8) == ERR_not_found);
}
