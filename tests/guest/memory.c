/* Native test: memory objects by their calls: contents, clones, resizing, supply, dirty rounds. */
#include "pages.h"
#include <stdatomic.h>

TEST(memory_reads_zero_and_what_was_written)
{
    static uint8_t out[3 * PAGE], in[3 * PAGE];
    slot_t memory = memory_make(8);
    uint64_t done = 0;
    EXPECT(tern_memory_read(memory, 100, (uaddr_t){(uintptr_t)in}, sizeof(in), &done) == OK);
    EXPECT(done == sizeof(in));
    for (unsigned i = 0; i < sizeof(in); i++) {
        EXPECT(in[i] == 0);
        out[i] = (uint8_t)(i * 7 + i / 256);
    }
    EXPECT(tern_memory_write(memory, 100, (uaddr_t){(uintptr_t)out}, sizeof(out), &done) == OK);
    EXPECT(done == sizeof(out));
    EXPECT(tern_memory_read(memory, 100, (uaddr_t){(uintptr_t)in}, sizeof(in), &done) == OK);
    for (unsigned i = 0; i < sizeof(in); i++)
        EXPECT(in[i] == out[i]);
    drop(memory);
}

TEST(memory_bad_arguments)
{
    slot_t memory = memory_make(4), made = {0}, job = root_slot(ROOT_SLOT_JOB), none = {0};
    uint64_t done = 77, word = 5;
    uaddr_t here = {(uintptr_t)&word};
    EXPECT(tern_object_create(job, OBJECT_memory, none, 0, &made) == ERR_bad_argument);
    EXPECT(tern_object_create(job, OBJECT_memory, none, UINT64_MAX, &made) == ERR_bad_argument);
    EXPECT(tern_memory_read(memory, 4 * PAGE, here, 8, &done) == ERR_bad_address);
    EXPECT(tern_memory_write(memory, UINT64_MAX, here, 8, &done) == ERR_bad_argument);
    EXPECT(tern_memory_read(memory, 0, (uaddr_t){AREA(0)}, 8, &done) == ERR_bad_address);
    EXPECT(tern_memory_commit(memory, 1, PAGE, COMMIT_FILL, &done) == ERR_bad_argument);
    EXPECT(tern_memory_commit(memory, 0, PAGE, COMMIT_ABSENT + 1, &done) == ERR_bad_argument);
    EXPECT(tern_memory_commit(memory, 4 * PAGE, PAGE, COMMIT_ZERO, &done) == ERR_bad_argument);
    EXPECT(tern_memory_clone(memory, 0, memory, 8 * PAGE, PAGE, 0, &done) == ERR_bad_argument);
    EXPECT(tern_memory_clone(memory, 0, memory, PAGE, PAGE, 2, &done) == ERR_bad_argument);
    EXPECT(tern_memory_supply(memory, 0, memory, PAGE, PAGE, &done) == ERR_bad_argument);
    EXPECT(tern_memory_supply(memory, 0, job, PAGE, PAGE, &done) != OK);
    EXPECT(tern_memory_dirty(memory, 0, 0, DIRTY_PAGES_MAX + 1, here, &done) == ERR_bad_argument);
    EXPECT(tern_memory_resize(memory, 0) == ERR_bad_argument);
    EXPECT(done == 77);
    /* What can be done is done, and told. */
    EXPECT(tern_memory_write(memory, 4 * PAGE - 3, here, 8, &done) == OK && done == 3);
    drop(memory);
}

