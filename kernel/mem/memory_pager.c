/*
 * Pagers: who is asked for pages that are absent, and how pages are handed over (memory.h).
 *
 * The pager's port and what waits for pages belong to ipc/; here it is a reference and a function
 * to call. Who waits looks at the page again after having said that it waits (memory_page_info: no
 * longer filling), since the page may come in between.
 */
#include "lib/assert.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "obj/job.h"

#define SUPPLY_BATCH 16

bool memory_pager_set(struct memory *memory, const struct object *only,
                      const struct memory_pager *pager, struct memory_pager *former)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    bool set = only == NULL || memory->pager.port == only;
    *former = memory->pager;
    if (set) {
        memory->pager = *pager;
        memory->reign++;
    }
    spinlock_unlock(&memory->lock, irq);
    if (set && former->wake != NULL)
        (void)former->wake(memory);
    return set;
}

void memory_wake(struct memory *memory)
{
    spinlock_enter(&memory->lock);
    bool (*wake)(struct memory *woken) = memory->pager.wake;
    spinlock_exit(&memory->lock);
    if (wake != NULL)
        (void)wake(memory);
}

void memory_unasked(struct memory *memory, uint64_t offset)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    struct page *page = page_tree_find(&memory->pages, offset >> PAGE_SHIFT);
    if (page != NULL && page_kind(page) == PAGE_FILLING)
        page_set_kind(page, PAGE_ABSENT);
    spinlock_unlock(&memory->lock, irq);
    memory_wake(memory);
}

/* Pages on their way from one object to the other. */
struct supply {
    struct memory *from, *to;
    uint64_t from_first, to_first, count; /* pages */
    uint64_t charged;                     /* bytes, to the target's job, for pages not there yet */
    phys_t frames[SUPPLY_BATCH];          /* 0: a zero page */
};

/* Makes the target's entries, so that nothing fails once frames are on their way. */
static error_t supply_ready(struct supply *supply)
{
    struct memory *to = supply->to;
    error_t error = OK;
    irq_state_t irq = spinlock_lock(&to->lock);
    if (supply->to_first + supply->count > to->page_count)
        error = ERR_bad_argument;
    for (uint64_t i = 0; i < supply->count && error == OK; i++) {
        struct page *page;
        error = page_tree_make(&to->pages, to->object.job, supply->to_first + i, &page);
    }
    spinlock_unlock(&to->lock, irq);
    if (error == OK)
        error = job_charge(to->object.job, supply->count << PAGE_SHIFT);
    if (error == OK)
        supply->charged = supply->count << PAGE_SHIFT;
    return error;
}

static error_t supply_page_locked(struct memory *from, uint64_t index, struct page_request *request)
{
    struct page *page = page_tree_find(&from->pages, index);
    if (index >= from->page_count)
        return ERR_bad_argument;
    if (memory_page_kind_locked(from, page) == PAGE_ZERO)
        return OK;
    error_t error = memory_page_locked(from, index, false, request, &page);
    if (error != OK)
        return error;
    if (page_pins(page) > 0)
        return ERR_busy;
    page->word |= PAGE_BUSY;
    memory_hide_locked(from, index);
    return OK;
}

/* Out of the source: busy and hidden first, then, when no CPU knows them, taken. */
static error_t supply_take(struct supply *supply, struct page_request *request)
{
    struct memory *from = supply->from;
    error_t error = OK;
    uint64_t taken = 0;
    uint32_t busy = 0; /* bit by page: ours */
    irq_state_t irq = spinlock_lock(&from->lock);
    while (taken < supply->count && error == OK) {
        error = supply_page_locked(from, supply->from_first + taken, request);
        const struct page *page = page_tree_find(&from->pages, supply->from_first + taken);
        if (error == OK && page != NULL && page_kind(page) == PAGE_PRESENT)
            busy |= 1u << taken;
        taken += error == OK;
    }
    spinlock_unlock(&from->lock, irq);
    irq = memory_lock_settled(from);
    for (uint64_t i = 0; i < taken; i++) {
        supply->frames[i] = PHYS(0);
        if ((busy >> i & 1) == 0)
            continue;
        struct page *page = page_tree_find(&from->pages, supply->from_first + i);
        supply->frames[i] = page_frame(page);
        page_set_kind(page, from->empty_absent ? PAGE_ZERO : PAGE_EMPTY);
        memory_wrote_locked(from, page);
        from->resident--;
        job_uncharge(from->object.job, PAGE_SIZE);
    }
    spinlock_unlock(&from->lock, irq);
    supply->count = taken;
    return taken > 0 ? OK : error;
}

/* Into the target; a page that is there already stays. */
static void supply_put_locked(struct supply *supply, uint64_t i)
{
    struct memory *to = supply->to;
    uint64_t index = supply->to_first + i;
    struct page *page = page_tree_find(&to->pages, index);
    bool wanted = page != NULL && index < to->page_count && page_kind(page) != PAGE_PRESENT;
    if (supply->frames[i].pa == 0) {
        if (wanted)
            page_set_kind(page, to->empty_absent ? PAGE_ZERO : PAGE_EMPTY);
    } else if (wanted) {
        page_set_present(page, supply->frames[i]);
        to->resident++;
        supply->charged -= PAGE_SIZE;
    } else {
        frame_drop(supply->frames[i]);
    }
    if (wanted)
        memory_wrote_locked(to, page);
}

static error_t supply_piece(struct supply *supply, struct page_request *request)
{
    error_t error = supply_ready(supply);
    if (error == OK)
        error = supply_take(supply, request);
    if (error == OK) {
        irq_state_t irq = spinlock_lock(&supply->to->lock);
        for (uint64_t i = 0; i < supply->count; i++)
            supply_put_locked(supply, i);
        spinlock_unlock(&supply->to->lock, irq);
        memory_wake(supply->to);
    }
    job_uncharge(supply->to->object.job, supply->charged);
    return error;
}

error_t memory_supply(struct memory *to, uint64_t to_offset, struct memory *from,
                      uint64_t from_offset, uint64_t size, struct page_request *request,
                      uint64_t *done)
{
    error_t checked =
        from == to ? ERR_bad_argument : memory_pair_check(from, from_offset, to, to_offset, size);
    *done = 0;
    if (checked != OK || size == 0)
        return checked;
    for (;;) {
        struct supply supply = {.from = from,
                                .to = to,
                                .from_first = from_offset >> PAGE_SHIFT,
                                .to_first = to_offset >> PAGE_SHIFT,
                                .count = min_u64(size >> PAGE_SHIFT, SUPPLY_BATCH)};
        error_t error = supply_piece(&supply, request);
        if (error == ERR_would_block)
            error = memory_pause();
        else if (error == OK)
            *done = supply.count << PAGE_SHIFT;
        if (error != OK || *done != 0)
            return error;
    }
}
