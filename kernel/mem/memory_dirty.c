/*
 * Dirty rounds (memory.h): which pages were written since when.
 *
 * While an object is tracked, a leaf tells whether its page may have been written since it was last
 * looked at: where hardware marks written leaves (arch_mmu_marks_dirty), by that mark; else it is
 * writable only then, and the fault that makes it so notes the round. So a look notes the round for
 * each leaf that tells so, takes the mark or the right away, and starts the next round.
 * Writes through old translations, until they are flushed, come before the look's end and are on
 * pages that it tells of. A reader's `since` is only a number, so readers do not disturb each
 * other.
 */
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/mapping.h"
#include "mem/memory.h"

/* The leaves of one mapping that show pages of [first, end). */
static void gather_mapping_locked(struct mapping *mapping, uint64_t first, uint64_t end)
{
    uint64_t start = mapping->offset >> PAGE_SHIFT, stop = start + (mapping->size >> PAGE_SHIFT);
    uint64_t low = max_u64(start, first), high = min_u64(stop, end);
    if (low >= high)
        return;
    uint64_t va = mapping->va + ((low - start) << PAGE_SHIFT);
    uint64_t last = mapping->va + ((high - start) << PAGE_SHIFT);
    const struct ptab *ptab = &mapping->space->ptab;
    int level;
    pte_t *leaf;
    for (; (leaf = ptab_next(ptab, &va, last, &level)) != NULL; va = ptab_behind(va, level)) {
        if (level > 0)
            memory_leaf_hide_locked(mapping, va, leaf, level);
        else if (arch_mmu_marks_dirty())
            memory_leaf_clean_locked(mapping, va, leaf);
        else
            memory_leaf_protect_locked(mapping, va, leaf, level);
    }
}

static void gather_locked(struct memory *memory, uint64_t first, uint64_t end)
{
    struct list *node = memory->mappings.next;
    while (node != &memory->mappings) {
        struct mapping *mapping = CONTAINER_OF(node, struct mapping, shown);
        node = node->next; /* stale ones move to the front */
        gather_mapping_locked(mapping, first, end);
    }
}

/* Devices write pinned pages whenever they like. */
static void tell_locked(struct memory *memory, uint64_t since, uint64_t first, uint64_t end,
                        uint64_t *bitmap)
{
    struct page *page;
    uint64_t index = first;
    for (; (page = page_tree_next(&memory->pages, &index, end)) != NULL; index++) {
        if (page_pins(page) > 0)
            page->round = memory->round;
        if (since == 0 ? page_kind(page) == PAGE_PRESENT : page->round > since)
            bitmap[(index - first) / 64] |= (uint64_t)1 << (index - first) % 64;
    }
}

error_t memory_dirty(struct memory *memory, uint64_t since, uint64_t offset, uint32_t pages,
                     uint64_t *bitmap, uint64_t *round)
{
    if (!is_aligned(offset, PAGE_SIZE) || offset > MEMORY_SIZE_MAX || pages > DIRTY_PAGES_MAX)
        return ERR_bad_argument;
    if (memory->physical)
        return ERR_unsupported;
    memset(bitmap, 0, align_up(pages, 64) / 8);
    irq_state_t irq = spinlock_lock(&memory->lock);
    uint64_t first = offset >> PAGE_SHIFT, end = min_u64(first + pages, memory->page_count);
    if (memory->round == 0)
        memory->round = memory->round_last + 1;
    gather_locked(memory, first, end);
    tell_locked(memory, since, first, end, bitmap);
    *round = memory->round++;
    spinlock_unlock(&memory->lock, irq);
    irq = memory_lock_settled(memory);
    spinlock_unlock(&memory->lock, irq);
    return OK;
}

/* Rounds go on counting from here when somebody asks again. */
void memory_dirty_end(struct memory *memory)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    if (memory->round != 0)
        memory->round_last = memory->round;
    memory->round = 0;
    spinlock_unlock(&memory->lock, irq);
}
