/* Tables of slots: handles, growth, generations, exact places, clearing. */
#include "cap/slot.h"
#include "caps_model.h"
#include "selftest/check.h"
#include "unit.h"

static struct slot_table table;

static void table_start(void)
{
    caps_start();
    REQUIRE(slot_table_init(&table, job_root) == OK);
}

static struct slot *slot_new(void)
{
    struct slot *slot = NULL;
    REQUIRE(slot_reserve(&table, &slot) == OK);
    return slot;
}

static slot_t handle(uint32_t index, uint32_t generation)
{
    return (slot_t){(uint64_t)generation << 32 | index};
}

TEST(slot_table_finds_what_was_put_there_and_nothing_else)
{
    table_start();
    EXPECT(slot_find(&table, (slot_t){0}) == NULL);
    EXPECT(slot_find(&table, (slot_t){UINT64_MAX}) == NULL);
    struct slot *slot = slot_new(), *found = NULL;
    slot_t name = slot_handle(slot);
    EXPECT(slot_find(&table, name) == NULL);
    cap_make(slot, &job_root->object, (rights_t){RIGHT_read | RIGHT_grant}, 77);
    EXPECT(slot_find(&table, name) == slot && slot->badge == 77);
    EXPECT(slot_find(&table, handle(slot->index, slot->generation + 1)) == NULL);
    EXPECT(slot_find(&table, handle(slot->index + 1, slot->generation)) == NULL);
    EXPECT(slot_find(&table, handle(slot->index + SLOT_MAX, slot->generation)) == NULL);
    EXPECT(slot_lookup(&table, name, RIGHT_read, &found) == OK && found == slot);
    EXPECT(slot_lookup(&table, name, RIGHT_read | RIGHT_write, &found) == ERR_denied);
    EXPECT(slot_lookup(&table, handle(1, 99), 0, &found) == ERR_bad_slot);
    slot_table_check(&table);
    EXPECT(cap_delete(slot) == OK);
    EXPECT(slot_find(&table, name) == NULL);
    caps_table_end(&table);
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(slot_handles_are_never_given_twice)
{
    table_start();
    static uint32_t last[SLOT_CHUNK];
    for (uint32_t i = 0; i < 1000; i++) {
        struct slot *slot = slot_new();
        REQUIRE(slot->index < SLOT_CHUNK && slot->index != 0);
        EXPECT(slot->generation == last[slot->index] + 1);
        last[slot->index] = slot->generation;
        cap_make(slot, &job_root->object, (rights_t){RIGHT_read}, 0);
        EXPECT(cap_delete(slot) == OK);
        caps_settle();
    }
    /* First in, first out: all age alike. */
    for (uint32_t i = 1; i < SLOT_CHUNK; i++)
        EXPECT(last[i] >= 1000 / SLOT_CHUNK);
    EXPECT(table.count == SLOT_CHUNK);
}

TEST(slot_dead_is_not_free_before_the_grace_period)
{
    table_start();
    struct slot *slots[SLOT_CHUNK];
    for (uint32_t i = 1; i < SLOT_CHUNK; i++) {
        slots[i] = slot_new();
        cap_make(slots[i], &job_root->object, (rights_t){RIGHT_read}, 0);
    }
    for (uint32_t i = 1; i < SLOT_CHUNK; i++)
        EXPECT(cap_delete(slots[i]) == OK);
    EXPECT(table.dead_count == SLOT_CHUNK - 1);
    struct slot *next = slot_new();
    EXPECT(next->index > SLOT_CHUNK && table.count == 2 * SLOT_CHUNK);
    slot_table_check(&table);
    caps_settle();
    EXPECT(table.dead_count == 0 && table.used == 1);
    slot_unreserve(next);
    caps_table_end(&table);
}

TEST(slot_table_has_an_end_and_pays_for_every_page)
{
    table_start();
    uint64_t empty = job_memory_used(job_root);
    struct slot *slot = NULL;
    uint32_t count = 0;
    error_t error;
    while ((error = slot_reserve(&table, &slot)) == OK)
        count++;
    EXPECT(error == ERR_full && count == SLOT_CHUNKS_MAX * (SLOT_CHUNK - 1));
    EXPECT(table.count == SLOT_MAX && slot->index == SLOT_MAX - 1);
    EXPECT(job_memory_used(job_root) == empty + SLOT_CHUNKS_MAX * PAGE_SIZE);
    cap_make(slot, &job_root->object, (rights_t){0}, 0);
    EXPECT(slot_find(&table, slot_handle(slot)) == slot);
    for (uint32_t i = 1; i < SLOT_MAX - 1; i++)
        if (i % SLOT_CHUNK != 0)
            slot_unreserve(&table.directory[i / SLOT_CHUNK][i % SLOT_CHUNK]);
    slot_table_check(&table);
    caps_table_end(&table);
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(slot_table_stops_at_the_budget)
{
    caps_start();
    struct job *job;
    REQUIRE(job_create(job_root, &job) == OK);
    uint64_t before = job_memory_used(job_root);
    job->memory_limit = 2 * PAGE_SIZE - 1;
    EXPECT(slot_table_init(&table, job) == ERR_no_memory);
    job->memory_limit = 2 * PAGE_SIZE + PAGE_SIZE;
    REQUIRE(slot_table_init(&table, job) == OK);
    struct slot *slot;
    for (uint32_t i = 1; i < SLOT_CHUNK; i++)
        REQUIRE(slot_reserve(&table, &slot) == OK);
    EXPECT(slot_reserve(&table, &slot) == ERR_no_memory);
    EXPECT(slot_reserve_at(&table, handle(1000, 1), &slot) == ERR_no_memory);
    for (uint32_t i = 1; i < SLOT_CHUNK; i++)
        slot_unreserve(&table.directory[0][i]);
    caps_table_end(&table);
    EXPECT(job_memory_used(job) == 0 && job_memory_used(job_root) == before);
}

TEST(slot_can_be_had_at_an_exact_place)
{
    table_start();
    struct slot *slot;
    EXPECT(slot_reserve_at(&table, handle(0, 1), &slot) == ERR_bad_argument);
    EXPECT(slot_reserve_at(&table, handle(SLOT_CHUNK, 1), &slot) == ERR_bad_argument);
    EXPECT(slot_reserve_at(&table, handle(5, 0), &slot) == ERR_bad_argument);
    EXPECT(slot_reserve_at(&table, handle(SLOT_MAX, 1), &slot) == ERR_bad_argument);
    REQUIRE(slot_reserve_at(&table, handle(SLOT_MAX - 1, 12345), &slot) == OK);
    EXPECT(slot_handle(slot).value == handle(SLOT_MAX - 1, 12345).value);
    EXPECT(slot_reserve_at(&table, handle(SLOT_MAX - 1, 12345), &slot) == ERR_exists);
    cap_make(slot, &job_root->object, (rights_t){RIGHT_read}, 3);
    EXPECT(slot_find(&table, handle(SLOT_MAX - 1, 12345)) == slot);
    EXPECT(slot_reserve_at(&table, handle(SLOT_MAX - 1, 1), &slot) == ERR_exists);
    /* Between the chunks that exist there are none. */
    EXPECT(slot_find(&table, handle(SLOT_MAX / 2, 1)) == NULL);
    slot_table_check(&table);
    REQUIRE(slot_reserve_at(&table, handle(7, 9), &slot) == OK);
    slot_unreserve(slot);
    slot_table_check(&table);
    /* The rest is still given out, each slot once. */
    EXPECT(slot_new()->index == 7);
    caps_settle();
    for (uint32_t i = 0; i < 3 * SLOT_CHUNK; i++) {
        slot = slot_new();
        EXPECT(slot->index < 4 * SLOT_CHUNK || slot->index > SLOT_MAX - SLOT_CHUNK);
    }
    slot_table_check(&table);
}

TEST(slot_that_ran_out_of_generations_stays_out)
{
    table_start();
    struct slot *slot;
    REQUIRE(slot_reserve_at(&table, handle(5, UINT32_MAX), &slot) == OK);
    cap_make(slot, &job_root->object, (rights_t){RIGHT_read}, 0);
    EXPECT(cap_delete(slot) == OK);
    caps_settle();
    EXPECT(slot->state == SLOT_WORN && slot->generation == UINT32_MAX && table.used == 0);
    for (uint32_t i = 0; i < 2 * SLOT_CHUNK; i++)
        EXPECT(slot_new()->index != 5);
    EXPECT(slot_reserve_at(&table, handle(5, 1), &slot) == ERR_exists);
    slot_table_check(&table);
}

TEST(slot_table_clear_takes_steps_and_waits_for_reserved_slots)
{
    table_start();
    struct slot *slot, *late = slot_new();
    for (uint32_t i = 0; i < 500; i++) {
        slot = slot_new();
        cap_make(slot, &job_root->object, (rights_t){RIGHT_read}, 0);
    }
    uint32_t steps = 0;
    for (; steps < 200 && !slot_table_clear(&table, 10); steps++)
        caps_settle();
    EXPECT(steps == 200 && table.used == 1);
    EXPECT(slot_reserve(&table, &slot) == ERR_dead);
    EXPECT(slot_reserve_at(&table, handle(9, 1), &slot) == ERR_dead);
    /* Filled behind the place where clearing had come to. */
    cap_make(late, &job_root->object, (rights_t){RIGHT_read}, 0);
    for (steps = 0; steps < 200 && !slot_table_clear(&table, 10); steps++)
        caps_settle();
    EXPECT(steps < 200 && slot_object(late) == NULL && table.used == 0);
    slot_table_free(&table);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

static void unreserve_twice(void *slot)
{
    slot_unreserve(slot);
    slot_unreserve(slot);
}

static void make_twice(void *slot)
{
    cap_make(slot, &job_root->object, (rights_t){0}, 0);
    cap_make(slot, &job_root->object, (rights_t){0}, 0);
}

static void free_while_used(void *slot)
{
    cap_make(slot, &job_root->object, (rights_t){0}, 0);
    slot_table_free(&table);
}

TEST(slot_misuse_is_asserted)
{
    table_start();
    struct slot *slot = slot_new();
    EXPECT(unit_panics(unreserve_twice, slot));
    EXPECT(unit_panics(make_twice, slot));
    EXPECT(unit_panics(free_while_used, slot));
}
