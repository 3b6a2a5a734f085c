/*
 * Translations of an object's pages that other CPUs may still know (memory.h).
 *
 * Leaves change under the object's lock; flushes wait for other CPUs and so happen without it.
 * In between a mapping is *stale*. A flush takes the mark away before it starts and counts in
 * `flushing` until it has ended, so that nothing stale and nothing flushing means: no CPU knows
 * more than the tables say.
 */
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "sched/cpu.h"

#define FLUSH_BATCH 8

/* What a leaf of `level` shows around `va`. */
static void stale_mark_locked(struct mapping *mapping, uint64_t va, int level)
{
    uint64_t size = level == 0 ? PAGE_SIZE : LARGE_SIZE;
    uint64_t low = align_down(va, size), high = low + size;
    if (!mapping->stale) {
        mapping->stale = true;
        mapping->stale_low = low;
        mapping->stale_high = high;
        list_remove(&mapping->shown);
        list_add_first(&mapping->memory->mappings, &mapping->shown);
        return;
    }
    mapping->stale_low = min_u64(mapping->stale_low, low);
    mapping->stale_high = max_u64(mapping->stale_high, high);
}

void memory_leaf_wrote_locked(const struct mapping *mapping, uint64_t va, pte_t leaf, int level)
{
    const struct memory *memory = mapping->memory;
    if (!arch_pte_written(leaf))
        return;
    uint64_t index = mapping_index(mapping, align_down(va, ptab_span(level)));
    for (uint64_t i = 0; i < ptab_span(level) >> PAGE_SHIFT; i++) {
        struct page *page = page_tree_find(&memory->pages, index + i);
        assert(page != NULL);
        page->round = memory->round;
    }
}

void memory_leaf_hide_locked(struct mapping *mapping, uint64_t va, pte_t *leaf, int level)
{
    mapping_leaf_clear_locked(mapping, va, leaf, level);
    stale_mark_locked(mapping, va, level);
}

/* The address at which `mapping` shows page `index`, if it does. */
static bool mapping_shows(const struct mapping *mapping, uint64_t index, uint64_t *va)
{
    uint64_t first = mapping->offset >> PAGE_SHIFT;
    *va = mapping->va + ((index - first) << PAGE_SHIFT);
    return index >= first && index - first < mapping->size >> PAGE_SHIFT;
}

/* The leaf of page `index` in `mapping`, or NULL. */
static pte_t *mapping_leaf(const struct mapping *mapping, uint64_t index, uint64_t *va, int *level)
{
    if (!mapping_shows(mapping, index, va))
        return NULL;
    return ptab_find(&mapping->space->ptab, *va, level);
}

void memory_hide_locked(struct memory *memory, uint64_t index)
{
    debug_assert(spinlock_held(&memory->lock));
    struct list *node = memory->mappings.next;
    while (node != &memory->mappings) {
        struct mapping *mapping = CONTAINER_OF(node, struct mapping, shown);
        node = node->next; /* marking moves it to the front */
        uint64_t va = 0;
        int level = 0;
        pte_t *leaf = mapping_leaf(mapping, index, &va, &level);
        if (leaf != NULL)
            memory_leaf_hide_locked(mapping, va, leaf, level);
    }
}

void memory_protect_locked(struct memory *memory, uint64_t index)
{
    debug_assert(spinlock_held(&memory->lock));
    struct list *node = memory->mappings.next;
    while (node != &memory->mappings) {
        struct mapping *mapping = CONTAINER_OF(node, struct mapping, shown);
        node = node->next;
        uint64_t va = 0;
        int level = 0;
        pte_t *leaf = mapping_leaf(mapping, index, &va, &level);
        if (leaf != NULL)
            memory_leaf_protect_locked(mapping, va, leaf, level);
    }
}

void memory_leaf_protect_locked(struct mapping *mapping, uint64_t va, pte_t *leaf, int level)
{
    pte_t value = pte_read(leaf);
    debug_assert(spinlock_held(&mapping->memory->lock));
    if (!arch_pte_writable(value))
        return;
    value = arch_pte_protected(value);
    if (mapping->memory->round != 0)
        memory_leaf_wrote_locked(mapping, va, pte_exchange(leaf, value), level);
    else
        pte_write(leaf, value);
    stale_mark_locked(mapping, va, level);
}

void memory_leaf_clean_locked(struct mapping *mapping, uint64_t va, pte_t *leaf)
{
    pte_t value = pte_read(leaf);
    debug_assert(spinlock_held(&mapping->memory->lock) && arch_mmu_marks_dirty());
    if (!arch_pte_written(value))
        return;
    memory_leaf_wrote_locked(mapping, va, pte_exchange(leaf, arch_pte_cleaned(value)), 0);
    stale_mark_locked(mapping, va, 0);
}

static bool any_stale_locked(const struct memory *memory)
{
    return !list_empty(&memory->mappings) &&
           CONTAINER_OF(memory->mappings.next, struct mapping, shown)->stale;
}

bool memory_settled_locked(const struct memory *memory)
{
    return memory->flushing == 0 && !any_stale_locked(memory);
}

bool memory_hidden_locked(const struct memory *memory, uint64_t index)
{
    if (!memory_settled_locked(memory))
        return false;
    LIST_EACH(node, &memory->mappings)
    {
        uint64_t va = 0;
        int level = 0;
        if (mapping_leaf(CONTAINER_OF(node, struct mapping, shown), index, &va, &level) != NULL)
            return false;
    }
    return true;
}

/* What is to be flushed. Spaces stay memory until this CPU leaves the kernel. */
struct flush {
    struct space *space;
    uint64_t low, high;
};

/* Takes stale marks away: up to FLUSH_BATCH. */
static uint32_t stale_take_locked(struct memory *memory, struct flush *flushes)
{
    uint32_t count = 0;
    while (count < FLUSH_BATCH && any_stale_locked(memory)) {
        struct mapping *mapping = CONTAINER_OF(memory->mappings.next, struct mapping, shown);
        flushes[count++] = (struct flush){mapping->space, mapping->stale_low, mapping->stale_high};
        mapping->stale = false;
        list_remove(&mapping->shown);
        list_add_last(&memory->mappings, &mapping->shown);
    }
    return count;
}

void memory_flush_begin_locked(struct memory *memory)
{
    debug_assert(spinlock_held(&memory->lock));
    memory->flushing++;
}

void memory_flush_end(struct memory *memory)
{
    spinlock_enter(&memory->lock);
    assert(memory->flushing > 0);
    memory->flushing--;
    spinlock_exit(&memory->lock);
}

static void flush_all(const struct flush *flushes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        arch_space_flush(&flushes[i].space->arch, flushes[i].low, flushes[i].high - flushes[i].low);
}

/* Who flushes holds no lock and waits only for CPUs that answer, so waiting for it ends. */
irq_state_t memory_lock_settled(struct memory *memory)
{
    for (;;) {
        struct flush flushes[FLUSH_BATCH];
        irq_state_t irq = spinlock_lock(&memory->lock);
        uint32_t count = stale_take_locked(memory, flushes);
        if (count == 0 && memory_settled_locked(memory))
            return irq;
        memory->flushing += count != 0;
        spinlock_unlock(&memory->lock, irq);
        if (count != 0) {
            flush_all(flushes, count);
            memory_flush_end(memory);
        } else {
            arch_cpu_relax();
            cpu_serve();
        }
    }
}
