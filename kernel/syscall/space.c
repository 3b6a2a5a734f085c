/*
 * System calls on address spaces (mem/mapping.h does the work). Those over ranges do a bounded
 * piece, as in syscall/memory.c.
 */
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/space_copy.h"
#include "obj/process.h"
#include "syscall/call.h"
#include <space.h>

#define LIST_MAX     16 /* mappings of one call */
#define CLONE_PIECES 4  /* of one call: 16 pages each at most */

static struct space *space_of(const struct slot *slot)
{
    struct object *object = slot_kept(slot);
    assert(object->kind == OBJECT_process);
    return &CONTAINER_OF(object, struct process, object)->space;
}

/* What a capability's rights allow in a mapping, for ever. */
static uint32_t access_allowed(const struct slot *slot)
{
    return ((slot->rights & RIGHT_read) != 0 ? SPACE_READ : 0) |
           ((slot->rights & RIGHT_write) != 0 ? SPACE_WRITE : 0) |
           ((slot->rights & RIGHT_execute) != 0 ? SPACE_EXECUTE : 0);
}

outcome_t sys_space_map(struct thread *caller, struct slot *process, slot_t memory, uint64_t offset,
                        uaddr_t va, uint64_t size, uint64_t flags)
{
    struct slot *slot;
    error_t error = slot_lookup(&caller->process->table, memory, RIGHT_map, &slot);
    if (error != OK)
        return (outcome_t)error;
    uint32_t allowed = access_allowed(slot);
    if ((flags & ~(uint64_t)(SPACE_ACCESS | SPACE_INHERIT)) != 0)
        return ERR_bad_argument;
    if (allowed == 0 || (flags & SPACE_ACCESS & ~allowed) != 0)
        return ERR_denied;
    struct memory *object = CONTAINER_OF(slot_kept(slot), struct memory, object);
    return (outcome_t)space_map(space_of(process), object, offset, va, size,
                                (uint32_t)flags | allowed << SPACE_MAY_SHIFT);
}

outcome_t sys_space_unmap(struct thread *caller, struct slot *process, uaddr_t va, uint64_t size,
                          uint64_t *done)
{
    (void)caller;
    *done = 0;
    error_t error = space_unmap(space_of(process), va, size, done);
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_space_protect(struct thread *caller, struct slot *process, uaddr_t va, uint64_t size,
                            uint64_t flags, uint64_t *done)
{
    (void)caller;
    *done = 0;
    if ((flags & ~(uint64_t)(SPACE_ACCESS | SPACE_INHERIT)) != 0)
        return ERR_bad_argument;
    error_t error = space_protect(space_of(process), va, size, (uint32_t)flags, done);
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_space_clone(struct thread *caller, struct slot *process, slot_t to, uint64_t from_va,
                          uint64_t *next)
{
    struct slot *slot;
    error_t error = slot_lookup(&caller->process->table, to, RIGHT_space, &slot);
    struct object *target = error == OK ? slot_hold(slot) : NULL;
    if (target == NULL)
        return error != OK ? (outcome_t)error : (outcome_t)ERR_bad_slot;
    *next = from_va;
    if (target == slot_kept(process) || !is_aligned(from_va, PAGE_SIZE))
        error = ERR_bad_argument;
    for (uint32_t i = 0; error == OK && *next != SPACE_END && i < CLONE_PIECES; i++)
        error = space_clone(space_of(process), space_of(slot), next, NULL);
    object_put(target);
    return *next != from_va ? OK : (outcome_t)error;
}

outcome_t sys_space_move(struct thread *caller, struct slot *process, uaddr_t from, uaddr_t to,
                         uint64_t size, uint64_t *done)
{
    (void)caller;
    *done = 0;
    error_t error = space_move(space_of(process), from, to, size, done);
    return *done != 0 ? OK : (outcome_t)error;
}

static outcome_t copy_ranges(struct thread *caller, struct space *other, uaddr_t list,
                             uint64_t count, uaddr_t buffer, bool read, uint64_t *done)
{
    struct space_range ranges[SPACE_RANGES_MAX];
    struct space *own = &caller->process->space;
    uint64_t got, moved = 0;
    if (count > SPACE_RANGES_MAX)
        return ERR_bad_argument;
    error_t error = space_copy_in(own, ranges, list, count * sizeof(ranges[0]), &got);
    *done = 0;
    for (uint64_t i = 0; i < count && error == OK && *done < SPACE_COPY_MAX; i++) {
        uint64_t size = min_u64(ranges[i].size, SPACE_COPY_MAX - *done);
        uaddr_t here = {buffer.va + *done}, there = ranges[i].va;
        error = read ? space_copy_between(own, here, other, there, size, &moved)
                     : space_copy_between(other, there, own, here, size, &moved);
        *done += moved;
    }
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_space_read(struct thread *caller, struct slot *process, uaddr_t ranges,
                         uint64_t count, uaddr_t buffer, uint64_t *done)
{
    return copy_ranges(caller, space_of(process), ranges, count, buffer, true, done);
}

outcome_t sys_space_write(struct thread *caller, struct slot *process, uaddr_t ranges,
                          uint64_t count, uaddr_t buffer, uint64_t *done)
{
    return copy_ranges(caller, space_of(process), ranges, count, buffer, false, done);
}

outcome_t sys_space_cas(struct thread *caller, struct slot *process, uaddr_t va, uint64_t expected,
                        uint64_t desired, uint64_t size, uint64_t *old)
{
    (void)caller;
    return (outcome_t)space_cas(space_of(process), va, size, expected, desired, old);
}

outcome_t sys_space_list(struct thread *caller, struct slot *process, uaddr_t va, uaddr_t buffer,
                         uint64_t count, uint64_t *listed)
{
    struct mapping_info infos[LIST_MAX];
    uint64_t done;
    uint32_t found = space_list(space_of(process), va, infos, (uint32_t)min_u64(count, LIST_MAX));
    *listed = found;
    return (outcome_t)space_copy_out(&caller->process->space, buffer, infos,
                                     found * sizeof(infos[0]), &done);
}
