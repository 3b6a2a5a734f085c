/*
 * Copy-on-write clones of ranges (memory.h).
 *
 * A piece has two halves, each under one object's lock. First the source's pages are looked at:
 * a present page gets a reference more, for the target, and its leaves are write-protected, so that
 * from then on whoever writes copies. When no CPU knows writable translations any more, the pages
 * are entered in the target. In between the references belong to the piece.
 */
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define CLONE_BATCH 16

struct clone_item {
    uint64_t index;      /* from the start of the piece */
    enum page_kind kind; /* zero, absent or present */
    phys_t frame;        /* present: with a reference */
};

struct clone {
    struct memory *from, *to;
    uint64_t from_first, to_first; /* pages */
    uint64_t count;                /* pages wanted; later: that are done */
    uint32_t flags;
    bool absent; /* pages without an item: absent, not zero */
    bool each;   /* all pages need an item, for the target takes empty ones otherwise */
    uint32_t items;
    struct clone_item item[CLONE_BATCH];
};

/* A page that a device may write now is copied now. */
static error_t clone_present_locked(struct clone *clone, uint64_t index, const struct page *page,
                                    phys_t *frame)
{
    if (page_busy(page))
        return ERR_would_block;
    if (page_pins(page) == 0) {
        *frame = page_frame(page);
        frame_share(*frame);
        memory_protect_locked(clone->from, index);
        return OK;
    }
    error_t error = frame_alloc(0, cpu_self()->node, 0, frame);
    if (error == OK)
        memcpy(phys_to_virt(*frame), phys_to_virt(page_frame(page)), PAGE_SIZE);
    return error;
}

static error_t clone_page_locked(struct clone *clone, uint64_t index, struct page_request *request)
{
    struct memory *from = clone->from;
    struct page *page = page_tree_find(&from->pages, index);
    struct clone_item *item = &clone->item[clone->items];
    item->index = index - clone->from_first;
    item->kind = memory_page_kind_locked(from, page);
    error_t error = OK;
    if (item->kind == PAGE_PRESENT)
        error = clone_present_locked(clone, index, page, &item->frame);
    else if (item->kind != PAGE_ZERO && (clone->flags & CLONE_ABSENT) == 0)
        error = memory_page_locked(from, index, false, request, &page);
    else if (item->kind == PAGE_FILLING)
        item->kind = PAGE_ABSENT;
    clone->items += error == OK;
    return error;
}

/* Gathers items until there are enough, and cuts `count` to what was looked at. */
static error_t clone_gather_locked(struct clone *clone, struct page_request *request)
{
    struct memory *from = clone->from;
    uint64_t next = clone->from_first, end = clone->from_first + clone->count;
    if (end > from->page_count)
        return ERR_bad_argument;
    clone->absent = from->empty_absent;
    clone->each = from->empty_absent != clone->to->empty_absent ||
                  (from->empty_absent && (clone->flags & CLONE_ABSENT) == 0);
    error_t error = OK;
    while (next < end && clone->items < CLONE_BATCH && error == OK) {
        if (!clone->each && page_tree_next(&from->pages, &next, end) == NULL)
            break;
        error = clone_page_locked(clone, next, request);
        next += error == OK;
    }
    clone->count = next - clone->from_first;
    return clone->count > 0 ? OK : error;
}

/*
 * Pages [*at, end) of the piece have nothing in the source: those of the target that have entries
 * become empty. *at becomes where that stopped: exists if at a present page.
 */
static error_t clone_gap_locked(const struct clone *clone, uint64_t *at, uint64_t end)
{
    struct memory *to = clone->to;
    enum page_kind kind = clone->absent == to->empty_absent ? PAGE_EMPTY
                          : clone->absent                   ? PAGE_ABSENT
                                                            : PAGE_ZERO;
    uint64_t index = clone->to_first + *at, stop = clone->to_first + end;
    struct page *page;
    error_t error = OK;
    while (error == OK && (page = page_tree_next(&to->pages, &index, stop)) != NULL) {
        if (page_kind(page) == PAGE_PRESENT) {
            error = ERR_exists;
            break;
        }
        page_set_kind(page, kind);
        memory_wrote_locked(to, page);
        index++;
    }
    *at = index - clone->to_first;
    return error;
}

