/* Mapping, unmapping, protecting (mapping.h). */
#include "lib/assert.h"
#include "mem/fault.h"
#include "mem/mapping.h"
#include "mem/space_cut.h"
#include "obj/job.h"

static bool flags_allowed(const struct space *space, uint32_t flags)
{
    return (flags & (SPACE_WRITE | SPACE_EXECUTE)) != (SPACE_WRITE | SPACE_EXECUTE) ||
           space->write_execute;
}

static bool flags_valid(uint32_t flags)
{
    return (flags & ~(uint32_t)MAPPING_FLAGS) == 0 && (flags & SPACE_INHERIT) != SPACE_INHERIT;
}

error_t space_insert(struct space *space, struct mapping *mapping)
{
    struct memory *memory = mapping->memory;
    struct mapping *joined[2] = {NULL, NULL};
    uint64_t va = mapping->va, size = mapping->size;
    spinlock_enter(&space->lock);
    spinlock_enter(&memory->lock);
    mapping = mapping_insert_locked(mapping, joined);
    if (mapping != NULL)
        space_enter_present_locked(space, mapping, va, size);
    spinlock_exit(&memory->lock);
    spinlock_exit(&space->lock);
    mapping_free(joined[0]);
    mapping_free(joined[1]);
    return mapping != NULL ? OK : ERR_exists;
}

/* Without a new mapping; false if it takes one. */
static bool space_extend(struct space *space, struct memory *memory, uint64_t offset, uint64_t va,
                         uint64_t size, uint32_t flags)
{
    spinlock_enter(&space->lock);
    struct mapping *mapping = mapping_extend_locked(space, memory, offset, va, size, flags);
    if (mapping != NULL) {
        spinlock_enter(&memory->lock);
        mapping->size += size;
        space_enter_present_locked(space, mapping, va, size);
        spinlock_exit(&memory->lock);
    }
    spinlock_exit(&space->lock);
    return mapping != NULL;
}

error_t space_map(struct space *space, struct memory *memory, uint64_t offset, uaddr_t va,
                  uint64_t size, uint32_t flags)
{
    if (!space_range_valid(va, size) || !is_aligned(offset, PAGE_SIZE) ||
        offset > MEMORY_SIZE_MAX || size > MEMORY_SIZE_MAX - offset || !flags_valid(flags))
        return ERR_bad_argument;
    if ((flags & SPACE_MAY) == 0)
        flags |= SPACE_MAY;
    if (!flags_allowed(space, flags) || (flags & SPACE_ACCESS & ~(flags >> SPACE_MAY_SHIFT)) != 0)
        return ERR_denied;
    if (space_extend(space, memory, offset, va.va, size, flags))
        return OK;
    if (!object_try_get(&memory->object))
        return ERR_bad_slot;
    struct mapping *mapping = mapping_make(space, memory, offset, va.va, size, flags);
    error_t error = mapping != NULL ? space_insert(space, mapping) : ERR_no_memory;
    if (error != OK)
        mapping_free(mapping);
    object_put(&memory->object);
    return error;
}

/* The piece, cut out, is put back with new flags; its leaves come again at faults. */
static error_t protect_first_locked(struct space *space, uint64_t low, uint64_t high,
                                    uint32_t flags, struct cut *cut, struct mapping *joined[2])
{
    struct mapping *mapping;
    error_t error = space_cut_ready_locked(space, low, high, cut, &mapping);
    if (error != OK)
        return error;
    if (mapping == NULL || cut->low != low)
        return ERR_bad_address;
    flags |= mapping->flags & SPACE_MAY;
    if ((flags & SPACE_ACCESS & ~(flags >> SPACE_MAY_SHIFT)) != 0)
        return ERR_denied;
    if (mapping->flags == flags)
        return OK;
    struct memory *memory = mapping->memory;
    uint64_t offset = mapping->offset + (low - mapping->va);
    struct mapping *piece = mapping_make(space, memory, offset, low, cut->high - low, flags);
    if (piece == NULL)
        return ERR_no_memory;
    irq_state_t irq = spinlock_lock(&memory->lock);
    space_cut_apply_locked(mapping, cut);
    piece = mapping_insert_locked(piece, joined);
    assert(piece != NULL);
    spinlock_unlock(&memory->lock, irq);
    return OK;
}

