/* Taking pieces of mappings out of a space, and unmapping (space_cut.h, mapping.h). */
#include "mem/space_cut.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/mapping.h"
#include "obj/job.h"

#define PRUNE_BATCH 16

/* Tables taken out: forgotten by all CPUs next, then freed. */
struct pruned {
    phys_t tables[PRUNE_BATCH];
    uint32_t count;
    bool done; /* there are no more */
};

/* Tables that are no longer used, up to PRUNE_BATCH. */
static void prune_locked(struct space *space, uint64_t low, uint64_t high, struct pruned *pruned)
{
    uint64_t hole_low, hole_high;
    const struct mapping *at = mapping_find_locked(space, low);
    pruned->count = 0;
    pruned->done = true;
    if (at != NULL)
        return; /* mapped anew meanwhile: its end will take the tables along */
    mapping_hole_locked(space, low, &hole_low, &hole_high);
    pruned->done = ptab_prune(&space->ptab, low, min_u64(high, hole_high), hole_low, hole_high,
                              pruned->tables, PRUNE_BATCH, &pruned->count);
}

static void tables_free(struct space *space, const struct pruned *pruned)
{
    for (uint32_t i = 0; i < pruned->count; i++)
        frame_free_zero(pruned->tables[i]);
    job_uncharge(space->job, pruned->count * PAGE_SIZE);
}

void space_prune(struct space *space, uint64_t low, uint64_t high)
{
    struct pruned pruned = {.done = false};
    while (!pruned.done) {
        spinlock_enter(&space->lock);
        prune_locked(space, low, high, &pruned);
        spinlock_exit(&space->lock);
        if (pruned.count > 0)
            arch_space_flush(&space->arch, low, high - low);
        tables_free(space, &pruned);
    }
}

uint64_t space_piece_end_locked(const struct space *space, uint64_t low, uint64_t high)
{
    uint64_t end = min_u64(high, low + SPACE_CUT_SIZE), va = low;
    int level;
    for (uint32_t leaves = 0; ptab_next(&space->ptab, &va, end, &level) != NULL;) {
        if (leaves >= SPACE_CUT_LEAVES)
            return va;
        leaves += level > 0 ? SPACE_CUT_LARGE : 1;
        va = ptab_behind(va, level);
    }
    return end;
}

/* Clears the leaves of the piece, whole ones at its ends too: what is left of these comes again at
 * faults. What is to be flushed grows by them. */
static void leaves_clear_locked(const struct mapping *mapping, struct cut *cut)
{
    const struct ptab *ptab = &mapping->space->ptab;
    uint64_t va = cut->low;
    int level;
    pte_t *leaf;
    for (; (leaf = ptab_next(ptab, &va, cut->high, &level)) != NULL; va = ptab_behind(va, level)) {
        mapping_leaf_clear_locked(mapping, va, leaf, level);
        cut->flush = true;
        if (level == 0)
            continue;
        cut->flush_low = min_u64(cut->flush_low, align_down(va, ptab_span(level)));
        cut->flush_high = max_u64(cut->flush_high, ptab_behind(va, level));
    }
}

/* The first piece of [low, high) that is mapped, and what cutting it out takes. */
error_t space_cut_ready_locked(struct space *space, uint64_t low, uint64_t high, struct cut *cut,
                               struct mapping **mapping)
{
    struct mapping *first = mapping_at_locked(space, low);
    *cut = (struct cut){.low = high, .high = high};
    *mapping = NULL;
    if (first == NULL || first->va >= high)
        return OK;
    *mapping = first;
    cut->low = max_u64(low, first->va);
    cut->high = space_piece_end_locked(space, cut->low, min_u64(high, mapping_end(first)));
    if (cut->low == first->va || cut->high == mapping_end(first))
        return OK;
    cut->spare = mapping_make(space, first->memory, 0, 0, 0, 0);
    return cut->spare != NULL ? OK : ERR_no_memory;
}

/* Takes the piece out of tables, tree and list. The object is locked. */
void space_cut_apply_locked(struct mapping *mapping, struct cut *cut)
{
    struct memory *memory = mapping->memory;
    cut->flush = mapping->stale;
    cut->flush_low = cut->low;
    cut->flush_high = cut->high;
    leaves_clear_locked(mapping, cut);
    cut->memory = memory;
    object_get(&memory->object);
    memory_flush_begin_locked(memory);
    if (mapping_cut_locked(mapping, cut->low, cut->high, &cut->spare))
        cut->mapping = mapping;
}

/* Waits until no CPU knows the piece's translations, and frees what is left over. */
void space_cut_end(struct space *space, const struct cut *cut)
{
    mapping_free(cut->spare);
    if (cut->memory == NULL)
        return;
    if (cut->flush)
        arch_space_flush(&space->arch, cut->flush_low, cut->flush_high - cut->flush_low);
    memory_flush_end(cut->memory);
    object_put(&cut->memory->object);
    mapping_free(cut->mapping);
}

static error_t cut_first_locked(struct space *space, uint64_t low, uint64_t high, struct cut *cut)
{
    struct mapping *mapping;
    error_t error = space_cut_ready_locked(space, low, high, cut, &mapping);
    if (error != OK || mapping == NULL)
        return error;
    struct memory *memory = mapping->memory;
    spinlock_enter(&memory->lock);
    space_cut_apply_locked(mapping, cut);
    spinlock_exit(&memory->lock);
    return OK;
}

error_t space_unmap(struct space *space, uaddr_t va, uint64_t size, uint64_t *done)
{
    *done = 0;
    if (!space_range_valid(va, size))
        return ERR_bad_argument;
    struct cut cut;
    struct pruned pruned;
    pruned.count = 0;
    pruned.done = true;
    spinlock_enter(&space->lock);
    error_t error = cut_first_locked(space, va.va, va.va + size, &cut);
    if (cut.memory != NULL)
        prune_locked(space, cut.low, cut.high, &pruned);
    spinlock_exit(&space->lock);
    cut.flush |= pruned.count > 0;
    space_cut_end(space, &cut);
    tables_free(space, &pruned);
    if (error != OK)
        return error;
    *done = cut.high - va.va;
    if (!pruned.done)
        space_prune(space, cut.low, cut.high);
    return OK;
}