static error_t clone_enter_locked(struct clone *clone, struct clone_item *item)
{
    struct memory *to = clone->to;
    struct page *page = NULL;
    error_t error =
        page_tree_make(&to->pages, to->object.job, clone->to_first + item->index, &page);
    if (error == OK && page_kind(page) == PAGE_PRESENT)
        error = ERR_exists;
    if (error == OK && item->kind == PAGE_PRESENT)
        error = job_charge(to->object.job, PAGE_SIZE);
    if (error != OK)
        return error;
    if (item->kind == PAGE_PRESENT) {
        page_set_present(page, item->frame);
        to->resident++;
        item->kind = PAGE_ZERO; /* the reference is the target's now */
    } else {
        bool absent = item->kind == PAGE_ABSENT;
        page_set_kind(page, absent == to->empty_absent ? PAGE_EMPTY : item->kind);
    }
    memory_wrote_locked(to, page);
    return OK;
}

/* Gaps and items in turn; `count` becomes how far it came. */
static error_t clone_enter_all_locked(struct clone *clone)
{
    uint64_t at = 0, end = clone->count;
    error_t error = clone->to_first + end > clone->to->page_count ? ERR_bad_argument : OK;
    for (uint32_t i = 0; i < clone->items && error == OK; i++) {
        struct clone_item *item = &clone->item[i];
        error = clone_gap_locked(clone, &at, item->index);
        if (error != OK || at < item->index)
            break;
        error = clone_enter_locked(clone, item);
        at += error == OK;
    }
    bool entered = clone->items == 0 || at > clone->item[clone->items - 1].index;
    if (error == OK && entered)
        error = clone_gap_locked(clone, &at, end);
    clone->count = at;
    return error;
}

/* References that did not get into the target. */
static void clone_drop_rest(const struct clone *clone)
{
    for (uint32_t i = 0; i < clone->items; i++)
        if (clone->item[i].kind == PAGE_PRESENT)
            frame_drop(clone->item[i].frame);
}

static error_t clone_piece(struct clone *clone, struct page_request *request)
{
    spinlock_enter(&clone->from->lock);
    error_t error = clone_gather_locked(clone, request);
    spinlock_exit(&clone->from->lock);
    if (error != OK)
        return error;
    irq_state_t irq = memory_lock_settled(clone->from);
    spinlock_unlock(&clone->from->lock, irq);
    spinlock_enter(&clone->to->lock);
    error = clone_enter_all_locked(clone);
    spinlock_exit(&clone->to->lock);
    clone_drop_rest(clone);
    memory_wake(clone->to);
    return clone->count > 0 ? OK : error;
}

error_t memory_pair_check(const struct memory *from, uint64_t from_offset, const struct memory *to,
                          uint64_t to_offset, uint64_t size)
{
    if (!is_aligned(from_offset | to_offset | size, PAGE_SIZE) || size > MEMORY_SIZE_MAX ||
        from_offset > MEMORY_SIZE_MAX - size || to_offset > MEMORY_SIZE_MAX - size)
        return ERR_bad_argument;
    return from->physical || to->physical ? ERR_unsupported : OK;
}

error_t memory_clone(struct memory *from, uint64_t from_offset, struct memory *to,
                     uint64_t to_offset, uint64_t size, uint32_t flags,
                     struct page_request *request, uint64_t *done)
{
    error_t checked = (flags & ~(uint32_t)CLONE_ABSENT) != 0
                          ? ERR_bad_argument
                          : memory_pair_check(from, from_offset, to, to_offset, size);
    *done = 0;
    if (checked != OK || size == 0)
        return checked;
    for (;;) {
        struct clone clone; /* its items are written as they come */
        clone.from = from;
        clone.to = to;
        clone.from_first = from_offset >> PAGE_SHIFT;
        clone.to_first = to_offset >> PAGE_SHIFT;
        clone.count = size >> PAGE_SHIFT;
        clone.flags = flags;
        clone.items = 0;
        error_t error = clone_piece(&clone, request);
        if (error == ERR_would_block)
            error = memory_pause();
        else if (error == OK)
            *done = clone.count << PAGE_SHIFT;
        if (error != OK || *done != 0)
            return error;
    }
}