error_t space_protect(struct space *space, uaddr_t va, uint64_t size, uint32_t flags,
                      uint64_t *done)
{
    *done = 0;
    if (!space_range_valid(va, size) || !flags_valid(flags))
        return ERR_bad_argument;
    if (!flags_allowed(space, flags))
        return ERR_denied;
    struct mapping *joined[2] = {NULL, NULL};
    struct cut cut;
    irq_state_t irq = spinlock_lock(&space->lock);
    error_t error = protect_first_locked(space, va.va, va.va + size, flags, &cut, joined);
    spinlock_unlock(&space->lock, irq);
    space_cut_end(space, &cut);
    mapping_free(joined[0]);
    mapping_free(joined[1]);
    if (error == OK)
        *done = cut.high - va.va;
    return error;
}

/* Is nothing mapped in [low, high)? */
static bool hole_locked(const struct space *space, uint64_t low, uint64_t high)
{
    const struct mapping *mapping = mapping_at_locked(space, low);
    return mapping == NULL || mapping->va >= high;
}

/* The first piece of [low, high), if any, moves by `distance` (which may wrap). */
static error_t move_first_locked(struct space *space, uint64_t low, uint64_t high,
                                 uint64_t distance, struct cut *cut, struct mapping *joined[2])
{
    struct mapping *mapping;
    error_t error = space_cut_ready_locked(space, low, high, cut, &mapping);
    if (error != OK || mapping == NULL)
        return error;
    if (!hole_locked(space, cut->low + distance, cut->high + distance))
        return ERR_exists;
    struct memory *memory = mapping->memory;
    uint64_t offset = mapping->offset + (cut->low - mapping->va);
    struct mapping *piece = mapping_make(space, memory, offset, cut->low + distance,
                                         cut->high - cut->low, mapping->flags);
    if (piece == NULL)
        return ERR_no_memory;
    irq_state_t irq = spinlock_lock(&memory->lock);
    space_cut_apply_locked(mapping, cut);
    piece = mapping_insert_locked(piece, joined);
    assert(piece != NULL);
    spinlock_unlock(&memory->lock, irq);
    return OK;
}

error_t space_move(struct space *space, uaddr_t from, uaddr_t to, uint64_t size, uint64_t *done)
{
    *done = 0;
    if (!space_range_valid(from, size) || !space_range_valid(to, size) ||
        (from.va < to.va + size && to.va < from.va + size))
        return ERR_bad_argument;
    struct mapping *joined[2] = {NULL, NULL};
    struct cut cut;
    irq_state_t irq = spinlock_lock(&space->lock);
    error_t error =
        move_first_locked(space, from.va, from.va + size, to.va - from.va, &cut, joined);
    spinlock_unlock(&space->lock, irq);
    space_cut_end(space, &cut);
    mapping_free(joined[0]);
    mapping_free(joined[1]);
    if (error == OK) {
        *done = cut.high - from.va;
        space_prune(space, cut.low, cut.high);
    }
    return error;
}

uint32_t space_list(struct space *space, uaddr_t va, struct mapping_info *infos, uint32_t max)
{
    uint32_t count = 0;
    uint64_t at = va.va;
    irq_state_t irq = spinlock_lock(&space->lock);
    const struct mapping *mapping;
    while (count < max && (mapping = mapping_at_locked(space, at)) != NULL) {
        infos[count++] = (struct mapping_info){.va = mapping->va,
                                               .size = mapping->size,
                                               .offset = mapping->offset,
                                               .flags = mapping->flags & MAPPING_FLAGS,
                                               .memory = mapping->memory->object.identity};
        at = mapping_end(mapping);
    }
    spinlock_unlock(&space->lock, irq);
    return count;
}

error_t space_memory_at(struct space *space, uaddr_t va, struct memory **memory, uint64_t *offset)
{
    irq_state_t irq = spinlock_lock(&space->lock);
    const struct mapping *mapping = mapping_find_locked(space, va.va);
    if (mapping != NULL) {
        *memory = mapping->memory;
        *offset = mapping->offset + (va.va - mapping->va);
    }
    spinlock_unlock(&space->lock, irq);
    return mapping != NULL ? OK : ERR_bad_address;
}
