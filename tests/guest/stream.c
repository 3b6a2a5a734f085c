/*
 * Native test: the stream of a checkpoint as an enemy would have it. What is cut off, damaged or of
 * another version is refused with its error, and nothing is made; what is sealed again after a
 * change may be refused by the kernel, and leaves nothing either. What is outside is connected
 * again with no more rights than the importer has.
 */
#include "lib/string.h"
#include "lib/types.h"
#include "sys/call.h"
#include "sys/checkpoint.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/message.h"
#include "sys/print.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <space.h>
#include <state.h>

#define STREAM_BYTES  (UINT64_C(64) << 10)
#define CLOCK_PLACE   7                        /* where it has its job's clock page */
#define CLOCK_VA      UINT64_C(0x7ff200000000) /* where it sees that of the job below */
#define OUTSIDE_PLACE 5 /* where the process has its capability for what is outside */
#define MUTATIONS     400
#define WORD          UINT64_C(0x123456789)

static uint8_t whole[STREAM_BYTES] __attribute__((aligned(8)));
static uint8_t broken[STREAM_BYTES] __attribute__((aligned(8)));
static struct checkpoint checkpoint;
static slot_t outside, nursery; /* a port that is not in the job; jobs are made again in this one */
static uint64_t length;

static slot_t make(slot_t job, uint64_t kind, slot_t parent, uint64_t value)
{
    slot_t slot = {0};
    EXPECT(tern_object_create(job, kind, parent, value, &slot) == OK);
    return slot;
}

static slot_t open_link(slot_t of, uint64_t link, uint64_t index)
{
    slot_t slot = {0};
    uint64_t next;
    EXPECT(tern_object_open(of, link, index, &slot, &next) == OK);
    return slot;
}

