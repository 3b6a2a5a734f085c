/* The state of processes (state.h). */
#include "lib/assert.h"
#include "mem/mapping.h"
#include "obj/job.h"
#include "obj/process.h"
#include "obj/state.h"

static struct process *process_of(struct object *object)
{
    assert(object->kind == OBJECT_process);
    return CONTAINER_OF(object, struct process, object);
}

/* Where a slot stands: its table is in a process. */
static struct process *process_of_slot(const struct slot *slot)
{
    return CONTAINER_OF(slot_table_of(slot), struct process, table);
}

static error_t slot_get(struct process *process, struct state *state)
{
    struct state_process_slot *to = state->data;
    uint32_t index = (uint32_t)min_u64(state->index, SLOT_MAX);
    struct slot *slot = slot_next(&process->table, &index), *parent = NULL;
    struct object *object = slot != NULL ? slot_object(slot) : NULL;
    state->index = index;
    state->size = 0;
    if (index >= SLOT_MAX)
        return ERR_not_found;
    if (slot == NULL)
        return OK;
    if (object != NULL && !cap_parent(slot, &parent))
        return OK; /* the same again */
    state->index++;
    if (object == NULL)
        return OK; /* it went meanwhile */
    *to = (struct state_process_slot){
        .handle = slot_handle(slot),
        .object = state_identity(object),
        .kind = object->kind,
        .rights = slot->rights,
        .badge = slot->badge,
    };
    /* One of a message on its way is in no process, and its table has no job (ipc/stored.c). */
    if (parent != NULL && slot_table_of(parent)->job != NULL) {
        to->parent_process = state_identity(&process_of_slot(parent)->object);
        to->parent = slot_handle(parent);
    }
    state->size = sizeof(*to);
    return OK;
}

static error_t process_get(struct object *object, struct state *state)
{
    struct process *process = process_of(object);
    if (state->part == STATE_process_slot)
        return slot_get(process, state);
    if (state->part != STATE_process_basic)
        return ERR_bad_argument;
    *(struct state_process_basic *)state->data = (struct state_process_basic){
        .identity = object->identity,
        .job = state_identity(&process->job->object),
        .threads = *(volatile uint32_t *)&process->thread_count,
        .wx = process->space.write_execute,
    };
    state->size = sizeof(struct state_process_basic);
    return OK;
}

static error_t open_capability(struct process *process, uint64_t *index, struct state_link *found)
{
    uint32_t at = (uint32_t)min_u64(*index, SLOT_MAX);
    found->source = slot_next(&process->table, &at);
    *index = at;
    return found->source != NULL ? OK : ERR_not_found;
}

/* No more than the process has by its mapping, as both are at one instant. */
static error_t open_mapping(struct process *process, uint64_t *index, struct state_link *found)
{
    struct space *space = &process->space;
    irq_state_t irq = spinlock_lock(&space->lock);
    const struct mapping *mapping = mapping_at_locked(space, *index);
    if (mapping != NULL) {
        uint32_t flags = mapping->flags;
        found->object = &mapping->memory->object;
        object_get(found->object);
        found->rights.bits = RIGHT_grant | RIGHT_map |
                             ((flags & SPACE_READ) != 0 ? RIGHT_read : 0) |
                             ((flags & SPACE_WRITE) != 0 ? RIGHT_write : 0) |
                             ((flags & SPACE_EXECUTE) != 0 ? RIGHT_execute : 0);
        *index = mapping_end(mapping) - 1;
    }
    spinlock_unlock(&space->lock, irq);
    return mapping != NULL ? OK : ERR_not_found;
}

static error_t process_open(struct object *object, uint64_t link, uint64_t *index,
                            struct state_link *found)
{
    struct process *process = process_of(object);
    if (link == LINK_process_capability)
        return open_capability(process, index, found);
    if (link == LINK_process_mapping)
        return open_mapping(process, index, found);
    struct thread *thread = process_next_thread(process, *index);
    if (thread == NULL)
        return ERR_not_found;
    *index = thread->object.identity;
    found->object = &thread->object;
    found->rights.bits = RIGHTS_ALL;
    return OK;
}

const struct state_ops process_state = {.get = process_get, .open = process_open};