TEST(memory_rights)
{
    slot_t memory = memory_make(2), other = memory_make(2);
    slot_t reader = derive(memory, RIGHT_read), writer = derive(memory, RIGHT_write);
    uint64_t done = 0;
    EXPECT(put(memory, 0, 9) == OK && get(reader, 0) == 9);
    EXPECT(put(reader, 0, 1) == ERR_denied);
    EXPECT(commit(reader, 0, 1, COMMIT_ZERO) == ERR_denied);
    EXPECT(tern_memory_resize(reader, PAGE) == ERR_denied);
    EXPECT(clone(memory, 0, reader, 1, 1) == ERR_denied &&
           clone(writer, 0, other, 0, 1) == ERR_denied);
    EXPECT(supply(other, 0, reader, 0, 1) == ERR_denied &&
           supply(writer, 0, other, 0, 1) == ERR_denied);
    EXPECT(tern_memory_read(writer, 0, (uaddr_t){(uintptr_t)&done}, 8, &done) == ERR_denied);
    EXPECT(tern_memory_pager(writer, (slot_t){0}, 0) == ERR_denied);
    EXPECT(get(memory, 0) == 9);
    drop(reader), drop(writer), drop(other), drop(memory);
}

TEST(memory_clones_of_clones)
{
    slot_t first = memory_make(100), second = memory_make(100), third = memory_make(100);
    for (uint64_t i = 0; i < 100; i += 2)
        EXPECT(put(first, i, i + 1) == OK);
    EXPECT(clone(first, 0, second, 0, 100) == OK);
    EXPECT(clone(second, 0, third, 0, 100) == OK);
    EXPECT(clone(first, 0, third, 0, 10) == ERR_exists);
    for (uint64_t i = 0; i < 100; i += 4)
        EXPECT(put(second, i, 1000 + i) == OK && put(first, i + 1, 5) == OK);
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t was = i % 2 == 0 ? i + 1 : 0;
        EXPECT(get(first, i) == (i % 4 == 1 ? 5 : was));
        EXPECT(get(second, i) == (i % 4 == 0 ? 1000 + i : was));
        EXPECT(get(third, i) == was);
    }
    drop(first), drop(second);
    for (uint64_t i = 0; i < 100; i++)
        EXPECT(get(third, i) == (i % 2 == 0 ? i + 1 : 0));
    drop(third);
}

TEST(memory_commit_and_resize)
{
    slot_t memory = memory_make(600);
    EXPECT(commit(memory, 0, 600, COMMIT_FILL) == OK);
    for (uint64_t i = 0; i < 600; i++)
        EXPECT(get(memory, i) == 0 && put(memory, i, i) == OK);
    EXPECT(commit(memory, 100, 400, COMMIT_ZERO) == OK);
    for (uint64_t i = 0; i < 600; i++)
        EXPECT(get(memory, i) == (i < 100 || i >= 500 ? i : 0));
    EXPECT(tern_memory_resize(memory, 550 * PAGE) == OK);
    EXPECT(commit(memory, 549, 2, COMMIT_ZERO) == ERR_bad_argument);
    EXPECT(tern_memory_resize(memory, 600 * PAGE) == OK);
    EXPECT(get(memory, 548) == 548 && get(memory, 550) == 0);
    EXPECT(tern_memory_resize(memory, 1) == OK && get(memory, 0) == 0);
    EXPECT(tern_memory_resize(memory, UINT64_C(1) << 39) == OK);
    EXPECT(put(memory, (UINT64_C(1) << 27) - 1, 3) == OK);
    EXPECT(tern_memory_resize(memory, PAGE) == OK);
    drop(memory);
}

/* No memory of a page that nobody has, and no pager. */
TEST(memory_absent_pages)
{
    slot_t memory = memory_make(40), other = memory_make(40);
    uint64_t word, done = 0;
    EXPECT(commit(memory, 0, 40, COMMIT_ABSENT) == OK);
    EXPECT(tern_memory_read(memory, 0, (uaddr_t){(uintptr_t)&word}, 8, &done) == ERR_bad_address);
    EXPECT(put(other, 3, 33) == OK && supply(memory, 0, other, 0, 20) == OK);
    EXPECT(get(memory, 3) == 33 && get(memory, 4) == 0 && get(other, 3) == 0);
    EXPECT(tern_memory_clone(memory, 0, other, 0, PAGE, 0, &done) == OK);
    EXPECT(tern_memory_clone(memory, 30 * PAGE, other, 30 * PAGE, PAGE, 0, &done) ==
           ERR_bad_address);
    EXPECT(tern_memory_clone(memory, 30 * PAGE, other, 30 * PAGE, PAGE, CLONE_ABSENT, &done) == OK);
    EXPECT(tern_memory_read(other, 30 * PAGE, (uaddr_t){(uintptr_t)&word}, 8, &done) ==
           ERR_bad_address);
    drop(memory), drop(other);
}

