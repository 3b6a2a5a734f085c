/* Spaces: mapping, faults, protection, moving, clones, and what they cost. */
#include "caps_model.h"
#include "host.h"
#include "mem/frame.h"
#include "mem/space_copy.h"
#include "obj/job.h"
#include "selftest/check.h"
#include "unit.h"
#include "user_model.h"

#include <string.h>

static struct space space, other;
static struct memory *memory;
static struct page_request request;

#define RW (SPACE_READ | SPACE_WRITE)

static uint64_t frames_free(void)
{
    struct frame_stats stats;
    frame_stats(0, &stats);
    return stats.free;
}

/* A space with `pages` anonymous pages mapped at page 0. */
static void space_start(uint64_t pages, uint32_t flags)
{
    user_start();
    REQUIRE(space_init(&space, job_root) == OK);
    REQUIRE(memory_create(job_root, pages * PAGE_SIZE, &memory) == OK);
    REQUIRE(space_map(&space, memory, 0, (uaddr_t){user_va(0)}, pages * PAGE_SIZE, flags) == OK);
}

/* All of it goes, and nothing is charged any more. */
static void space_end(void)
{
    memory_check(memory);
    object_put(&memory->object);
    user_space_end(&space);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

static uint64_t read_at(struct space *in, uint64_t page)
{
    uint64_t value = UINT64_MAX;
    EXPECT(user_read(in, user_va(page), &value, &request) == OK);
    return value;
}

TEST(space_shows_zeroes_until_written)
{
    space_start(8, RW);
    EXPECT(read_at(&space, 3) == 0 && memory_resident(memory) == 1);
    EXPECT(user_write(&space, user_va(3) + 8, 77, &request) == OK);
    EXPECT(memory_resident(memory) == 1 && user_faults() == 1);
    EXPECT(user_write(&space, user_va(4), 78, &request) == OK && user_faults() == 2);
    EXPECT(user_read(&space, user_va(8), &(uint64_t){0}, &request) == ERR_bad_address);
    EXPECT(read_at(&space, 4) == 78 && user_faults() == 3);
    space_end();
}

TEST(space_refuses_what_the_mapping_does)
{
    space_start(4, SPACE_READ);
    EXPECT(user_write(&space, user_va(1), 1, &request) == ERR_denied);
    EXPECT(space_fault(&space, (uaddr_t){user_va(1)}, SPACE_EXECUTE, &request) == ERR_denied);
    EXPECT(memory_resident(memory) == 0);
    uint64_t done;
    EXPECT(space_copy_out(&space, (uaddr_t){user_va(1)}, "x", 1, &done) == ERR_denied);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(3)}, PAGE_SIZE, RW) == ERR_exists);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(9)}, 0, RW) == ERR_bad_argument);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){0}, PAGE_SIZE, RW) == ERR_bad_argument);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){SPACE_END}, PAGE_SIZE, RW) == ERR_bad_argument);
    EXPECT(space_map(&space, memory, 8, (uaddr_t){user_va(9)}, PAGE_SIZE, RW) == ERR_bad_argument);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(9)}, PAGE_SIZE,
                     SPACE_WRITE | SPACE_EXECUTE) == ERR_denied);
    space.write_execute = true;
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(9)}, PAGE_SIZE,
                     SPACE_WRITE | SPACE_EXECUTE) == OK);
    space_end();
}

TEST(space_enters_present_pages_when_mapped)
{
    space_start(4, RW);
    EXPECT(user_commit(memory, 0, 4 * PAGE_SIZE, COMMIT_FILL) == OK);
    EXPECT(space_map(&space, memory, PAGE_SIZE, (uaddr_t){user_va(20)}, PAGE_SIZE, RW) == OK);
    uint64_t before = user_faults();
    EXPECT(user_write(&space, user_va(20), 5, &request) == OK && user_faults() == before);
    EXPECT(read_at(&space, 1) == 5);
    space_end();
}

/* A page that is written in each round faults once, or, by write protection, once a round. */
static uint64_t dirty_round_faults(bool marks)
{
    uint64_t bits = 0, round = 0;
    host_mark_dirty(marks);
    space_start(8, RW);
    EXPECT(user_write(&space, user_va(3), 1, &request) == OK && read_at(&space, 5) == 0);
    EXPECT(memory_dirty(memory, 0, 0, 8, &bits, &round) == OK && bits == 0x28);
    uint64_t before = user_faults();
    for (uint64_t i = 0; i < 5; i++) {
        EXPECT(user_write(&space, user_va(3), i, &request) == OK && read_at(&space, 5) == 0);
        EXPECT(memory_dirty(memory, round, 0, 8, &bits, &round) == OK && bits == 8);
    }
    EXPECT(memory_dirty(memory, round, 0, 8, &bits, &round) == OK && bits == 0);
    uint64_t faults = user_faults() - before;
    space_end();
    return faults;
}

