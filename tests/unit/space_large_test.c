/*
 * Blocks of 2 MiB against arrays: two objects of some blocks, shown whole in two spaces, and random
 * calls that concern a part, a block or all; a user reads and writes through a simulated TLB.
 */
#include "caps_model.h"
#include "host.h"
#include "mem/frame.h"
#include "obj/job.h"
#include "selftest/check.h"
#include "unit.h"
#include "user_model.h"

#include <string.h>

#define BLOCKS 2u
#define COUNT  (BLOCKS * LARGE_PAGES)
#define FIRST  64 /* the user's page that a block can start at */
#define RW     (SPACE_READ | SPACE_WRITE)

struct large_page {
    uint64_t value;
    bool written, pinned; /* since the last look */
};

static struct {
    struct memory *memory;
    uint64_t since[COUNT / 64];
    struct large_page page[COUNT];
} objects[2];

/* Each shows one object from its own place on, or nothing. */
static struct {
    struct space space;
    int object; /* -1: none */
    uint64_t start;
    bool shown[COUNT], writable[COUNT];
} spaces[2];

static uint64_t large_most, large_now;

static uint64_t below(uint64_t bound)
{
    return unit_random() % bound;
}

/* A part: mostly few pages, now and then a block, or all. */
static void part(uint64_t *first, uint64_t *count)
{
    uint64_t what = below(4);
    *first = what == 0 ? below(BLOCKS) * LARGE_PAGES : what == 1 ? 0 : below(COUNT);
    *count = what == 0 ? LARGE_PAGES : what == 1 ? COUNT : 1 + below(min_u64(COUNT - *first, 20));
}

static bool pinned_in(int object, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        if (objects[object].page[i].pinned)
            return true;
    return false;
}

static void page_set(int object, uint64_t index, uint64_t value)
{
    struct large_page *page = &objects[object].page[index];
    page->written |= page->value != value;
    page->value = value;
}

static void step_commit(int object)
{
    uint64_t first, count;
    part(&first, &count);
    bool fill = below(3) != 0;
    if (!fill && pinned_in(object, first, count))
        return;
    error_t error = user_commit(objects[object].memory, first << PAGE_SHIFT, count << PAGE_SHIFT,
                                fill ? COMMIT_FILL : COMMIT_ZERO);
    EXPECT(error == OK);
    for (uint64_t i = first; i < first + count && !fill; i++)
        page_set(object, i, 0);
}

static void step_map(int in)
{
    uint64_t shift = below(8) == 0 ? 1 : 0;
    if (spaces[in].object >= 0) {
        EXPECT(user_unmap(&spaces[in].space, user_va(spaces[in].start), COUNT * PAGE_SIZE) == OK);
        memset(spaces[in].shown, 0, sizeof(spaces[in].shown));
    }
    spaces[in].object = (int)below(2);
    spaces[in].start = FIRST + shift;
    bool write = below(4) != 0;
    EXPECT(space_map(&spaces[in].space, objects[spaces[in].object].memory, 0,
                     (uaddr_t){user_va(spaces[in].start)}, COUNT * PAGE_SIZE,
                     (write ? RW : SPACE_READ) | SPACE_MAY) == OK);
    for (uint64_t i = 0; i < COUNT; i++) {
        spaces[in].shown[i] = true;
        spaces[in].writable[i] = write;
    }
}

static void step_part(int in)
{
    uint64_t first, count;
    part(&first, &count);
    if (spaces[in].object < 0)
        return;
    uint64_t va = user_va(spaces[in].start + first), size = count * PAGE_SIZE;
    bool write = below(2) != 0, all = true;
    for (uint64_t i = first; i < first + count; i++)
        all = all && spaces[in].shown[i];
    if (below(4) == 0 || !all) {
        EXPECT(user_unmap(&spaces[in].space, va, size) == OK);
        memset(&spaces[in].shown[first], 0, count);
        return;
    }
    EXPECT(user_protect(&spaces[in].space, va, size, write ? RW : SPACE_READ) == OK);
    memset(&spaces[in].writable[first], write, count);
}

static void step_access(int in)
{
    uint64_t index = below(4) == 0 ? below(COUNT) : below(BLOCKS * 8) * (COUNT / BLOCKS / 8);
    uint64_t va = user_va(spaces[in].start + index), value = unit_random();
    if (spaces[in].object < 0)
        return;
    bool write = below(4) == 0;
    error_t wanted = !spaces[in].shown[index]               ? ERR_bad_address
                     : write && !spaces[in].writable[index] ? ERR_denied
                                                            : OK;
    error_t error = write ? user_write(&spaces[in].space, va, value, NULL)
                          : user_read(&spaces[in].space, va, &value, NULL);
    EXPECT(error == wanted);
    if (error == OK && write)
        page_set(spaces[in].object, index, value);
    else if (error == OK)
        EXPECT(value == objects[spaces[in].object].page[index].value);
}