/* A process with a thread that never ran, a page, and a port with a message and bits in it. */
static void job_fill(slot_t job)
{
    uint64_t word = WORD, done;
    struct message message = {.label = 7, .word = {1, 2, 3}};
    slot_t process = make(job, OBJECT_process, (slot_t){0}, 0);
    slot_t thread = make(job, OBJECT_thread, process, SYS_CHILD_PAGE);
    slot_t memory = make(job, OBJECT_memory, (slot_t){0}, 8192);
    slot_t port = make(job, OBJECT_port, (slot_t){0}, 4);
    slot_t inner = make(job, OBJECT_job, (slot_t){0}, 0);
    EXPECT(tern_memory_write(memory, 4096, (uaddr_t){(uintptr_t)&word}, 8, &done) == OK);
    EXPECT(sys_child_give(process, 1, port, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(process, 2, memory, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(process, 3, port, RIGHT_send, 99) == OK);
    slot_t timer = make(job, OBJECT_timer, port, 2);
    EXPECT(sys_child_give(process, 4, timer, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(process, OUTSIDE_PLACE, outside, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_child_give(process, 6, inner, RIGHTS_ALL, 0) == OK);
    slot_t clock = open_link(job, LINK_job_clock, 0);
    EXPECT(sys_child_give(process, CLOCK_PLACE, clock, RIGHTS_ALL, 0) == OK);
    EXPECT(sys_clock_map(inner, process, CLOCK_VA, SPACE_SHARED) == OK);
    (void)tern_cap_delete(clock);
    *(struct state_job_basic *)sys_page = (struct state_job_basic){.wall_offset = WORD};
    EXPECT(tern_object_set(inner, STATE_job_basic, STATE_BIT(job, basic, wall_offset),
                           sizeof(struct state_job_basic), (slot_t){0}) == OK);
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == OK);
    /* What only this message names. */
    slot_t hidden = make(job, OBJECT_memory, (slot_t){0}, 4096);
    EXPECT(tern_memory_write(hidden, 8, (uaddr_t){(uintptr_t)&word}, 8, &done) == OK);
    message = (struct message){.label = 8, .caps = 1, .word[5] = hidden.value};
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == OK);
    (void)tern_cap_delete(hidden);
    EXPECT(tern_port_signal(port, 0x55) == OK);
    (void)tern_cap_delete(process), (void)tern_cap_delete(thread), (void)tern_cap_delete(inner);
    (void)tern_cap_delete(memory), (void)tern_cap_delete(port), (void)tern_cap_delete(timer);
}

/* The job, saved into `whole` and gone. */
static error_t save_job(slot_t job, unsigned outside_count)
{
    checkpoint.stream = whole;
    checkpoint.size = sizeof(whole);
    checkpoint.outside_count = outside_count;
    error_t error = checkpoint_save(&checkpoint, job);
    length = checkpoint.used;
    EXPECT(checkpoint_destroy(&checkpoint) == OK);
    return error;
}

/* That of a job as above. */
static error_t save(unsigned outside_count)
{
    slot_t job = make(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0);
    job_fill(job);
    checkpoint.outside[0] = outside;
    return save_job(job, outside_count);
}

static uint64_t nursery_used(void)
{
    uint64_t size, next;
    EXPECT(tern_object_info(nursery, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* Nothing is left in the nursery, once the reaper has been there. */
static bool nursery_empties(void)
{
    uint64_t begin = 0, time = 0;
    (void)tern_clock_read(&begin);
    do {
        (void)tern_yield();
        (void)tern_clock_read(&time);
    } while (nursery_used() != 0 && time - begin < UINT64_C(20000000000));
    return nursery_used() == 0;
}

static error_t restore(uint8_t *stream, uint64_t size, slot_t *job)
{
    checkpoint.stream = stream;
    checkpoint.size = size;
    return checkpoint_restore(&checkpoint, nursery, job);
}

static void kill(slot_t job)
{
    checkpoint_forget(&checkpoint);
    EXPECT(tern_object_kill(job) == OK && tern_cap_delete(job) == OK);
}

static void reseal(uint8_t *stream)
{
    struct stream_header *header = (struct stream_header *)(void *)stream;
    header->body_sum = fnv1a(header + 1, header->bytes - sizeof(*header));
    header->head_sum = fnv1a(header, offsetof(struct stream_header, head_sum));
}

/* The stream with one change, sealed or not; it must be refused with this error. */
static void expect_refused(error_t expected, uint64_t size, uint64_t at, uint8_t flip, bool sealed)
{
    slot_t job;
    memcpy(broken, whole, length);
    broken[at] ^= flip;
    if (sealed)
        reseal(broken);
    error_t error = restore(broken, size, &job);
    EXPECT(error == expected);
    if (error != expected)
        sys_print("at %lu, size %lu: %s\n", at, size, error_text(error));
    EXPECT(nursery_used() == 0); /* nothing was made, not even for a moment */
}

/* What stands in the restored port: the message, the bits, and a capability in a message. */
static void expect_messages(slot_t job)
{
    slot_t process, port;
    uint64_t next, word = 0, done;
    struct message message = {0};
    EXPECT(tern_object_open(job, LINK_job_process, 0, &process, &next) == OK);
    EXPECT(tern_object_open(process, LINK_process_capability, 1, &port, &next) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == OK);
    EXPECT(message.kind == MESSAGE_signal && message.word[0] == 0x55);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == OK);
    EXPECT(message.label == 7 && message.word[2] == 3 && message.caps == 0);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == OK);
    EXPECT(message.label == 8 && message.caps == 1);
    slot_t hidden = {message.word[5]};
    EXPECT(tern_memory_read(hidden, 8, (uaddr_t){(uintptr_t)&word}, 8, &done) == OK);
    EXPECT(word == WORD && tern_cap_delete(hidden) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == ERR_would_block);
    (void)tern_cap_delete(port), (void)tern_cap_delete(process);
}

static uint64_t identity(slot_t slot)
{
    uint64_t size, next;
    EXPECT(tern_object_info(slot, STATE_memory_basic, 0, &size, &next) == OK);
    (void)tern_cap_delete(slot);
    return ((const struct state_memory_basic *)sys_page)->identity;
}

/* Held and seen are the clock pages of the two jobs, as they are made again. */
static void expect_clocks(slot_t job)
{
    slot_t inner = open_link(job, LINK_job_child, 0);
    slot_t process = open_link(job, LINK_job_process, 0);
    slot_t held = open_link(process, LINK_process_capability, CLOCK_PLACE);
    uint64_t done, size, next;
    EXPECT(tern_object_info(inner, STATE_job_basic, 0, &size, &next) == OK);
    const struct state_job_basic *state = sys_page;
    EXPECT(state->wall_offset == WORD && state->clock_changes == 2);
    EXPECT(tern_memory_commit(held, 0, 4096, COMMIT_FILL, &done) == ERR_denied);
    EXPECT(identity(open_link(job, LINK_job_clock, 0)) == identity(held));
    EXPECT(identity(open_link(inner, LINK_job_clock, 0)) ==
           identity(open_link(process, LINK_process_mapping, CLOCK_VA)));
    (void)tern_cap_delete(inner), (void)tern_cap_delete(process);
}

TEST(stream_is_saved_and_restored)
{
    slot_t job;
    REQUIRE(sys_port_create(4, &outside) == OK);
    nursery = make(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0);
    REQUIRE(save(1) == OK);
    for (uint64_t seed = 0; seed < 20; seed++) {
        checkpoint.seed = seed;
        REQUIRE(restore(whole, length, &job) == OK);
        expect_messages(job);
        expect_clocks(job);
        kill(job);
        EXPECT(nursery_empties());
    }
    checkpoint.seed = 0;
    sys_print("%lu bytes\n", length);
}

TEST(stream_truncated)
{
    for (uint64_t size = 0; size < length; size += size < 256 ? 1 : 61)
        expect_refused(ERR_truncated, size, 0, 0, false);
}

TEST(stream_corrupted)
{
    const uint64_t head = sizeof(struct stream_header);
    expect_refused(ERR_malformed, length, 3, 1, false); /* the magic number */
    for (uint64_t at = 12; at < head; at++)
        expect_refused(ERR_bad_checksum, length, at, 0x10, false);
    for (uint64_t at = head; at < length; at += 7)
        expect_refused(ERR_bad_checksum, length, at, 1, false);
}

TEST(stream_of_another_kind)
{
    const uint64_t version = offsetof(struct stream_header, version);
    const uint64_t machine = offsetof(struct stream_header, machine);
    expect_refused(ERR_unsupported, length, version, 3, true);
    expect_refused(ERR_unsupported, length, machine, 1, true);
    /* A record of a type that does not exist, and one that reaches over the end. */
    expect_refused(ERR_malformed, length, sizeof(struct stream_header) + 3, 0x80, true);
    expect_refused(ERR_malformed, length, sizeof(struct stream_header) + 7, 0x40, true);
}

/* Sealed again, with anything in it: refused or not, nothing is left when it is gone. */
TEST(stream_hostile)
{
    const uint64_t words = (length - sizeof(struct stream_header)) / 8;
    uint64_t state = 88172645463325252, made = 0;
    slot_t job;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t *word = (uint64_t *)(void *)(broken + sizeof(struct stream_header));
        memcpy(broken, whole, length);
        word[(state >> 20) % words] = (state & 3) == 0 ? state : (state >> 40) % 300;
        reseal(broken);
        if (restore(broken, length, &job) == OK) {
            made++;
            kill(job);
        }
        EXPECT(nursery_empties());
    }
    sys_print("%lu of %u could be made\n", made, MUTATIONS);
    EXPECT(made > 0 && made < MUTATIONS);
}

/* What the restored process can do with what is outside. */
static uint64_t rights_outside(slot_t job)
{
    slot_t process;
    uint64_t size, next;
    EXPECT(tern_object_open(job, LINK_job_process, 0, &process, &next) == OK);
    EXPECT(tern_object_info(process, STATE_process_slot, OUTSIDE_PLACE, &size, &next) == OK);
    (void)tern_cap_delete(process);
    const struct state_process_slot *state = sys_page;
    return state->handle.value == sys_child_slot(OUTSIDE_PLACE).value ? state->rights : 0;
}

TEST(stream_outside)
{
    slot_t job, weak;
    const uint64_t some = RIGHT_send | RIGHT_grant;
    EXPECT(save(0) == ERR_unsupported);
    EXPECT(checkpoint.refused.kind == OBJECT_port);
    EXPECT(checkpoint.refused.handle.value == sys_child_slot(OUTSIDE_PLACE).value);
    REQUIRE(save(1) == OK);
    REQUIRE(restore(whole, length, &job) == OK);
    uint64_t all = rights_outside(job);
    EXPECT((all & some) == some && all != some);
    kill(job);
    REQUIRE(tern_cap_derive(outside, (rights_t){some}, 0, &weak) == OK);
    checkpoint.outside[0] = weak;
    REQUIRE(restore(whole, length, &job) == OK);
    EXPECT(rights_outside(job) == some);
    /* Children of what the importer gave: they go with it. */
    EXPECT(tern_cap_revoke(outside) == OK);
    EXPECT(rights_outside(job) == 0);
    kill(job);
    checkpoint.outside_count = 0;
    EXPECT(restore(whole, length, &job) == ERR_not_found);
    EXPECT(nursery_empties());
}

/* A job with a process that sees our own clock page and, if asked, holds it, first without read. */
static slot_t job_with_our_clock(slot_t clock, bool held)
{
    slot_t job = make(root_slot(ROOT_SLOT_JOB), OBJECT_job, (slot_t){0}, 0);
    slot_t process = make(job, OBJECT_process, (slot_t){0}, 0);
    slot_t thread = make(job, OBJECT_thread, process, SYS_CHILD_PAGE);
    if (held) {
        EXPECT(sys_child_give(process, 1, clock, RIGHT_map | RIGHT_grant, 0) == OK);
        EXPECT(sys_child_give(process, 2, clock, RIGHTS_ALL, 0) == OK);
    } else {
        EXPECT(sys_clock_map(root_slot(ROOT_SLOT_JOB), process, CLOCK_VA, SPACE_SHARED) == OK);
    }
    (void)tern_cap_delete(process), (void)tern_cap_delete(thread);
    return job;
}

/* Another job's clock is nothing to take along; who lists it as outside connects it again. */
TEST(stream_outer_clock_page)
{
    slot_t clock = open_link(root_slot(ROOT_SLOT_JOB), LINK_job_clock, 0), job;
    for (unsigned held = 0; held < 2; held++) {
        EXPECT(save_job(job_with_our_clock(clock, held), 0) == ERR_unsupported);
        EXPECT(checkpoint.refused.kind == OBJECT_memory);
    }
    checkpoint.outside[0] = clock;
    REQUIRE(save_job(job_with_our_clock(clock, false), 1) == OK);
    REQUIRE(restore(whole, length, &job) == OK);
    slot_t process = open_link(job, LINK_job_process, 0);
    uint64_t seen = identity(open_link(process, LINK_process_mapping, CLOCK_VA));
    EXPECT(seen == identity(clock));
    (void)tern_cap_delete(process);
    kill(job);
    EXPECT(nursery_empties());
}
