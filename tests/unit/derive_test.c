/* Capabilities: rights, badges, the order of derivation, moving and deleting. */
#include "caps_model.h"
#include "cpus.h"
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

static struct slot *make(uint32_t rights, uint64_t badge)
{
    struct slot *slot = slot_new();
    cap_make(slot, &job_root->object, (rights_t){rights}, badge);
    return slot;
}

static struct slot *derive(struct slot *source)
{
    struct slot *slot = slot_new();
    EXPECT(cap_derive(slot, source, (rights_t){RIGHTS_ALL}, 0) == OK);
    return slot;
}

TEST(derive_cuts_rights_and_gives_a_badge_once)
{
    table_start();
    struct slot *root = make(RIGHT_read | RIGHT_write | RIGHT_grant, 0);
    struct slot *slot = slot_new(), *other = slot_new();
    EXPECT(cap_derive(slot, root, (rights_t){RIGHT_read | RIGHT_control}, 5) == OK);
    EXPECT(slot->rights == RIGHT_read && slot->badge == 5);
    EXPECT(cap_derive(other, slot, (rights_t){RIGHTS_ALL}, 6) == ERR_denied);
    EXPECT(slot_object(other) == NULL);
    EXPECT(cap_derive(other, slot, (rights_t){RIGHTS_ALL}, 0) == OK && other->badge == 5);
    EXPECT(other->rights == RIGHT_read);
    other = slot_new();
    EXPECT(cap_derive(other, slot, (rights_t){0}, 5) == OK && other->rights == 0);
    cap_check_object(&job_root->object);
}

TEST(derive_from_what_is_gone_fails_and_keeps_the_slot)
{
    table_start();
    struct slot *root = make(RIGHTS_ALL, 0), *slot = slot_new();
    EXPECT(cap_delete(root) == OK);
    EXPECT(cap_derive(slot, root, (rights_t){RIGHTS_ALL}, 0) == ERR_bad_slot);
    EXPECT(cap_move(slot, root) == ERR_bad_slot && cap_delete(root) == ERR_bad_slot);
    slot_unreserve(slot);
    slot_table_check(&table);
}

/* What a list with depths gets wrong: C, an orphan of B, must not become the child of D. */
TEST(derive_orphans_go_to_the_parent_and_not_to_a_sibling)
{
    table_start();
    struct slot *a = make(RIGHTS_ALL, 0), *b = derive(a), *c = derive(b), *d = derive(a);
    struct slot *e = derive(a);
    bool done = false;
    EXPECT(cap_delete(b) == OK);
    EXPECT(cap_revoke(d, 100, &done) == OK && done);
    EXPECT(cap_revoke(e, 100, &done) == OK && done);
    EXPECT(slot_object(c) != NULL && slot_object(d) != NULL);
    EXPECT(cap_revoke(c, 100, &done) == OK && done);
    EXPECT(slot_object(d) != NULL && slot_object(e) != NULL);
    EXPECT(cap_revoke(a, 100, &done) == OK && done);
    EXPECT(slot_object(c) == NULL && slot_object(d) == NULL && slot_object(a) != NULL);
    cap_check_object(&job_root->object);
}

TEST(derive_move_takes_the_place_with_its_children)
{
    table_start();
    struct slot *a = make(RIGHTS_ALL, 0), *b = derive(a), *c = derive(b), *to = slot_new();
    uint32_t references = job_root->object.references;
    slot_t old = slot_handle(b);
    bool done;
    EXPECT(cap_move(to, b) == OK);
    EXPECT(slot_find(&table, old) == NULL && slot_find(&table, slot_handle(to)) == to);
    EXPECT(job_root->object.references == references);
    cap_check_object(&job_root->object);
    EXPECT(cap_revoke(to, 100, &done) == OK && done && slot_object(c) == NULL);
    EXPECT(cap_revoke(a, 100, &done) == OK && slot_object(to) == NULL);
}

TEST(derive_deleting_the_last_capability_ends_the_object)
{
    table_start();
    struct job *job;
    uint64_t before = job_memory_used(job_root);
    REQUIRE(job_create(job_root, &job) == OK);
    struct slot *slot = slot_new(), *more = slot_new();
    cap_make(slot, &job->object, (rights_t){RIGHTS_ALL}, 0);
    object_put(&job->object);
    EXPECT(cap_derive(more, slot, (rights_t){RIGHT_read}, 0) == OK);
    EXPECT(cap_delete(slot) == OK && !object_retiring(&job->object));
    EXPECT(cap_delete(more) == OK && object_retiring(&job->object));
    EXPECT(!object_try_get(&job->object));
    caps_settle();
    EXPECT(job_memory_used(job_root) == before + PAGE_SIZE); /* of the table */
}

/* Several want the same slot and wait for its object's lock: one gets it, the others are told. */

static struct slot *wanted;
static _Atomic(uint32_t) got;

static void delete_or_move(void *argument)
{
    struct cpu *cpu = argument;
    struct slot *slot = slot_new();
    error_t error = cpu->number % 2 == 0 ? cap_move(slot, wanted) : cap_delete(wanted);
    EXPECT(error == OK || error == ERR_bad_slot);
    if (error == OK)
        atomic_fetch_add(&got, 1);
    caps_leave();
}

TEST(derive_of_many_who_want_a_slot_one_gets_it)
{
    cpus_make(5);
    table_start();
    caps_add_cpus();
    wanted = make(RIGHTS_ALL, 0);
    irq_state_t state = spinlock_lock(&job_root->object.lock);
    uint32_t drawn = atomic_load(&job_root->object.lock.next);
    cpus_start(delete_or_move);
    while (atomic_load(&job_root->object.lock.next) != drawn + 4)
        arch_cpu_relax();
    spinlock_unlock(&job_root->object.lock, state);
    caps_leave();
    cpus_finish();
    EXPECT(atomic_load(&got) == 1);
    cap_check_object(&job_root->object);
    slot_table_check(&table);
}

TEST(derive_agrees_with_a_tree)
{
    static uint8_t bytes[4 * 400];
    for (uint32_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)unit_random();
        caps_model_run(bytes, sizeof(bytes));
    }
}
