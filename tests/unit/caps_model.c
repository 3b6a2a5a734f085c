/* A tree of capabilities, each in a slot (caps_model.h). */
#include "caps_model.h"
#include "heap_model.h"
#include "lib/assert.h"
#include "obj/reclaim.h"
#include "selftest/check.h"

#define NODES_MAX 200
#define OBJECTS   3
#define TABLES    3
#define NOBODY    UINT32_MAX

struct node {
    struct slot *slot; /* NULL: none */
    slot_t handle;
    uint32_t object, parent;
    uint32_t rights;
    uint64_t badge;
};

static struct node nodes[NODES_MAX];
static struct job *objects[OBJECTS];
static struct slot_table tables[TABLES];
static slot_t gone[NODES_MAX]; /* handles that must find nothing */
static uint32_t gone_table[NODES_MAX], gone_next;
static _Atomic(uint32_t) left;

void caps_start(void)
{
    heap_model_start();
    error_t error = job_create(NULL, &job_root);
    assert(error == OK && job_memory_used(job_root) == 0);
}

void caps_settle(void)
{
    while (reclaim_waiting() != 0)
        reclaim_poll(cpu_self());
}

void caps_add_cpus(void)
{
    for (uint32_t i = 1; i < cpu_count; i++) {
        error_t error = reclaim_init_cpu(cpu_table[i]);
        assert(error == OK);
    }
}

void caps_pass(void)
{
    cpu_serve();
    reclaim_quiescent(cpu_self());
    reclaim_poll(cpu_self());
}

void caps_leave(void)
{
    atomic_fetch_add(&left, 1);
    while (atomic_load(&left) < cpu_count || reclaim_waiting() != 0) {
        arch_cpu_relax();
        caps_pass();
    }
}

void caps_table_end(struct slot_table *table)
{
    while (!slot_table_clear(table, 5))
        reclaim_poll(cpu_self());
    slot_table_check(table);
    slot_table_free(table);
    caps_settle();
}

/* --- looking --- */

static uint32_t node_of(const struct slot *slot)
{
    uint32_t i = 0;
    while (i < NODES_MAX && nodes[i].slot != slot)
        i++;
    assert(i < NODES_MAX);
    return i;
}

static void check_node(uint32_t i)
{
    struct node *node = &nodes[i];
    struct slot *found = NULL;
    error_t error = slot_lookup(slot_table_of(node->slot), node->handle, node->rights, &found);
    assert(error == OK && found == node->slot);
    assert(found->rights == node->rights && found->badge == node->badge);
    assert(slot_object(found) == &objects[node->object]->object);
    assert(slot_handle(found).value == node->handle.value);
}

/* The brackets of an object, read as a tree, must be the model's. Returns the nodes in it. */
static uint32_t check_tree(uint32_t object)
{
    uint32_t parent = NOBODY, count = 0;
    LIST_EACH(bracket, &objects[object]->object.caps)
    {
        if ((uintptr_t)bracket % sizeof(struct slot) == offsetof(struct slot, open)) {
            uint32_t i = node_of(CONTAINER_OF(bracket, struct slot, open));
            assert(nodes[i].parent == parent && nodes[i].object == object);
            parent = i;
            count++;
        } else {
            assert(parent == node_of(CONTAINER_OF(bracket, struct slot, close)));
            parent = nodes[parent].parent;
        }
    }
    return count;
}

static void check_all(void)
{
    uint32_t known = 0, found = 0;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i].slot != NULL) {
            check_node(i);
            known++;
        }
        assert(slot_find(&tables[gone_table[i]], gone[i]) == NULL);
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        cap_check_object(&objects[i]->object);
        found += check_tree(i);
    }
    assert(found == known);
    for (uint32_t i = 0; i < TABLES; i++)
        slot_table_check(&tables[i]);
}

/* --- changing --- */

/* The first node from `hint` on that is used, or is free; NOBODY if there is none. */
static uint32_t node_pick(uint32_t hint, bool used)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if ((nodes[(hint + i) % NODES_MAX].slot != NULL) == used)
            return (hint + i) % NODES_MAX;
    return NOBODY;
}

static void node_forget(uint32_t i)
{
    gone[gone_next] = nodes[i].handle;
    gone_table[gone_next] = (uint32_t)(slot_table_of(nodes[i].slot) - tables);
    gone_next = (gone_next + 1) % NODES_MAX;
    for (uint32_t child = 0; child < NODES_MAX; child++)
        if (nodes[child].slot != NULL && nodes[child].parent == i)
            nodes[child].parent = nodes[i].parent;
    nodes[i].slot = NULL;
}

static struct slot *reserve(uint32_t choice)
{
    struct slot *slot;
    error_t error = slot_reserve(&tables[choice % TABLES], &slot);
    assert(error == OK);
    return slot;
}

