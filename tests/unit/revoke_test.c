/* Revoking: in steps, nested, and while other CPUs derive, move and delete. */
#include "caps_model.h"
#include "cpus.h"
#include "mem/frame.h"
#include "selftest/check.h"
#include "unit.h"

#define SHARED 64

static struct slot_table tables[CPUS_MAX];

static struct slot *slot_new(struct slot_table *table)
{
    struct slot *slot = NULL;
    REQUIRE(slot_reserve(table, &slot) == OK);
    return slot;
}

static struct slot *make(struct slot_table *table)
{
    struct slot *slot = slot_new(table);
    cap_make(slot, &job_root->object, (rights_t){RIGHTS_ALL}, 0);
    return slot;
}

static struct slot *derive(struct slot_table *table, struct slot *source)
{
    struct slot *slot = slot_new(table);
    EXPECT(cap_derive(slot, source, (rights_t){RIGHTS_ALL}, 0) == OK);
    return slot;
}

static void tables_start(uint32_t count)
{
    caps_start();
    for (uint32_t i = 0; i < count; i++)
        REQUIRE(slot_table_init(&tables[i], job_root) == OK);
}

static void tables_end(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        caps_table_end(&tables[i]);
    cap_check_object(&job_root->object);
    EXPECT(job_memory_used(job_root) == 0 && job_root->object.references == 1);
}

TEST(revoke_takes_a_budget_at_a_time)
{
    tables_start(1);
    struct slot *root = make(&tables[0]), *last = root;
    for (uint32_t i = 0; i < 100; i++)
        last = derive(&tables[0], i % 3 == 0 ? root : last);
    bool done = false;
    for (uint32_t i = 0; i < 14; i++)
        EXPECT(cap_revoke(root, 7, &done) == OK && !done);
    EXPECT(cap_revoke(root, 7, &done) == OK && done);
    EXPECT(cap_revoke(root, 7, &done) == OK && done);
    EXPECT(cap_delete(root) == OK && cap_revoke(root, 7, &done) == ERR_bad_slot);
    tables_end(1);
}

/* Ended from above between two steps, the lower one is told so. */
TEST(revoke_of_what_is_revoked_meanwhile_ends)
{
    tables_start(1);
    struct slot *root = make(&tables[0]), *inner = derive(&tables[0], root);
    for (uint32_t i = 0; i < 20; i++)
        derive(&tables[0], inner);
    bool done = false;
    EXPECT(cap_revoke(inner, 5, &done) == OK && !done);
    EXPECT(cap_revoke(root, 100, &done) == OK && done);
    EXPECT(cap_revoke(inner, 5, &done) == ERR_bad_slot);
    tables_end(1);
}

/* Nested revokes on many CPUs. */

static struct slot *chain[200];

static void revoke_own(void *argument)
{
    struct cpu *cpu = argument;
    cpus_meet();
    struct slot *slot = chain[cpu->number * 10];
    bool done = false;
    while (!done && cap_revoke(slot, 3, &done) == OK)
        caps_pass();
    caps_leave();
}

TEST(revoke_of_nested_capabilities_at_once_ends)
{
    cpus_make(6);
    tables_start(1);
    caps_add_cpus();
    chain[0] = make(&tables[0]);
    for (uint32_t i = 1; i < COUNT_OF(chain); i++)
        chain[i] = derive(&tables[0], chain[i - 1]);
    cpus_start(revoke_own);
    caps_leave();
    cpus_finish();
    for (uint32_t i = 0; i <= 10; i++)
        EXPECT(slot_object(chain[i]) != NULL);
    for (uint32_t i = 11; i < COUNT_OF(chain); i++)
        EXPECT(slot_object(chain[i]) == NULL);
    cap_check_object(&job_root->object);
    tables_end(1);
}

/* Everything at once: a board of handles that all CPUs use, fill and revoke. */

static _Atomic(uint64_t) board[SHARED];       /* handles */
static _Atomic(uint32_t) board_table[SHARED]; /* whose */
static _Atomic(uint32_t) found_count;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static struct slot *board_find(uint32_t place)
{
    slot_t handle = {atomic_load(&board[place])};
    return slot_find(&tables[atomic_load(&board_table[place])], handle);
}

static void board_put(uint32_t place, uint32_t owner, const struct slot *slot)
{
    atomic_store(&board_table[place], owner);
    atomic_store(&board[place], slot_handle(slot).value);
}

static void take(uint32_t owner, struct slot *source, uint32_t random, uint32_t place)
{
    struct slot *slot;
    if (slot_reserve(&tables[owner], &slot) != OK)
        return;
    error_t error = random % 4 == 0 ? cap_move(slot, source)
                                    : cap_derive(slot, source, (rights_t){RIGHTS_ALL}, 0);
    if (error == OK)
        board_put(place, owner, slot);
    else
        slot_unreserve(slot);
}

static void step(uint32_t owner, uint32_t *state)
{
    uint32_t random = next_random(state), place = next_random(state) % SHARED;
    struct slot *source = board_find(place);
    bool done;
    if (source == NULL)
        return;
    atomic_fetch_add_explicit(&found_count, 1, memory_order_relaxed);
    /* A lookup may be used until this CPU leaves, whatever others do. */
    EXPECT(slot_object(source) == NULL || slot_object(source) == &job_root->object);
    EXPECT(source->rights == object_kind_rights(OBJECT_job) && source->badge == 0);
    if (random % 16 < 12)
        take(owner, source, random / 16, next_random(state) % SHARED);
    else if (random % 16 < 14)
        cap_revoke(source, 1 + random / 16 % 9, &done);
    else if (place != 0)
        cap_delete(source);
}

static void do_everything(void *argument)
{
    struct cpu *cpu = argument;
    uint32_t state = cpu->number * 7919;
    cpus_meet();
    for (uint32_t i = 0; i < 3000; i++) {
        step(cpu->number, &state);
        if (i % 3 == 0)
            caps_pass();
    }
    caps_leave();
    frame_cache_drain();
}

TEST(revoke_while_others_derive_move_and_delete)
{
    cpus_make(6);
    tables_start(6);
    caps_add_cpus();
    struct slot *root = make(&tables[0]);
    for (uint32_t i = 0; i < SHARED; i++)
        board_put(i, 0, derive(&tables[0], root));
    cpus_start(do_everything);
    caps_leave();
    cpus_finish();
    EXPECT(atomic_load(&found_count) > 1000);
    cap_check_object(&job_root->object);
    for (uint32_t i = 0; i < 6; i++)
        slot_table_check(&tables[i]);
    bool done = false;
    while (!done)
        EXPECT(cap_revoke(root, 50, &done) == OK);
    cap_check_object(&job_root->object);
    tables_end(6);
}