static void step_clone(int from)
{
    uint64_t first, count;
    part(&first, &count);
    if (pinned_in(1 - from, first, count))
        return;
    uint64_t at = first << PAGE_SHIFT, size = count << PAGE_SHIFT;
    EXPECT(user_commit(objects[1 - from].memory, at, size, COMMIT_ZERO) == OK);
    EXPECT(user_memory_clone(objects[from].memory, at, objects[1 - from].memory, at, size, 0) ==
           OK);
    for (uint64_t i = first; i < first + count; i++)
        page_set(1 - from, i, objects[from].page[i].value);
}

/* Looks at 64 pages; or ends tracking, after which nothing is known. */
static void step_dirty(int object)
{
    uint64_t word = below(COUNT / 64), bitmap = 0, *since = &objects[object].since[word];
    if (below(3) == 0) {
        memory_dirty_end(objects[object].memory);
        memset(objects[object].since, 0, sizeof(objects[object].since));
        return;
    }
    bool first = *since == 0;
    EXPECT(memory_dirty(objects[object].memory, *since, word << (6 + PAGE_SHIFT), 64, &bitmap,
                        since) == OK);
    for (uint64_t i = 0; i < 64; i++) {
        struct large_page *page = &objects[object].page[word * 64 + i];
        EXPECT(first || (bitmap >> i & 1) != 0 || (!page->written && !page->pinned));
        page->written = false;
    }
}

/* One page at a time. */
static void step_pin(int object)
{
    uint64_t index = 0;
    while (index < COUNT && !objects[object].page[index].pinned)
        index++;
    bool pinned = index < COUNT;
    index = pinned ? index : below(COUNT);
    struct large_page *page = &objects[object].page[index];
    phys_t frame;
    if (pinned)
        memory_unpin(objects[object].memory, index << PAGE_SHIFT);
    else
        EXPECT(memory_pin(objects[object].memory, index << PAGE_SHIFT, NULL, &frame) == OK);
    page->written |= pinned;
    page->pinned = !pinned;
}

/* All pages given back and had anew, so that they come in blocks. */
static void step_renew(int object)
{
    if (pinned_in(object, 0, COUNT))
        return;
    memory_dirty_end(objects[object].memory);
    memset(objects[object].since, 0, sizeof(objects[object].since));
    EXPECT(user_commit(objects[object].memory, 0, COUNT * PAGE_SIZE, COMMIT_ZERO) == OK);
    EXPECT(user_commit(objects[object].memory, 0, COUNT * PAGE_SIZE, COMMIT_FILL) == OK);
    for (uint64_t i = 0; i < COUNT; i++)
        page_set(object, i, 0);
    step_map(object);
}

static void step_supply(int from)
{
    uint64_t block = below(BLOCKS) * LARGE_PAGES, done = 0;
    uint64_t at = block << PAGE_SHIFT, size = LARGE_SIZE;
    if (pinned_in(0, block, LARGE_PAGES) || pinned_in(1, block, LARGE_PAGES))
        return;
    EXPECT(user_commit(objects[1 - from].memory, at, size, COMMIT_ZERO) == OK);
    for (uint64_t moved = 0; moved < size; moved += done)
        REQUIRE(memory_supply(objects[1 - from].memory, at + moved, objects[from].memory,
                              at + moved, size - moved, NULL, &done) == OK);
    for (uint64_t i = block; i < block + LARGE_PAGES; i++) {
        page_set(1 - from, i, objects[from].page[i].value);
        page_set(from, i, 0);
    }
}

static void check(void)
{
    large_now = objects[0].memory->large + objects[1].memory->large;
    large_most = max_u64(large_most, large_now);
    for (int i = 0; i < 2; i++) {
        memory_check(objects[i].memory);
        space_check(&spaces[i].space);
    }
}

static void start(void)
{
    user_start();
    memset(objects, 0, sizeof(objects));
    for (int i = 0; i < 2; i++) {
        REQUIRE(space_init(&spaces[i].space, job_root) == OK);
        REQUIRE(memory_create(job_root, COUNT * PAGE_SIZE, &objects[i].memory) == OK);
        spaces[i].object = -1;
    }
}

static void end(void)
{
    for (int i = 0; i < 2; i++)
        user_space_end(&spaces[i].space);
    for (int i = 0; i < 2; i++) {
        for (uint64_t page = 0; page < COUNT; page++)
            if (objects[i].page[page].pinned)
                memory_unpin(objects[i].memory, page << PAGE_SHIFT);
        object_put(&objects[i].memory->object);
    }
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
    frame_check();
}