static void model_make(uint32_t i, uint8_t choice)
{
    uint32_t rights = choice * 0x2041u & object_kind_rights(OBJECT_job);
    struct node node = {reserve(choice), {0}, choice % OBJECTS, NOBODY, rights, choice & 3};
    node.handle = slot_handle(node.slot);
    cap_make(node.slot, &objects[node.object]->object, (rights_t){node.rights}, node.badge);
    nodes[i] = node;
}

static void model_derive(uint32_t i, uint32_t source, uint8_t choice)
{
    struct node *from = &nodes[source];
    struct node node = {reserve(choice >> 3), {0}, from->object, source, 0, 0};
    uint64_t badge = choice & 3;
    node.rights = from->rights & ~(uint32_t)choice;
    node.badge = badge != 0 ? badge : from->badge;
    node.handle = slot_handle(node.slot);
    error_t error =
        cap_derive(node.slot, from->slot, (rights_t){~(uint64_t)(uint32_t)choice}, badge);
    if (from->badge != 0 && from->badge != node.badge) {
        assert(error == ERR_denied);
        slot_unreserve(node.slot);
        return;
    }
    assert(error == OK);
    nodes[i] = node;
}

static void model_move(uint32_t i, uint8_t choice)
{
    struct slot *slot = reserve(choice), *old = nodes[i].slot;
    error_t error = cap_move(slot, old);
    assert(error == OK && cap_move(slot, old) == ERR_bad_slot);
    struct node moved = nodes[i];
    moved.slot = slot;
    moved.handle = slot_handle(slot);
    node_forget(i);
    nodes[i] = moved;
}

static void model_delete(uint32_t i)
{
    struct slot *slot = nodes[i].slot;
    error_t error = cap_delete(slot);
    assert(error == OK && cap_delete(slot) == ERR_bad_slot);
    node_forget(i);
}

static bool descends(uint32_t i, uint32_t ancestor)
{
    for (i = nodes[i].parent; i != NOBODY; i = nodes[i].parent)
        if (i == ancestor)
            return true;
    return false;
}

static void model_revoke(uint32_t root, uint32_t budget)
{
    uint32_t there = 0, went = 0;
    bool done;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        there += nodes[i].slot != NULL && descends(i, root);
    error_t error = cap_revoke(nodes[root].slot, budget, &done);
    assert(error == OK && done == (budget >= there));
    /* Who went is seen by the slots; it must be descendants only, as many as there were to go. */
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i].slot == NULL || slot_object(nodes[i].slot) != NULL)
            continue;
        assert(descends(i, root));
        went++;
    }
    assert(went == (budget < there ? budget : there));
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (nodes[i].slot != NULL && slot_object(nodes[i].slot) == NULL)
            node_forget(i);
}

/* The children of a moved capability stay its own. */
static void model_move_keeping_children(uint32_t i, uint8_t choice)
{
    uint32_t children[NODES_MAX], count = 0;
    for (uint32_t child = 0; child < NODES_MAX; child++)
        if (nodes[child].slot != NULL && nodes[child].parent == i)
            children[count++] = child;
    model_move(i, choice);
    while (count > 0)
        nodes[children[--count]].parent = i;
}

static void model_step(const uint8_t bytes[4])
{
    uint32_t used = node_pick(bytes[1], true), unused = node_pick(bytes[2], false);
    uint8_t operation = bytes[0] % 16;
    if (used == NOBODY || (operation == 0 && unused != NOBODY))
        model_make(unused, bytes[3]);
    else if (operation < 9 && unused != NOBODY)
        model_derive(unused, used, bytes[3]);
    else if (operation < 11)
        model_move_keeping_children(used, bytes[3]);
    else if (operation < 13)
        model_delete(used);
    else if (operation < 15)
        model_revoke(used, 1 + bytes[3] % 16);
    else
        reclaim_poll(cpu_self());
}

void caps_model_run(const uint8_t *bytes, size_t size)
{
    caps_start();
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        nodes[i] = (struct node){0};
        gone[i] = (slot_t){0};
    }
    for (uint32_t i = 0; i < OBJECTS; i++) {
        error_t error = job_create(job_root, &objects[i]);
        assert(error == OK);
    }
    for (uint32_t i = 0; i < TABLES; i++) {
        error_t error = slot_table_init(&tables[i], job_root);
        assert(error == OK);
    }
    for (; size >= 4; bytes += 4, size -= 4) {
        model_step(bytes);
        check_all();
    }
    for (uint32_t i = 0; i < TABLES; i++)
        caps_table_end(&tables[i]);
    for (uint32_t i = 0; i < OBJECTS; i++)
        object_put(&objects[i]->object);
    caps_settle();
    assert(job_memory_used(job_root) == 0);
    object_put(&job_root->object);
    caps_settle();
}
