/* Long calls over ranges of a memory object: filling, giving back, resizing (memory.h). */
#include "lib/assert.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define RANGE_BATCH  16   /* pages filled or given back by one call, and entries made */
#define RESIZE_PAGES 1024 /* looked through by one call */

enum { COMMIT_FORGET = COMMIT_ABSENT + 1 }; /* as if never touched: behind the end */

/* Pages that are busy by this CPU until they are given back. */
struct range_batch {
    uint64_t indices[RANGE_BATCH];
    uint32_t count;
    enum page_kind kind; /* what they become */
    bool woke;           /* absent pages became zero, or filling ones absent */
};

/* What a page becomes that is given back, so that it says what `mode` asks. */
static enum page_kind kind_after(const struct memory *memory, uint32_t mode)
{
    if (mode == COMMIT_FORGET)
        return PAGE_EMPTY;
    bool absent = mode == COMMIT_ABSENT;
    if (absent == memory->empty_absent)
        return PAGE_EMPTY;
    return absent ? PAGE_ABSENT : PAGE_ZERO;
}

static void page_given_back(const struct memory *memory, struct page *page,
                            const struct range_batch *batch)
{
    page_set_kind(page, batch->kind);
    memory_wrote_locked(memory, page);
}

/* One entry: present pages go into the batch, others are done at once. would_block: another CPU
 * is changing it. */
static error_t range_page_locked(struct memory *memory, uint64_t index, struct page *page,
                                 struct range_batch *batch)
{
    if (page_kind(page) != PAGE_PRESENT) {
        batch->woke |= page_kind(page) == PAGE_FILLING || page_kind(page) == PAGE_ABSENT;
        page_given_back(memory, page, batch);
        return OK;
    }
    if (page_busy(page))
        return ERR_would_block;
    if (page_pins(page) > 0)
        return ERR_busy;
    page->word |= PAGE_BUSY;
    memory_hide_locked(memory, index);
    batch->indices[batch->count++] = index;
    return OK;
}

/* Pages of [*next, end) up to a batch; *next becomes the first that was not looked at. */
static error_t range_take_locked(struct memory *memory, uint64_t *next, uint64_t end,
                                 struct range_batch *batch)
{
    bool each = batch->kind != PAGE_EMPTY; /* pages without an entry need one */
    error_t error = OK;
    if (each)
        end = min_u64(end, *next + RANGE_BATCH);
    while (*next < end && batch->count < RANGE_BATCH && error == OK) {
        struct page *page = NULL;
        if (each)
            error = page_tree_make(&memory->pages, memory->object.job, *next, &page);
        else
            page = page_tree_next(&memory->pages, next, end);
        if (error == OK && page == NULL)
            break;
        if (error == OK)
            error = range_page_locked(memory, *next, page, batch);
        *next += error == OK;
    }
    return error;
}

/* Nobody knows translations of the batch any more. */
static void range_drop_locked(struct memory *memory, const struct range_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct page *page = page_tree_find(&memory->pages, batch->indices[i]);
        assert(page != NULL && page_busy(page));
        frame_drop(page_frame(page));
        page_given_back(memory, page, batch);
    }
    memory->resident -= batch->count;
    job_uncharge(memory->object.job, batch->count * PAGE_SIZE);
}

/* A whole object that was never touched changes in one step. */
static bool range_is_blank_locked(const struct memory *memory, uint64_t first, uint64_t end)
{
    return memory->pages.root == NULL && first == 0 && end == memory->page_count;
}

/* Gives a batch of [first, end) back; stores where it stopped. */
static error_t range_give_back(struct memory *memory, uint64_t first, uint64_t end, uint32_t mode,
                               uint64_t *next)
{
    struct range_batch batch = {.count = 0};
    *next = first;
    irq_state_t irq = spinlock_lock(&memory->lock);
    memory_reserve_drop_locked(memory);
    if (mode != COMMIT_FORGET && range_is_blank_locked(memory, first, end))
        memory->empty_absent = mode == COMMIT_ABSENT;
    batch.kind = kind_after(memory, mode);
    error_t error =
        end > memory->page_count ? ERR_bad_argument : range_take_locked(memory, next, end, &batch);
    spinlock_unlock(&memory->lock, irq);
    if (batch.count > 0) {
        irq = memory_lock_settled(memory);
        range_drop_locked(memory, &batch);
        spinlock_unlock(&memory->lock, irq);
    }
    if (batch.woke)
        memory_wake(memory);
    return *next > first ? OK : error;
}

