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

static void check_leaf(const struct mapping *mapping, uint64_t va, pte_t leaf)
{
    const struct memory *memory = mapping->memory;
    uint64_t index = mapping_index(mapping, va);
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

static void check_mapping(const struct memory *memory, const struct mapping *mapping)
{
    uint64_t va = mapping->va;
    const pte_t *leaf;
    int level;
    assert(mapping->memory == memory);
    for (; (leaf = ptab_next(&mapping->space->ptab, &va, mapping_end(mapping), &level)) != NULL;
         va += PAGE_SIZE) {
        assert(level == 0);
        check_leaf(mapping, va, pte_read(leaf));
    }
}

void memory_check(struct memory *memory)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    uint64_t resident = 0, index = 0;
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
        check_mapping(memory, mapping);
    }
    spinlock_unlock(&memory->lock, irq);
}