/* The frame itself goes over: a page that is there already stays. */
TEST(memory_supply_moves)
{
    slot_t from = memory_make(50), to = memory_make(50);
    REQUIRE(map(from, 0, AREA(0), 50, RW) == OK && map(to, 0, AREA(1), 50, RW) == OK);
    for (uint64_t i = 0; i < 50; i++)
        *word_at(AREA(0) + i * PAGE) = i + 1;
    *word_at(AREA(1) + 7 * PAGE) = 1000;
    EXPECT(supply(to, 0, from, 0, 50) == OK);
    for (uint64_t i = 0; i < 50; i++) {
        EXPECT(*word_at(AREA(1) + i * PAGE) == (i == 7 ? 1000 : i + 1));
        EXPECT(*word_at(AREA(0) + i * PAGE) == 0);
    }
    EXPECT(unmap(AREA(0), 50) == OK && unmap(AREA(1), 50) == OK);
    drop(from), drop(to);
}

static uint64_t dirty(slot_t memory, uint64_t since, uint64_t *bits)
{
    uint64_t round = 0;
    EXPECT(tern_memory_dirty(memory, since, 0, 64, (uaddr_t){(uintptr_t)bits}, &round) == OK);
    return round;
}

TEST(memory_dirty_rounds_of_two_readers)
{
    slot_t memory = memory_make(64);
    uint64_t bits = 0;
    REQUIRE(map(memory, 0, AREA(0), 64, RW) == OK);
    *word_at(AREA(0) + 3 * PAGE) = 1;
    uint64_t first = dirty(memory, 0, &bits);
    EXPECT(bits == 1u << 3);
    *word_at(AREA(0) + 3 * PAGE) = 2;
    *word_at(AREA(0) + 60 * PAGE) = 2;
    (void)*word_at(AREA(0) + 10 * PAGE);
    uint64_t second = dirty(memory, first, &bits);
    EXPECT(bits == (UINT64_C(1) << 60 | 1u << 3) && second > first);
    EXPECT(put(memory, 5, 1) == OK);
    *word_at(AREA(0) + 60 * PAGE) = 3;
    (void)dirty(memory, second, &bits);
    EXPECT(bits == (UINT64_C(1) << 60 | 1u << 5));
    (void)dirty(memory, first, &bits);
    EXPECT(bits == (UINT64_C(1) << 60 | 1u << 5 | 1u << 3));
    EXPECT(unmap(AREA(0), 64) == OK);
    drop(memory);
}

/* --- several threads on one object --- */

#define THREADS 4

static struct {
    uint8_t stacks[THREADS][8192] __attribute__((aligned(16)));
    _Atomic(uint32_t) stop, running;
    slot_t memory;
} crowd;

/* Two words of a page of its own, the second one behind: a copy sees them equal or one apart. */
static uint64_t write_pairs(void *argument, void *page)
{
    (void)page;
    uint64_t number = (uintptr_t)argument;
    volatile uint64_t *words = word_at(AREA(0) + number * PAGE);
    for (uint64_t i = 1; !atomic_load(&crowd.stop); i++) {
        words[0] = i;
        atomic_thread_fence(memory_order_seq_cst);
        words[1] = i;
        atomic_thread_fence(memory_order_seq_cst);
    }
    atomic_fetch_sub(&crowd.running, 1);
    return 0;
}

static void crowd_start(uint64_t (*run)(void *argument, void *page))
{
    atomic_store(&crowd.stop, 0);
    atomic_store(&crowd.running, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        slot_t thread = {0};
        EXPECT(sys_thread_start(run, (void *)i, crowd.stacks[i], sizeof(crowd.stacks[i]),
                                &thread) == OK);
        drop(thread);
    }
}

/* Half a second from now. */
static uint64_t crowd_deadline(void)
{
    return clock_now() + 500000000;
}

