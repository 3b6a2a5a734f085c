/* Memory objects: reading, writing, giving back, pagers, pins, dirty rounds. */
#include "caps_model.h"
#include "mem/frame.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "selftest/check.h"
#include "unit.h"
#include "user_model.h"

#include <string.h>

static struct space space;
static struct memory *memory, *second;
static struct page_request request;
static uint32_t woken;

#define RW (SPACE_READ | SPACE_WRITE)

static void pages_start(uint64_t pages)
{
    user_start();
    woken = 0;
    REQUIRE(memory_create(job_root, pages * PAGE_SIZE, &memory) == OK);
    REQUIRE(memory_create(job_root, pages * PAGE_SIZE, &second) == OK);
    REQUIRE(space_init(&space, job_root) == OK);
}

static void pages_end(void)
{
    memory_check(memory);
    memory_check(second);
    object_put(&memory->object);
    object_put(&second->object);
    user_space_end(&space);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

static error_t put(struct memory *in, uint64_t page, uint64_t value)
{
    uint64_t done;
    return memory_write(in, page * PAGE_SIZE + 16, &value, sizeof(value), &request, &done);
}

static uint64_t get(struct memory *in, uint64_t page)
{
    uint64_t done, value = UINT64_MAX;
    EXPECT(memory_read(in, page * PAGE_SIZE + 16, &value, sizeof(value), &request, &done) == OK);
    return value;
}

static enum page_kind kind_of(struct memory *in, uint64_t page)
{
    struct page_info info;
    EXPECT(memory_page_info(in, page * PAGE_SIZE, &info) == OK);
    return info.kind;
}

static bool wake(struct memory *of)
{
    EXPECT(of == memory || of == second);
    woken++;
    return true;
}

/* Lets the first job play the pager's port. */
static void pager_set(struct memory *of)
{
    struct memory_pager former,
        pager = {.port = &job_root->object, .badge = 7, .wake = wake, .put = object_put};
    object_get(pager.port);
    (void)memory_pager_set(of, NULL, &pager, &former);
    if (former.port != NULL)
        object_put(former.port);
}

TEST(pages_are_read_without_being_made)
{
    pages_start(100);
    EXPECT(get(memory, 50) == 0 && memory_resident(memory) == 0);
    EXPECT(put(memory, 50, 5) == OK && get(memory, 50) == 5 && memory_resident(memory) == 1);
    static char text[5 * PAGE_SIZE], back[5 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)unit_random();
    uint64_t done;
    EXPECT(memory_write(memory, 12345, text, sizeof(text), &request, &done) == OK);
    EXPECT(memory_read(memory, 12345, back, sizeof(back), &request, &done) == OK);
    EXPECT(done == sizeof(text) && memcmp(text, back, sizeof(text)) == 0);
    EXPECT(memory_read(memory, 99 * PAGE_SIZE, back, sizeof(back), &request, &done) ==
           ERR_bad_address);
    EXPECT(done == PAGE_SIZE);
    pages_end();
}

TEST(pages_given_back_are_zero)
{
    pages_start(300);
    for (uint64_t page = 0; page < 300; page++)
        EXPECT(put(memory, page, page + 1) == OK);
    uint64_t used = job_memory_used(job_root);
    EXPECT(user_commit(memory, 10 * PAGE_SIZE, 200 * PAGE_SIZE, COMMIT_ZERO) == OK);
    EXPECT(job_memory_used(job_root) == used - 200 * PAGE_SIZE);
    EXPECT(get(memory, 9) == 10 && get(memory, 10) == 0 && get(memory, 210) == 211);
    EXPECT(user_commit(memory, 0, 300 * PAGE_SIZE, COMMIT_FILL) == OK);
    EXPECT(memory_resident(memory) == 300 && get(memory, 100) == 0);
    EXPECT(user_commit(memory, 0, 301 * PAGE_SIZE, COMMIT_ZERO) == ERR_bad_argument);
    pages_end();
}

TEST(pages_resize_forgets_what_is_behind_the_end)
{
    pages_start(3000);
    for (uint64_t page = 0; page < 3000; page += 7)
        EXPECT(put(memory, page, page + 1) == OK);
    EXPECT(user_resize(memory, 100 * PAGE_SIZE) == OK);
    EXPECT(memory_size(memory) == 100 * PAGE_SIZE && memory_resident(memory) == 15);
    EXPECT(put(memory, 100, 1) == ERR_bad_address);
    EXPECT(user_resize(memory, 5000 * PAGE_SIZE) == OK);
    EXPECT(get(memory, 98) == 99 && get(memory, 105) == 0 && put(memory, 4999, 3) == OK);
    EXPECT(user_resize(memory, 0) == ERR_bad_argument);
    EXPECT(user_resize(memory, 2 * MEMORY_SIZE_MAX) == ERR_bad_argument);
    pages_end();
}

TEST(pages_cloned_are_shared_until_written)
{
    pages_start(64);
    for (uint64_t page = 0; page < 64; page += 3)
        EXPECT(put(memory, page, page + 1) == OK);
    EXPECT(user_memory_clone(memory, 3 * PAGE_SIZE, second, 0, 60 * PAGE_SIZE, 0) == OK);
    struct page_info mine, theirs;
    EXPECT(memory_page_info(memory, 6 * PAGE_SIZE, &mine) == OK);
    EXPECT(memory_page_info(second, 3 * PAGE_SIZE, &theirs) == OK);
    EXPECT(mine.identity == theirs.identity && mine.identity != 0);
    EXPECT(put(second, 3, 99) == OK && get(memory, 6) == 7 && get(second, 3) == 99);
    EXPECT(memory_page_info(second, 3 * PAGE_SIZE, &theirs) == OK);
    EXPECT(mine.identity != theirs.identity);
    EXPECT(put(memory, 9, 98) == OK && get(second, 6) == 10 && get(second, 4) == 0);
    EXPECT(user_memory_clone(memory, 0, second, 0, PAGE_SIZE * 4, 0) == ERR_exists);
    EXPECT(user_memory_clone(memory, 0, second, 0, PAGE_SIZE * 65, 0) == ERR_bad_argument);
    pages_end();
}

TEST(pages_absent_are_asked_for_once)
{
    pages_start(16);
    EXPECT(user_commit(memory, 0, 16 * PAGE_SIZE, COMMIT_ABSENT) == OK);
    EXPECT(kind_of(memory, 3) == PAGE_ABSENT && memory->empty_absent);
    EXPECT(put(memory, 3, 1) == ERR_bad_address);
    pager_set(memory);
    EXPECT(put(memory, 3, 1) == ERR_needs_pager && request.ask && request.write);
    EXPECT(request.memory == memory && request.offset == 3 * PAGE_SIZE);
    EXPECT(put(memory, 3, 1) == ERR_needs_pager && !request.ask);
    EXPECT(kind_of(memory, 3) == PAGE_FILLING);
    /* Another pager is asked again, and so is one that did not get the message. */
    pager_set(memory);
    EXPECT(kind_of(memory, 3) == PAGE_ABSENT);
    EXPECT(put(memory, 3, 1) == ERR_needs_pager && request.ask);
    memory_unasked(memory, 3 * PAGE_SIZE);
    EXPECT(put(memory, 3, 1) == ERR_needs_pager && request.ask);
    /* Supplying moves the frame. */
    EXPECT(put(second, 8, 55) == OK);
    struct page_info before, after;
    EXPECT(memory_page_info(second, 8 * PAGE_SIZE, &before) == OK);
    uint64_t done, wakes = woken;
    EXPECT(memory_supply(memory, 3 * PAGE_SIZE, second, 8 * PAGE_SIZE, 2 * PAGE_SIZE, &request,
                         &done) == OK);
    EXPECT(done == 2 * PAGE_SIZE && woken > wakes);
    EXPECT(memory_page_info(memory, 3 * PAGE_SIZE, &after) == OK);
    EXPECT(after.identity == before.identity && get(memory, 3) == 55 && get(memory, 4) == 0);
    EXPECT(kind_of(second, 8) == PAGE_ZERO && memory_resident(second) == 0);
    EXPECT(kind_of(memory, 4) == PAGE_ZERO && kind_of(memory, 5) == PAGE_ABSENT);
    EXPECT(user_commit(memory, 4 * PAGE_SIZE, PAGE_SIZE, COMMIT_ZERO) == OK);
    EXPECT(kind_of(memory, 4) == PAGE_ZERO);
    pages_end();
}

TEST(pages_present_win_over_supplies)
{
    pages_start(16);
    pager_set(memory);
    EXPECT(put(memory, 1, 5) == OK && put(second, 0, 6) == OK && put(second, 1, 7) == OK);
    uint64_t done;
    EXPECT(memory_supply(memory, 0, second, 0, 2 * PAGE_SIZE, &request, &done) == OK);
    EXPECT(get(memory, 0) == 6 && get(memory, 1) == 5 && memory_resident(second) == 0);
    EXPECT(memory_supply(memory, 0, memory, 0, PAGE_SIZE, &request, &done) == ERR_bad_argument);
    pages_end();
}

TEST(pages_of_a_paged_object_fault_in_a_space)
{
    pages_start(16);
    EXPECT(user_commit(memory, 0, 16 * PAGE_SIZE, COMMIT_ABSENT) == OK);
    pager_set(memory);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(0)}, 16 * PAGE_SIZE, RW) == OK);
    uint64_t value = 0, done;
    EXPECT(user_read(&space, user_va(2), &value, &request) == ERR_needs_pager && request.ask);
    EXPECT(put(second, 0, 9) == OK);
    EXPECT(memory_supply(memory, 2 * PAGE_SIZE, second, 0, PAGE_SIZE, &request, &done) == OK);
    EXPECT(user_read(&space, user_va(2) + 16, &value, &request) == OK && value == 9);
    /* Out to the pager again: the space forgets it. */
    EXPECT(user_commit(memory, 2 * PAGE_SIZE, PAGE_SIZE, COMMIT_ABSENT) == OK);
    EXPECT(user_read(&space, user_va(2), &value, &request) == ERR_needs_pager);
    /* Clones ask first, or leave what is absent to the target's pager. */
    EXPECT(user_memory_clone(memory, 0, second, 0, PAGE_SIZE * 16, 0) == ERR_needs_pager);
    EXPECT(user_memory_clone(memory, 0, second, 0, PAGE_SIZE * 16, CLONE_ABSENT) == OK);
    EXPECT(kind_of(second, 15) == PAGE_ABSENT && kind_of(second, 2) == PAGE_ABSENT);
    pages_end();
}

