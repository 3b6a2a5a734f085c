/* Capabilities of the model: a tree of nodes, each in a process's table (calls_model.h). */
#include "calls_model.h"
#include "lib/assert.h"

struct calls_object calls_objects[CALLS_OBJECTS];
struct calls_node calls_nodes[CALLS_NODES];

struct calls_object *calls_object_new(enum object_kind kind)
{
    for (uint32_t i = 0; i < CALLS_OBJECTS; i++) {
        if (calls_objects[i].kind == OBJECT_NONE) {
            calls_objects[i] = (struct calls_object){.kind = kind, .inside = true};
            return &calls_objects[i];
        }
    }
    return NULL;
}

static void count(struct calls_object *object, uint32_t rights, uint32_t change)
{
    object->caps += change;
    if (object->kind != OBJECT_port)
        return;
    if ((rights & RIGHT_receive) != 0)
        object->receivers += change;
    if ((rights & (RIGHT_send | RIGHT_signal)) != 0)
        object->senders += change;
}

uint32_t calls_nodes_free(void)
{
    uint32_t unused = 0;
    for (uint32_t i = 0; i < CALLS_NODES; i++)
        unused += calls_nodes[i].process == NULL;
    return unused;
}

struct calls_node *calls_node_new(struct calls_process *process, struct calls_object *object,
                                  struct calls_node *parent, uint32_t rights, uint64_t badge)
{
    uint32_t i = 0;
    while (i < CALLS_NODES && calls_nodes[i].process != NULL)
        i++;
    assert(i < CALLS_NODES && object != NULL);
    calls_nodes[i] = (struct calls_node){.process = process,
                                         .object = object,
                                         .parent = parent,
                                         .rights = rights & object_kind_rights(object->kind),
                                         .badge = badge};
    count(object, calls_nodes[i].rights, 1);
    return &calls_nodes[i];
}

void calls_node_found(struct calls_node *node, slot_t handle)
{
    uint32_t index = (uint32_t)handle.value;
    struct calls_process *process = node->process;
    assert(index != 0 && index < CALLS_SLOTS && process->by_index[index] == 0);
    node->handle = handle;
    node->slot = slot_find(&process->kernel->table, handle);
    assert(node->slot != NULL);
    process->by_index[index] = (uint16_t)(node - calls_nodes + 1);
}

/* Its handle means nothing any more; nobody waits to learn it. */
static void node_lose(struct calls_node *node)
{
    for (uint32_t i = 0; i < CALLS_STORED * MESSAGE_CAPS_MAX; i++) {
        struct calls_node **kept =
            &calls_stored[i / MESSAGE_CAPS_MAX].message.nodes[i % MESSAGE_CAPS_MAX];
        if (*kept == node)
            *kept = NULL;
    }
    if (node->handle.value != 0)
        node->process->by_index[(uint32_t)node->handle.value] = 0;
    node->handle.value = 0;
    node->slot = NULL;
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        for (uint32_t word = 0; word < MESSAGE_WORDS; word++)
            if (calls_threads[i].learn[word] == node)
                calls_threads[i].learn[word] = NULL;
}

struct calls_node *calls_find(struct calls_process *process, uint64_t handle)
{
    uint32_t index = (uint32_t)handle;
    if (index >= CALLS_SLOTS || process->by_index[index] == 0)
        return NULL;
    struct calls_node *node = &calls_nodes[process->by_index[index] - 1];
    return node->handle.value == handle ? node : NULL;
}

error_t calls_lookup(struct calls_process *process, uint64_t handle, uint32_t rights,
                     struct calls_node **node)
{
    *node = calls_find(process, handle);
    if (*node == NULL)
        return ERR_bad_slot;
    return ((*node)->rights & rights) == rights ? OK : ERR_denied;
}

error_t calls_derive(struct calls_process *process, struct calls_node *source, uint64_t rights,
                     uint64_t badge, struct calls_node **derived)
{
    if (source->badge != 0 && badge != 0 && badge != source->badge)
        return ERR_denied;
    *derived = calls_node_new(process, source->object, source, source->rights & (uint32_t)rights,
                              badge != 0 ? badge : source->badge);
    return OK;
}

void calls_move(struct calls_node *node, struct calls_process *process)
{
    node_lose(node);
    node->process = process;
}

/* What was derived from it becomes its parent's. */
static void node_remove(struct calls_node *node)
{
    for (uint32_t i = 0; i < CALLS_NODES; i++)
        if (calls_nodes[i].process != NULL && calls_nodes[i].parent == node)
            calls_nodes[i].parent = node->parent;
    node_lose(node);
    count(node->object, node->rights, UINT32_MAX);
    node->process = NULL;
}

void calls_delete(struct calls_node *node)
{
    struct calls_object *object = node->object;
    node_remove(node);
    calls_cap_gone(object);
}

void calls_revoke(struct calls_node *node)
{
    bool some = false;
    for (uint32_t i = 0; i < CALLS_NODES; i++) {
        if (calls_nodes[i].process == NULL || calls_nodes[i].parent != node)
            continue;
        node_remove(&calls_nodes[i]);
        some = true;
        i = UINT32_MAX; /* its children are `node`'s now, and may stand before it */
    }
    if (some)
        calls_cap_gone(node->object);
}