TEST(space_dirty_rounds_by_faults)
{
    EXPECT(dirty_round_faults(false) == 5);
}

TEST(space_dirty_rounds_by_marks)
{
    EXPECT(dirty_round_faults(true) == 0);
}

/* Instruction fetches see a page from when its entry is executable, and what the kernel writes
 * there. */
TEST(space_syncs_code)
{
    space_start(8, SPACE_READ | SPACE_EXECUTE);
    uint64_t before = host_code_synced(), done;
    EXPECT(read_at(&space, 0) == 0 && host_code_synced() == before + PAGE_SIZE);
    EXPECT(read_at(&space, 0) == 0 && host_code_synced() == before + PAGE_SIZE);
    EXPECT(user_protect(&space, user_va(0), 8 * PAGE_SIZE, RW) == OK);
    EXPECT(user_write(&space, user_va(1), 5, &request) == OK && read_at(&space, 0) == 0);
    EXPECT(host_code_synced() == before + PAGE_SIZE);
    space.write_execute = true;
    EXPECT(user_protect(&space, user_va(0), 8 * PAGE_SIZE, RW | SPACE_EXECUTE) == OK);
    EXPECT(user_write(&space, user_va(1), 6, &request) == OK);
    EXPECT(host_code_synced() == before + 2 * PAGE_SIZE);
    EXPECT(space_copy_out(&space, (uaddr_t){user_va(1)}, "x", 1, &done) == OK);
    EXPECT(host_code_synced() == before + 3 * PAGE_SIZE);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(20)}, 8 * PAGE_SIZE, SPACE_EXECUTE) ==
           OK);
    EXPECT(host_code_synced() == before + 5 * PAGE_SIZE); /* two are present */
    space_end();
}

TEST(space_protects_and_cuts_mappings)
{
    space_start(9, RW);
    for (uint64_t page = 0; page < 9; page++)
        EXPECT(user_write(&space, user_va(page), page, &request) == OK);
    EXPECT(user_protect(&space, user_va(3), 3 * PAGE_SIZE, SPACE_READ) == OK);
    EXPECT(space.mapping_count == 3);
    EXPECT(user_write(&space, user_va(4), 1, &request) == ERR_denied && read_at(&space, 4) == 4);
    EXPECT(user_write(&space, user_va(2), 12, &request) == OK && read_at(&space, 6) == 6);
    EXPECT(user_protect(&space, user_va(0), 9 * PAGE_SIZE, RW) == OK && space.mapping_count == 1);
    EXPECT(user_write(&space, user_va(4), 14, &request) == OK);
    EXPECT(user_unmap(&space, user_va(4), PAGE_SIZE) == OK && space.mapping_count == 2);
    EXPECT(user_read(&space, user_va(4), &(uint64_t){0}, &request) == ERR_bad_address);
    EXPECT(user_protect(&space, user_va(0), 9 * PAGE_SIZE, SPACE_READ) == ERR_bad_address);
    EXPECT(space_map(&space, memory, 4 * PAGE_SIZE, (uaddr_t){user_va(4)}, PAGE_SIZE, SPACE_READ) ==
           OK);
    EXPECT(read_at(&space, 4) == 14);
    struct mapping_info infos[4];
    EXPECT(space_list(&space, (uaddr_t){0}, infos, 4) == space.mapping_count);
    EXPECT(infos[0].va == user_va(0) && infos[0].memory == memory->object.identity);
    space_check(&space);
    space_end();
}

TEST(space_moves_mappings_with_their_pages)
{
    space_start(6, RW);
    for (uint64_t page = 0; page < 6; page++)
        EXPECT(user_write(&space, user_va(page), 100 + page, &request) == OK);
    uint64_t done = 0, at = 0;
    for (; at < 4 * PAGE_SIZE; at += done)
        REQUIRE(space_move(&space, (uaddr_t){user_va(1) + at}, (uaddr_t){user_va(70) + at},
                           4 * PAGE_SIZE - at, &done) == OK);
    EXPECT(user_read(&space, user_va(2), &(uint64_t){0}, &request) == ERR_bad_address);
    for (uint64_t page = 1; page < 5; page++)
        EXPECT(read_at(&space, 69 + page) == 100 + page);
    EXPECT(space_move(&space, (uaddr_t){user_va(0)}, (uaddr_t){user_va(71)}, PAGE_SIZE, &done) ==
           ERR_exists);
    EXPECT(space_move(&space, (uaddr_t){user_va(70)}, (uaddr_t){user_va(71)}, 2 * PAGE_SIZE,
                      &done) == ERR_bad_argument);
    space_check(&space);
    space_end();
}