static void run(void)
{
    static void (*const steps[])(int) = {step_commit, step_part,   step_clone, step_dirty, step_pin,
                                         step_map,    step_supply, step_renew, step_renew};
    uint64_t joined = 0;
    start();
    large_most = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t what = below(80), before = large_now;
        if (what < sizeof(steps) / sizeof(steps[0]))
            steps[what]((int)below(2));
        else
            step_access((int)below(2));
        check();
        joined += large_now > before;
    }
    EXPECT(large_most >= 2 && joined > 100);
    end();
}

TEST(large_random_calls_agree_with_arrays)
{
    run();
}

TEST(large_random_calls_with_dirty_marks)
{
    host_mark_dirty(true);
    run();
}

/* The reserve is charged while it is there, whatever becomes of the object. */
TEST(large_reserve_is_charged_and_given_back)
{
    uint64_t done = 0, value = 1;
    start();
    struct memory *memory = objects[0].memory;
    uint64_t before = job_memory_used(job_root);
    EXPECT(memory_commit(memory, 0, LARGE_SIZE, COMMIT_FILL, NULL, &done) == OK);
    EXPECT(done < LARGE_SIZE && memory_resident(memory) == done >> PAGE_SHIFT);
    EXPECT(job_memory_used(job_root) >= before + LARGE_SIZE);
    /* Somebody else's page in the middle ends it. */
    EXPECT(memory_write(memory, 100 * PAGE_SIZE, &value, 8, NULL, &done) == OK);
    EXPECT(user_commit(memory, 0, LARGE_SIZE, COMMIT_FILL) == OK);
    EXPECT(memory_resident(memory) == LARGE_PAGES && memory->reserve_next == 0);
    EXPECT(memory_commit(memory, LARGE_SIZE, LARGE_SIZE, COMMIT_FILL, NULL, &done) == OK);
    EXPECT(memory->reserve_next != 0 && user_resize(memory, PAGE_SIZE) == OK);
    EXPECT(memory->reserve_next == 0 && memory_resident(memory) == 1);
    EXPECT(user_resize(memory, COUNT * PAGE_SIZE) == OK);
    EXPECT(memory_commit(memory, LARGE_SIZE, LARGE_SIZE, COMMIT_FILL, NULL, &done) == OK);
    EXPECT(memory->reserve_next != 0);
    end();
}

/* Without a block in the allocator, or a budget for one, pages come one by one. */
TEST(large_not_to_be_had)
{
    struct job *poor;
    struct memory *memory;
    start();
    REQUIRE(job_create(job_root, &poor) == OK);
    REQUIRE(memory_create(poor, COUNT * PAGE_SIZE, &memory) == OK);
    atomic_store(&poor->memory_limit, LARGE_SIZE - PAGE_SIZE);
    uint64_t done = 0;
    EXPECT(memory_commit(memory, 0, LARGE_SIZE, COMMIT_FILL, NULL, &done) == OK);
    EXPECT(memory->reserve_next == 0 && done >> PAGE_SHIFT == memory_resident(memory));
    EXPECT(user_commit(memory, done, LARGE_SIZE - done, COMMIT_FILL) == ERR_no_memory);
    object_put(&memory->object);
    object_put(&poor->object);
    end();
}

TEST(large_physical_memory_by_its_address)
{
    struct memory *memory;
    start();
    REQUIRE(memory_create_physical(job_root, PHYS(8 * GIB + 4 * PAGE_SIZE), 3 * LARGE_SIZE,
                                   MAP_DEVICE, &memory) == OK);
    uint64_t first = LARGE_PAGES - 4; /* of the object: its first aligned page */
    struct space *space = &spaces[0].space;
    EXPECT(space_map(space, memory, first << PAGE_SHIFT, (uaddr_t){user_va(FIRST)}, LARGE_SIZE,
                     RW) == OK);
    EXPECT(memory->large == 1);
    memory_check(memory);
    EXPECT(user_unmap(space, user_va(FIRST + 3), PAGE_SIZE) == OK && memory->large == 0);
    EXPECT(space_fault(space, (uaddr_t){user_va(FIRST + 4)}, SPACE_WRITE, NULL) == OK);
    EXPECT(space_map(space, memory, 0, (uaddr_t){user_va(FIRST + 2 * LARGE_PAGES)}, LARGE_SIZE,
                     RW) == OK);
    EXPECT(memory->large == 0);
    memory_check(memory);
    object_put(&memory->object);
    end();
}
