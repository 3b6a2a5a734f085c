/*
 * Blocks of 2 MiB (docs/decisions/0016): taken when memory is committed, seen when it is shown.
 *
 * A block is not a kind of page: its frames are single ones, each with its own references, charge
 * and end, that happen to lie side by side and aligned as the pages that they hold. So all that is
 * said of pages holds for them, and whether one leaf can show all is looked at when one is to be
 * entered.
 *
 * The reserve is what committing has taken of a block and not yet filled: charged, and let go when
 * another block is begun, pages are given back, the size changes, or the object ends. It is split
 * as it is used, so that what is left are few blocks: one for each bit of where it begins.
 */
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define LARGE_ORDER 9
#define FILL_BATCH  16 /* pages zeroed by one call */

_Static_assert(LARGE_PAGES == 1 << LARGE_ORDER, "a leaf of level 1 shows a block");

/* Of the block of frames that begins at page `at` of the reserve's 512. */
static uint32_t piece_order(uint64_t at)
{
    return at == 0 ? LARGE_ORDER : (uint32_t)__builtin_ctzll(at);
}

void memory_reserve_drop_locked(struct memory *memory)
{
    debug_assert(spinlock_held(&memory->lock));
    if (memory->reserve_next == 0)
        return;
    uint64_t first = (memory->reserve_next - 1) % LARGE_PAGES;
    for (uint64_t at = first; at < LARGE_PAGES; at += (uint64_t)1 << piece_order(at))
        frame_free(PHYS(memory->reserve_frame.pa + ((at - first) << PAGE_SHIFT)), piece_order(at));
    job_uncharge(memory->object.job, (LARGE_PAGES - first) << PAGE_SHIFT);
    memory->reserve_next = 0;
}

/* Are the pages of the block from `first` all zero? */
static bool zero_locked(const struct memory *memory, uint64_t first)
{
    const struct page *page;
    uint64_t index = first, end = first + LARGE_PAGES;
    if (memory->empty_absent || end > memory->page_count)
        return false;
    while (index < end) {
        page = page_tree_next(&memory->pages, &index, end);
        if (page != NULL && memory_page_kind_locked(memory, page) != PAGE_ZERO)
            return false;
        index += page != NULL;
    }
    return true;
}

/* Not if the job cannot pay, or there is none on this node: then pages come one by one. */
static void reserve_make_locked(struct memory *memory, uint64_t first)
{
    phys_t block;
    memory_reserve_drop_locked(memory);
    if (!zero_locked(memory, first) || job_charge(memory->object.job, LARGE_SIZE) != OK)
        return;
    if (frame_alloc(LARGE_ORDER, cpu_self()->node, FRAME_THIS_NODE, &block) != OK) {
        job_uncharge(memory->object.job, LARGE_SIZE);
        return;
    }
    memory->reserve_next = first + 1;
    memory->reserve_frame = block;
}

/* The reserve's first page becomes present; false: something else is there, or no node can be had.
 */
static bool reserve_use_locked(struct memory *memory)
{
    struct page *page;
    uint64_t index = memory->reserve_next - 1;
    assert(memory->reserve_next != 0 && index < memory->page_count);
    debug_assert(memory->reserve_frame.pa / PAGE_SIZE % LARGE_PAGES == index % LARGE_PAGES);
    if (page_tree_make(&memory->pages, memory->object.job, index, &page) != OK ||
        memory_page_kind_locked(memory, page) != PAGE_ZERO) {
        memory_reserve_drop_locked(memory);
        return false;
    }
    if (piece_order(index % LARGE_PAGES) > 0)
        frame_split(memory->reserve_frame, piece_order(index % LARGE_PAGES));
    memset(phys_to_virt(memory->reserve_frame), 0, PAGE_SIZE);
    page_set_present(page, memory->reserve_frame);
    memory->resident++;
    memory->reserve_frame.pa += PAGE_SIZE;
    memory->reserve_next = (index + 1) % LARGE_PAGES != 0 ? index + 2 : 0;
    return true;
}

uint64_t memory_large_fill(struct memory *memory, uint64_t first, uint64_t end)
{
    uint64_t next = first;
    irq_state_t irq = spinlock_lock(&memory->lock);
    if (memory->reserve_next != first + 1 && first % LARGE_PAGES == 0 && end - first >= LARGE_PAGES)
        reserve_make_locked(memory, first);
    end = min_u64(end, first + FILL_BATCH);
    while (next < end && memory->reserve_next == next + 1 && reserve_use_locked(memory))
        next++;
    spinlock_unlock(&memory->lock, irq);
    return next - first;
}

bool memory_large_locked(const struct memory *memory, uint64_t first, phys_t *block, bool *shared)
{
    const struct page *page = page_tree_find(&memory->pages, first);
    debug_assert(first % LARGE_PAGES == 0 && spinlock_held(&memory->lock));
    if (page == NULL || memory->pages.height == 0 || !is_aligned(page_frame(page).pa, LARGE_SIZE))
        return false;
    *block = page_frame(page);
    *shared = false;
    for (uint64_t i = 0; i < LARGE_PAGES; i++, page++) {
        phys_t frame = PHYS(block->pa + (i << PAGE_SHIFT));
        if (i % PAGE_TREE_FANOUT == 0)
            page = page_tree_find(&memory->pages, first + i);
        if (page == NULL || page->word % PAGE_PIN != (frame.pa | PAGE_PRESENT))
            return false;
        *shared |= frame_shared(frame);
    }
    return true;
}