TEST(space_clone_copies_on_write)
{
    space_start(40, RW);
    for (uint64_t page = 0; page < 40; page += 2)
        EXPECT(user_write(&space, user_va(page), 1000 + page, &request) == OK);
    REQUIRE(space_init(&other, job_root) == OK);
    uint64_t before = frames_free();
    REQUIRE(user_clone(&space, &other) == OK);
    EXPECT(before - frames_free() < 10); /* tables and nodes, no pages */
    EXPECT(user_write(&space, user_va(2), 1, &request) == OK && read_at(&other, 2) == 1002);
    EXPECT(user_write(&other, user_va(4), 2, &request) == OK && read_at(&space, 4) == 1004);
    EXPECT(user_write(&other, user_va(2), 3, &request) == OK && read_at(&space, 2) == 1);
    EXPECT(read_at(&other, 6) == 1006 && read_at(&other, 7) == 0);
    memory_check(memory);
    user_space_end(&other);
    EXPECT(user_write(&space, user_va(6), 7, &request) == OK && read_at(&space, 4) == 1004);
    space_end();
}

TEST(space_clone_of_clones_costs_no_more)
{
    enum { GENERATIONS = 20 };
    static struct space spaces[GENERATIONS];
    space_start(4, RW);
    EXPECT(user_write(&space, user_va(0), 1, &request) == OK);
    struct space *last = &space;
    for (uint32_t i = 0; i < GENERATIONS; i++) {
        REQUIRE(space_init(&spaces[i], job_root) == OK);
        REQUIRE(user_clone(last, &spaces[i]) == OK);
        last = &spaces[i];
    }
    uint64_t before = frames_free();
    EXPECT(user_write(last, user_va(0), 2, &request) == OK);
    EXPECT(before - frames_free() <= 4); /* one page, and tables to it */
    EXPECT(read_at(&space, 0) == 1);
    for (uint32_t i = 0; i < GENERATIONS; i++)
        user_space_end(&spaces[i]);
    space_end();
}

TEST(space_clone_honours_inheritance)
{
    space_start(2, RW | SPACE_SHARED);
    REQUIRE(space_map(&space, memory, 0, (uaddr_t){user_va(10)}, PAGE_SIZE, RW | SPACE_OMIT) == OK);
    REQUIRE(space_init(&other, job_root) == OK);
    REQUIRE(user_clone(&space, &other) == OK);
    EXPECT(user_write(&space, user_va(0), 5, &request) == OK && read_at(&other, 0) == 5);
    EXPECT(user_write(&other, user_va(1), 6, &request) == OK && read_at(&space, 1) == 6);
    EXPECT(user_read(&other, user_va(10), &(uint64_t){0}, &request) == ERR_bad_address);
    user_space_end(&other);
    space_end();
}

TEST(space_clone_without_budget_leaves_no_trace)
{
    space_start(64, RW);
    for (uint64_t page = 0; page < 64; page++)
        EXPECT(user_write(&space, user_va(page), page, &request) == OK);
    struct job *poor = NULL;
    REQUIRE(job_create(job_root, &poor) == OK);
    uint64_t used = job_memory_used(job_root);
    for (uint64_t limit = 0; limit < 90 * PAGE_SIZE; limit += 3 * PAGE_SIZE) {
        atomic_store(&poor->memory_limit, limit);
        if (space_init(&other, poor) != OK)
            continue;
        error_t error = user_clone(&space, &other);
        EXPECT(error == OK || error == ERR_no_memory);
        user_space_end(&other);
        caps_settle();
        EXPECT(job_memory_used(poor) == 0 && job_memory_used(job_root) == used);
    }
    object_put(&poor->object);
    space_end();
}

TEST(space_copies_in_and_out)
{
    static char text[3 * PAGE_SIZE], back[3 * PAGE_SIZE];
    space_start(4, RW);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)unit_random();
    uint64_t done, va = user_va(1) - 100;
    EXPECT(space_copy_out(&space, (uaddr_t){va}, text, sizeof(text), &done) == OK);
    EXPECT(done == sizeof(text));
    EXPECT(space_copy_in(&space, back, (uaddr_t){va}, sizeof(back), &done) == OK);
    EXPECT(memcmp(text, back, sizeof(text)) == 0);
    EXPECT(space_copy_in(&space, back, (uaddr_t){user_va(4) - 10}, 20, &done) == ERR_bad_address);
    EXPECT(done == 10);
    EXPECT(space_copy_in(&space, back, (uaddr_t){UINT64_MAX - 5}, 20, &done) == ERR_bad_address);
    EXPECT(space_copy_in(&space, back, (uaddr_t){UINT64_MAX << 47}, 20, &done) == ERR_bad_address);
    EXPECT(space_copy_between(&space, (uaddr_t){user_va(0) + 1}, &space, (uaddr_t){va}, 600,
                              &done) == OK);
    EXPECT(space_copy_in(&space, back, (uaddr_t){user_va(0) + 1}, 600, &done) == OK);
    EXPECT(memcmp(text, back, 600) == 0);
    space_end();
}