TEST(pages_pinned_stay_where_they_are)
{
    pages_start(16);
    phys_t frame, again;
    EXPECT(put(memory, 2, 5) == OK);
    EXPECT(user_memory_clone(memory, 0, second, 0, 4 * PAGE_SIZE, 0) == OK);
    EXPECT(memory_pin(memory, 2 * PAGE_SIZE, &request, &frame) == OK);
    EXPECT(memory_page_get(second, 2 * PAGE_SIZE, false, &request, &again) == OK);
    EXPECT(again.pa != frame.pa);
    EXPECT(user_commit(memory, 0, 16 * PAGE_SIZE, COMMIT_ZERO) == ERR_busy);
    EXPECT(user_resize(memory, PAGE_SIZE) == ERR_busy);
    uint64_t done;
    EXPECT(memory_supply(second, 9 * PAGE_SIZE, memory, 2 * PAGE_SIZE, PAGE_SIZE, &request,
                         &done) == ERR_busy);
    EXPECT(memory_pin(memory, 2 * PAGE_SIZE, &request, &again) == OK && again.pa == frame.pa);
    /* A clone is a copy at once. */
    EXPECT(user_memory_clone(memory, 2 * PAGE_SIZE, second, 7 * PAGE_SIZE, PAGE_SIZE, 0) == OK);
    *(uint64_t *)(void *)((char *)phys_to_virt(frame) + 16) = 6;
    EXPECT(get(memory, 2) == 6 && get(second, 7) == 5);
    memory_unpin(memory, 2 * PAGE_SIZE);
    memory_unpin(memory, 2 * PAGE_SIZE);
    EXPECT(user_commit(memory, 0, 16 * PAGE_SIZE, COMMIT_ZERO) == OK);
    pages_end();
}