static error_t range_fill(struct memory *memory, uint64_t first, uint64_t end,
                          struct page_request *request, uint64_t *next)
{
    error_t error = OK;
    *next = first + memory_large_fill(memory, first, end);
    if (*next > first)
        return OK;
    end = min_u64(end, min_u64(first + RANGE_BATCH, align_up(first + 1, LARGE_PAGES)));
    for (; *next < end && error == OK; *next += error == OK) {
        phys_t frame;
        error = memory_page_get(memory, *next << PAGE_SHIFT, false, request, &frame);
    }
    return *next > first ? OK : error;
}

error_t memory_commit(struct memory *memory, uint64_t offset, uint64_t size, enum commit_mode mode,
                      struct page_request *request, uint64_t *done)
{
    *done = 0;
    if (!is_aligned(offset | size, PAGE_SIZE) || offset > MEMORY_SIZE_MAX ||
        size > MEMORY_SIZE_MAX - offset || mode > COMMIT_ABSENT)
        return ERR_bad_argument;
    if (memory->physical)
        return ERR_unsupported;
    uint64_t first = offset >> PAGE_SHIFT, end = first + (size >> PAGE_SHIFT), next = first;
    error_t error = OK;
    while (next == first && first < end && error == OK) {
        error = mode == COMMIT_FILL ? range_fill(memory, first, end, request, &next)
                                    : range_give_back(memory, first, end, mode, &next);
        if (error == ERR_would_block)
            error = memory_pause();
    }
    *done = (next - first) << PAGE_SHIFT;
    return error;
}

/* True if pages from `first` on have nothing left, at most RESIZE_PAGES: they are as new then. */
static bool forget_locked(struct memory *memory, uint64_t first)
{
    uint64_t index = first;
    struct page *page;
    while (index < memory->page_count) {
        page = page_tree_next(&memory->pages, &index, memory->page_count);
        if (page != NULL && page_kind(page) != PAGE_EMPTY)
            return false;
        index += page != NULL;
    }
    for (index = first; index < memory->page_count; index += page != NULL) {
        page = page_tree_next(&memory->pages, &index, memory->page_count);
        if (page != NULL)
            page->round = 0;
    }
    return true;
}

/* Sets the size if that is growing, or if nothing is left behind it. */
static bool resize_try(struct memory *memory, uint64_t pages)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    bool done = pages >= memory->page_count;
    memory_reserve_drop_locked(memory);
    if (!done && memory->page_count - pages <= RESIZE_PAGES)
        done = forget_locked(memory, pages);
    if (done)
        __atomic_store_n(&memory->page_count, pages, __ATOMIC_RELAXED);
    spinlock_unlock(&memory->lock, irq);
    return done;
}

/* Shrinking goes from the end, so that the size itself says how far it is. */
error_t memory_resize(struct memory *memory, uint64_t bytes, bool *done)
{
    *done = false;
    if (bytes == 0 || bytes > MEMORY_SIZE_MAX)
        return ERR_bad_argument;
    if (memory->physical)
        return ERR_unsupported;
    uint64_t pages = align_up(bytes, PAGE_SIZE) >> PAGE_SHIFT;
    *done = resize_try(memory, pages);
    if (*done)
        return OK;
    uint64_t end = memory_size(memory) >> PAGE_SHIFT, next;
    uint64_t first = end - pages > RESIZE_PAGES ? end - RESIZE_PAGES : pages;
    if (end <= pages)
        return OK; /* another CPU shrank it further meanwhile */
    error_t error = range_give_back(memory, first, end, COMMIT_FORGET, &next);
    if (error == OK && next < end) /* a page there may be pinned: that must be told */
        error = range_give_back(memory, next, end, COMMIT_FORGET, &next);
    if (error == ERR_would_block)
        error = memory_pause();
    if (error == OK)
        *done = resize_try(memory, first) && first == pages;
    return error;
}