TEST(space_cas_exchanges_one_word)
{
    space_start(1, RW);
    uint64_t old = 1;
    EXPECT(space_cas(&space, (uaddr_t){user_va(0)}, 8, 0, 9, &old) == OK);
    EXPECT(old == 0 && read_at(&space, 0) == 9);
    EXPECT(space_cas(&space, (uaddr_t){user_va(0) + 4}, 4, 0, 3, &old) == OK);
    EXPECT(old == 0 && read_at(&space, 0) == ((uint64_t)3 << 32 | 9));
    EXPECT(space_cas(&space, (uaddr_t){user_va(0)}, 4, 5, 3, &old) == OK);
    EXPECT(old == 9 && read_at(&space, 0) == ((uint64_t)3 << 32 | 9));
    EXPECT(space_cas(&space, (uaddr_t){user_va(0) + 2}, 4, 9, 3, &old) == ERR_bad_argument);
    EXPECT(space_cas(&space, (uaddr_t){user_va(1)}, 4, 9, 3, &old) == ERR_bad_address);
    space_end();
}

TEST(space_shows_device_memory)
{
    user_start();
    REQUIRE(space_init(&space, job_root) == OK);
    REQUIRE(memory_create_physical(job_root, PHYS(2 * MIB), 2 * PAGE_SIZE, MAP_DEVICE, &memory) ==
            OK);
    REQUIRE(space_map(&space, memory, PAGE_SIZE, (uaddr_t){user_va(0)}, 2 * PAGE_SIZE, RW) == OK);
    phys_t page;
    uint32_t flags;
    EXPECT(ptab_lookup(&space.ptab, user_va(0), &page, &flags) == 0);
    EXPECT(page.pa == 2 * MIB + PAGE_SIZE && (flags & MAP_DEVICE) != 0);
    EXPECT(space_fault(&space, (uaddr_t){user_va(1)}, SPACE_READ, &request) == ERR_bad_address);
    uint64_t done;
    EXPECT(space_copy_out(&space, (uaddr_t){user_va(0)}, "x", 1, &done) == ERR_bad_address);
    EXPECT(user_commit(memory, 0, PAGE_SIZE, COMMIT_ZERO) == ERR_unsupported);
    EXPECT(memory_create_physical(job_root, PHYS(5), PAGE_SIZE, 0, &memory) == ERR_bad_argument);
    space_end();
}

TEST(space_frees_sparse_tables)
{
    user_start();
    REQUIRE(space_init(&space, job_root) == OK);
    uint64_t used = job_memory_used(job_root);
    REQUIRE(memory_create(job_root, MEMORY_SIZE_MAX, &memory) == OK);
    REQUIRE(space_map(&space, memory, 0, (uaddr_t){GIB}, 512 * GIB, RW) == OK);
    for (uint64_t at = GIB; at < 513 * GIB; at += 61 * GIB + 5 * MIB)
        EXPECT(space_fault(&space, (uaddr_t){at}, SPACE_WRITE, &request) == OK);
    EXPECT(job_memory_used(job_root) > used + 16 * PAGE_SIZE);
    EXPECT(user_unmap(&space, PAGE_SIZE, 600 * GIB) == OK);
    object_put(&memory->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == used);
    user_space_end(&space);
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(space_keeps_many_mappings_in_order)
{
    space_start(1, RW);
    enum { COUNT = 2000 };
    static uint32_t order[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t j = (uint32_t)(unit_random() % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < COUNT; i++)
        REQUIRE(space_map(&space, memory, 0, (uaddr_t){GIB + order[i] * 2 * PAGE_SIZE}, PAGE_SIZE,
                          RW) == OK);
    space_check(&space);
    EXPECT(space.mapping_count == COUNT + 1);
    EXPECT(user_write(&space, user_va(0), 6, &request) == OK);
    uint64_t value = 0, done;
    EXPECT(space_copy_in(&space, &value, (uaddr_t){GIB + 777 * 2 * PAGE_SIZE}, 8, &done) == OK);
    EXPECT(value == 6);
    /* Taking the page away goes to all of them. */
    EXPECT(user_commit(memory, 0, PAGE_SIZE, COMMIT_ZERO) == OK);
    memory_check(memory);
    for (uint32_t i = 0; i < COUNT; i += 2)
        EXPECT(user_unmap(&space, GIB + order[i] * 2 * PAGE_SIZE, PAGE_SIZE) == OK);
    space_check(&space);
    space_end();
}