static void crowd_end(void)
{
    atomic_store(&crowd.stop, 1);
    while (atomic_load(&crowd.running) != 0)
        (void)tern_yield();
}

static void clone_check(uint64_t turn)
{
    uint64_t pair[2] = {0}, done = 0;
    slot_t copy = memory_make(THREADS);
    EXPECT(clone(crowd.memory, 0, copy, 0, THREADS) == OK);
    for (uint64_t i = 0; i < THREADS; i++) {
        EXPECT(tern_memory_read(copy, i * PAGE, (uaddr_t){(uintptr_t)pair}, 16, &done) == OK);
        EXPECT(pair[0] == pair[1] || pair[0] == pair[1] + 1);
        if (turn % 2 == 0)
            EXPECT(put(copy, i, 0) == OK);
    }
    drop(copy);
}

TEST(memory_clones_while_threads_write)
{
    crowd.memory = memory_make(THREADS);
    REQUIRE(map(crowd.memory, 0, AREA(0), THREADS, RW) == OK);
    crowd_start(write_pairs);
    for (uint64_t turn = 0, end = crowd_deadline(); turn < 8 || clock_now() < end; turn++)
        clone_check(turn);
    crowd_end();
    EXPECT(unmap(AREA(0), THREADS) == OK);
    drop(crowd.memory);
}

/* Each write is told in some round, and what was told last is what is there. */
TEST(memory_dirty_rounds_while_threads_write)
{
    uint64_t seen[THREADS] = {0}, round = 0, bits = 0;
    crowd.memory = memory_make(64);
    REQUIRE(map(crowd.memory, 0, AREA(0), 64, RW) == OK);
    crowd_start(write_pairs);
    bool last = false;
    for (uint64_t end = crowd_deadline(); !last;) {
        last = clock_now() >= end;
        if (last)
            crowd_end();
        round = dirty(crowd.memory, round, &bits);
        for (uint64_t i = 0; i < THREADS; i++)
            if ((bits >> i & 1) != 0)
                seen[i] = get(crowd.memory, i);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        EXPECT(seen[i] == *word_at(AREA(0) + i * PAGE));
    EXPECT(unmap(AREA(0), 64) == OK);
    drop(crowd.memory);
}

/* All calls at once, on pages that all of them use. */
static uint64_t mix(void *argument, void *page)
{
    (void)page;
    uint64_t random = (uintptr_t)argument * 77 + 1, base = AREA(2 + (uintptr_t)argument);
    for (uint64_t end = crowd_deadline(); clock_now() < end;) {
        random = random * 6364136223846793005 + 1442695040888963407;
        uint64_t at = random >> 40 & 31, done;
        switch (random >> 60 & 7) {
        case 0:
            (void)tern_memory_commit(crowd.memory, at * PAGE, PAGE, COMMIT_ZERO, &done);
            break;
        case 1:
            (void)tern_memory_clone(crowd.memory, at * PAGE, crowd.memory, (at ^ 16) * PAGE, PAGE,
                                    0, &done);
            break;
        case 2:
            EXPECT(put(crowd.memory, at, at) == OK);
            break;
        case 3: {
            slot_t own = memory_make(32);
            EXPECT(clone(crowd.memory, at & 15, own, 0, 16) == OK);
            (void)supply(crowd.memory, at & 15, own, 0, 8);
            drop(own);
            break;
        }
        case 4:
            EXPECT(map(crowd.memory, 0, base, 32, RW) == OK);
            *word_at(base + at * PAGE) = at;
            EXPECT(unmap(base, 32) == OK);
            break;
        case 5:
            (void)tern_memory_dirty(crowd.memory, 0, 0, 32, (uaddr_t){(uintptr_t)&done}, &done);
            break;
        default: {
            uint64_t value = get(crowd.memory, at);
            EXPECT(value < 32);
        }
        }
    }
    atomic_fetch_sub(&crowd.running, 1);
    return 0;
}

TEST(memory_calls_of_several_threads)
{
    crowd.memory = memory_make(32);
    crowd_start(mix);
    crowd_end();
    drop(crowd.memory);
}
