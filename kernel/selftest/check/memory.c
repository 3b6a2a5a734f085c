/* The invariants of memory objects (mem/memory.h). */
#include "mem/memory.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/page.h"
#include "selftest/check.h"

static void check_page(const struct memory *memory, const struct page *page, uint64_t index)
{
    assert(page_kind(page) <= PAGE_PRESENT &&
           page->round <= max_u64(memory->round, memory->round_last));
    if (page_kind(page) != PAGE_PRESENT) {
        assert(page_pins(page) == 0 && !page_busy(page));
        return;
    }
    const struct frame *frame = frame_of(page_frame(page));
    assert(index < memory->page_count);
    assert(frame_state(frame) == FRAME_USED && frame->order == 0 && frame->references > 0);
    assert(page_pins(page) == 0 || frame->references == 1);
}

/* `leaf` as it shows page `index`. */
static void check_leaf(const struct mapping *mapping, uint64_t index, pte_t leaf)
{
    const struct memory *memory = mapping->memory;
    uint32_t flags = arch_pte_flags(leaf);
    bool writable = (flags & MAP_WRITE) != 0;
    assert((flags & MAP_USER) != 0 && (!writable || (mapping->flags & SPACE_WRITE) != 0));
    assert((flags & MAP_EXECUTE) == 0 || (mapping->flags & SPACE_EXECUTE) != 0);
    if (memory->physical) {
        assert(arch_pte_address(leaf, 0).pa == memory->base.pa + (index << PAGE_SHIFT));
        return;
    }
    const struct page *page = page_tree_find(&memory->pages, index);
    assert(page != NULL && page_kind(page) == PAGE_PRESENT);
    assert(page_frame(page).pa == arch_pte_address(leaf, 0).pa);
    assert(!writable || !frame_shared(page_frame(page)));
}

/* How many of 2 MiB there are. */
static uint64_t check_mapping(const struct memory *memory, const struct mapping *mapping)
{
    uint64_t va = mapping->va, large = 0;
    const pte_t *leaf;
    int level;
    assert(mapping->memory == memory);
    for (; (leaf = ptab_next(&mapping->space->ptab, &va, mapping_end(mapping), &level)) != NULL;
         va = ptab_behind(va, level)) {
        phys_t frame = arch_pte_address(pte_read(leaf), level);
        uint32_t flags = arch_pte_flags(pte_read(leaf));
        assert(is_aligned(va, ptab_span(level)) && ptab_behind(va, level) <= mapping_end(mapping));
        for (uint64_t i = 0; i < ptab_span(level) >> PAGE_SHIFT; i++, frame.pa += PAGE_SIZE)
            check_leaf(mapping, mapping_index(mapping, va) + i, arch_pte_leaf(frame, flags, 0));
        large += level > 0;
    }
    return large;
}

void memory_check(struct memory *memory)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    uint64_t resident = memory->clock, index = 0, large = 0;
    const uint64_t end = MEMORY_SIZE_MAX >> PAGE_SHIFT;
    while (index < end) {
        const struct page *page = page_tree_next(&memory->pages, &index, end);
        if (page == NULL)
            continue;
        check_page(memory, page, index++);
        resident += page_kind(page) == PAGE_PRESENT;
    }
    assert(resident == memory->resident);
    bool fresh = false;
    LIST_EACH(node, &memory->mappings)
    {
        const struct mapping *mapping = CONTAINER_OF(node, struct mapping, shown);
        assert(!mapping->stale || !fresh);
        fresh = !mapping->stale;
        large += check_mapping(memory, mapping);
    }
    assert(large == memory->large);
    spinlock_unlock(&memory->lock, irq);
}
