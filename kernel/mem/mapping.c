/* The mappings of a space (mapping.h). */
#include "mem/mapping.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "sched/cpu.h"

struct mapping *mapping_at_locked(const struct space *space, uint64_t va)
{
    struct mapping *mapping = space->mappings, *behind = NULL;
    if (space->found != NULL && va - space->found->va < space->found->size)
        return space->found;
    while (mapping != NULL) {
        if (va - mapping->va < mapping->size)
            return mapping;
        if (va < mapping->va) {
            behind = mapping;
            mapping = mapping->left;
        } else {
            mapping = mapping->right;
        }
    }
    return behind;
}

/* The last mapping that starts before `va`, and the first one that does not; NULL. */
static void neighbours_locked(const struct space *space, uint64_t va, struct mapping **before,
                              struct mapping **behind)
{
    struct mapping *mapping = space->mappings;
    *before = *behind = NULL;
    while (mapping != NULL) {
        if (mapping->va < va) {
            *before = mapping;
            mapping = mapping->right;
        } else {
            *behind = mapping;
            mapping = mapping->left;
        }
    }
}

void mapping_hole_locked(const struct space *space, uint64_t va, uint64_t *low, uint64_t *high)
{
    struct mapping *before, *behind;
    neighbours_locked(space, va, &before, &behind);
    *low = before == NULL ? 0 : mapping_end(before);
    *high = behind == NULL ? SPACE_END + PAGE_SIZE : behind->va;
    assert(*low <= va && va < *high);
}

struct mapping *mapping_make(struct space *space, struct memory *memory, uint64_t offset,
                             uint64_t va, uint64_t size, uint32_t flags)
{
    struct mapping *mapping = job_alloc(space->job, sizeof(*mapping));
    if (mapping == NULL)
        return NULL;
    object_get(&memory->object);
    mapping->va = va;
    mapping->size = size;
    mapping->memory = memory;
    mapping->offset = offset;
    mapping->space = space;
    mapping->flags = flags;
    list_init(&mapping->shown);
    return mapping;
}

void mapping_free(struct mapping *mapping)
{
    if (mapping == NULL)
        return;
    assert(list_empty(&mapping->shown));
    struct memory *memory = mapping->memory;
    job_release(mapping->space->job, mapping, sizeof(*mapping));
    object_put(&memory->object);
}

static void mapping_enter(struct space *space, struct mapping *mapping)
{
    tree_insert(&space->tree, &mapping->node, arch_counter());
    space->mapping_count++;
}

static void mapping_leave(struct space *space, struct mapping *mapping)
{
    if (space->found == mapping)
        space->found = NULL;
    tree_remove(&space->tree, &mapping->node);
    space->mapping_count--;
}

/* Does `next` continue `mapping`? */
static bool continues(const struct mapping *mapping, const struct mapping *next)
{
    return mapping != NULL && next != NULL && mapping_end(mapping) == next->va &&
           mapping->memory == next->memory && mapping->flags == next->flags &&
           mapping->offset + mapping->size == next->offset;
}

/* `mapping` takes over what `next`, which may be stale, shows. */
static void mapping_extend(struct mapping *mapping, const struct mapping *next)
{
    mapping->size += next->size;
    if (!next->stale)
        return;
    if (!mapping->stale) {
        mapping->stale = true;
        mapping->stale_low = next->stale_low;
        list_remove(&mapping->shown);
        list_add_first(&mapping->memory->mappings, &mapping->shown);
    }
    mapping->stale_high = next->stale_high;
}

struct mapping *mapping_insert_locked(struct mapping *mapping, struct mapping *joined[2])
{
    struct space *space = mapping->space;
    struct mapping *before, *behind;
    debug_assert(spinlock_held(&space->lock) && spinlock_held(&mapping->memory->lock));
    neighbours_locked(space, mapping->va, &before, &behind);
    if ((before != NULL && mapping_end(before) > mapping->va) ||
        (behind != NULL && behind->va < mapping_end(mapping)))
        return NULL;
    if (continues(before, mapping)) {
        mapping_extend(before, mapping);
        joined[0] = mapping;
        mapping = before;
    } else {
        mapping_enter(space, mapping);
        list_add_last(&mapping->memory->mappings, &mapping->shown);
    }
    if (continues(mapping, behind)) {
        mapping_leave(space, behind);
        mapping_extend(mapping, behind);
        list_remove(&behind->shown);
        joined[1] = behind;
    }
    return mapping;
}

struct mapping *mapping_extend_locked(struct space *space, const struct memory *memory,
                                      uint64_t offset, uint64_t va, uint64_t size, uint32_t flags)
{
    struct mapping *before, *behind;
    const struct mapping more = {.va = va,
                                 .size = size,
                                 .memory = (struct memory *)(uintptr_t)memory,
                                 .offset = offset,
                                 .flags = flags};
    neighbours_locked(space, va, &before, &behind);
    if (!continues(before, &more) || continues(&more, behind) ||
        (behind != NULL && behind->va < va + size))
        return NULL;
    return before;
}

bool mapping_cut_locked(struct mapping *mapping, uint64_t low, uint64_t high,
                        struct mapping **spare)
{
    struct space *space = mapping->space;
    uint64_t end = mapping_end(mapping);
    debug_assert(spinlock_held(&space->lock) && spinlock_held(&mapping->memory->lock));
    assert(mapping->va <= low && low < high && high <= end);
    if (low == mapping->va && high == end) {
        mapping_leave(space, mapping);
        list_remove(&mapping->shown);
        return true;
    }
    if (low == mapping->va) {
        mapping->offset += high - low;
        mapping->va = high;
        mapping->size = end - high;
        return false;
    }
    mapping->size = low - mapping->va;
    if (high == end)
        return false;
    struct mapping *rest = *spare;
    *spare = NULL;
    assert(rest != NULL && rest->memory == mapping->memory);
    rest->va = high;
    rest->size = end - high;
    rest->offset = mapping->offset + (high - mapping->va);
    rest->flags = mapping->flags;
    mapping_enter(space, rest);
    /* Stale in parts that are now the rest's: both say so. */
    rest->stale = mapping->stale;
    rest->stale_low = mapping->stale_low;
    rest->stale_high = mapping->stale_high;
    list_insert(mapping->shown.next, &rest->shown);
    return false;
}