/* The dirty pages of the first 64 as a word, and the round to give next time. */
static uint64_t dirty(uint64_t *since)
{
    uint64_t bitmap = 0;
    EXPECT(memory_dirty(memory, *since, 0, 64, &bitmap, since) == OK);
    return bitmap;
}

TEST(pages_dirty_rounds_have_several_readers)
{
    pages_start(64);
    EXPECT(space_map(&space, memory, 0, (uaddr_t){user_va(0)}, 64 * PAGE_SIZE, RW) == OK);
    EXPECT(user_write(&space, user_va(3), 1, &request) == OK);
    uint64_t a = 0, b = 0;
    EXPECT(dirty(&a) == 1 << 3);
    EXPECT(dirty(&a) == 0);
    EXPECT(user_write(&space, user_va(3), 2, &request) == OK);
    EXPECT(user_write(&space, user_va(4), 2, &request) == OK && put(memory, 5, 1) == OK);
    EXPECT(dirty(&a) == (1 << 3 | 1 << 4 | 1 << 5));
    EXPECT(dirty(&b) == (1 << 3 | 1 << 4 | 1 << 5));
    EXPECT(user_write(&space, user_va(6), 2, &request) == OK);
    uint64_t value;
    EXPECT(user_read(&space, user_va(7), &value, &request) == OK);
    EXPECT(dirty(&a) == 1 << 6 && dirty(&b) == 1 << 6 && dirty(&a) == 0);
    EXPECT(user_write(&space, user_va(7), 2, &request) == OK);
    EXPECT(user_unmap(&space, user_va(7), PAGE_SIZE) == OK);
    EXPECT(user_commit(memory, 3 * PAGE_SIZE, PAGE_SIZE, COMMIT_ZERO) == OK);
    EXPECT(dirty(&a) == (1 << 3 | 1 << 7));
    phys_t frame;
    EXPECT(memory_pin(memory, 9 * PAGE_SIZE, &request, &frame) == OK);
    EXPECT(dirty(&a) == 1 << 9 && dirty(&a) == 1 << 9);
    memory_unpin(memory, 9 * PAGE_SIZE);
    EXPECT(dirty(&a) == 1 << 9 && dirty(&a) == 0 && dirty(&b) == (1 << 3 | 1 << 7 | 1 << 9));
    memory_dirty_end(memory);
    EXPECT(user_write(&space, user_va(10), 2, &request) == OK);
    b = 0;
    EXPECT((dirty(&b) & 1 << 10) != 0);
    pages_end();
}

TEST(pages_of_huge_objects_cost_what_is_there)
{
    pages_start(1);
    EXPECT(user_resize(memory, MEMORY_SIZE_MAX) == OK);
    uint64_t used = job_memory_used(job_root), last = (MEMORY_SIZE_MAX >> PAGE_SHIFT) - 1;
    for (uint64_t page = 1; page <= last; page *= 16)
        EXPECT(put(memory, page, page) == OK);
    EXPECT(put(memory, last, 4) == OK && job_memory_used(job_root) - used < 64 * PAGE_SIZE);
    for (uint64_t page = 1; page <= last; page *= 16)
        EXPECT(get(memory, page) == page && get(memory, page - 1) == 0);
    EXPECT(get(memory, last) == 4);
    EXPECT(memory_create(job_root, 0, &second) == ERR_bad_argument);
    EXPECT(memory_create(job_root, MEMORY_SIZE_MAX + 1, &second) == ERR_bad_argument);
    pages_end();
}
