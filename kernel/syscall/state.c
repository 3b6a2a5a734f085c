/*
 * System calls for state in and out: object_info, object_set, object_open, cap_place
 * (obj/state.c does the work).
 *
 * State is read into, and set from, the caller's message page: that is always there, so nothing can
 * fail or wait between an object and its reader.
 */
#include "obj/state.h"
#include "cap/slot.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "obj/job.h"
#include "obj/process.h"
#include "syscall/call.h"

/* The object of a slot that was looked up: it may have gone since. */
static error_t object_of(const struct slot *slot, struct object **object)
{
    *object = slot_kept(slot);
    return *object != NULL ? OK : ERR_bad_slot;
}

outcome_t sys_object_info(struct thread *caller, struct slot *slot, uint64_t part, uint64_t index,
                          uint64_t *size, uint64_t *next)
{
    struct object *object;
    struct state state = {.part = part, .index = index, .data = caller->page};
    error_t error = object_of(slot, &object);
    if (error == OK)
        error = state_get(object, &state);
    *size = state.size;
    *next = state.index;
    return (outcome_t)error;
}

/* May the caller import into the object: does `job` have control of a job that it is in? */
static error_t import_right(const struct thread *caller, const struct object *object, slot_t job,
                            bool *import)
{
    struct slot *slot;
    *import = false;
    if (job.value == 0)
        return OK;
    error_t error = slot_lookup(&caller->process->table, job, RIGHT_control, &slot);
    if (error != OK)
        return error;
    *import = job_inside(object->job, CONTAINER_OF(slot_kept(slot), struct job, object));
    return *import ? OK : ERR_denied;
}

/* The copy cannot change while it is looked at. */
outcome_t sys_object_set(struct thread *caller, struct slot *slot, uint64_t part, uint64_t fields,
                         uint64_t size, slot_t job)
{
    uint64_t copy[MESSAGE_PAGE / sizeof(uint64_t)] __attribute__((aligned(64)));
    struct object *object;
    bool import;
    error_t error = object_of(slot, &object);
    if (error != OK)
        return (outcome_t)error;
    uint32_t right = state_set_right(object);
    if ((slot->rights & right) != right)
        return ERR_denied;
    if (size > MESSAGE_PAGE)
        return ERR_bad_argument;
    error = import_right(caller, object, job, &import);
    if (error != OK)
        return (outcome_t)error;
    memcpy(copy, caller->page, size);
    const struct state state = {.part = part, .size = size, .data = copy};
    return (outcome_t)state_set(caller, object, fields, import, &state);
}

static error_t link_fill(struct slot *target, const struct state_link *found)
{
    if (found->source != NULL)
        return cap_derive(target, found->source, (rights_t){RIGHTS_ALL}, 0);
    cap_make(target, found->object, found->rights, 0);
    return OK;
}

outcome_t sys_object_open(struct thread *caller, struct slot *slot, uint64_t link, uint64_t index,
                          slot_t *opened, uint64_t *next)
{
    struct object *object;
    struct slot *target;
    struct state_link found;
    error_t error = object_of(slot, &object);
    if (error == OK)
        error = slot_reserve(&caller->process->table, &target);
    if (error != OK)
        return (outcome_t)error;
    *next = index;
    error = state_open(object, slot->rights, link, next, &found);
    if (error == OK) {
        error = link_fill(target, &found);
        if (found.object != NULL)
            object_put(found.object);
    }
    *opened = slot_handle(target);
    if (error != OK)
        slot_unreserve(target);
    return error == ERR_bad_slot ? (outcome_t)ERR_not_found : (outcome_t)error;
}

/* From another table than the target's, a capability must be one that may be given away. */
static error_t place_source(struct thread *caller, const struct process *target, slot_t owner,
                            slot_t source, struct slot **slot)
{
    struct slot *owner_slot;
    const struct process *process = caller->process;
    if (owner.value != 0) {
        error_t error = slot_lookup(&process->table, owner, RIGHT_table, &owner_slot);
        if (error != OK)
            return error;
        process = CONTAINER_OF(slot_kept(owner_slot), struct process, object);
    }
    return slot_lookup(&process->table, source, process == target ? 0 : RIGHT_grant, slot);
}

outcome_t sys_cap_place(struct thread *caller, struct slot *slot, slot_t wanted, slot_t owner,
                        slot_t source, rights_t rights, uint64_t badge, slot_t *placed)
{
    struct slot *from, *target;
    struct object *object;
    error_t error = object_of(slot, &object);
    if (error != OK)
        return (outcome_t)error;
    struct process *process = CONTAINER_OF(object, struct process, object);
    error = place_source(caller, process, owner, source, &from);
    if (error == OK)
        error = wanted.value == 0 ? slot_reserve(&process->table, &target)
                                  : slot_reserve_at(&process->table, wanted, &target);
    if (error != OK)
        return (outcome_t)error;
    *placed = slot_handle(target);
    error = cap_derive(target, from, rights, badge);
    if (error != OK)
        slot_unreserve(target);
    return (outcome_t)error;
}
