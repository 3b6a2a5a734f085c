/* One page of a memory object: made present, made the object's own, pinned (memory.h). */
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/cpu.h"

/* A zero page becomes present. */
static error_t page_fill_locked(struct memory *memory, struct page *page)
{
    error_t error = job_charge(memory->object.job, PAGE_SIZE);
    if (error != OK)
        return error;
    phys_t frame;
    error = frame_alloc(0, cpu_self()->node, 0, &frame); /* its shortest way; zeroed here */
    if (error != OK) {
        job_uncharge(memory->object.job, PAGE_SIZE);
        return error;
    }
    arch_page_zero(phys_to_virt(frame));
    page_set_present(page, frame);
    memory->resident++;
    return OK;
}

/* An absent page becomes filling; the first to ask is told to send the request. */
static error_t page_ask_locked(struct memory *memory, uint64_t index, bool write, bool filling,
                               struct page_request *request)
{
    struct page *page = NULL;
    if (memory->pager.port == NULL)
        return ERR_bad_address;
    if (request == NULL)
        return ERR_needs_pager;
    error_t error = page_tree_make(&memory->pages, memory->object.job, index, &page);
    if (error != OK)
        return error;
    page->word = PAGE_FILLING | (uint64_t)memory->reign << PAGE_SHIFT;
    *request = (struct page_request){
        .memory = memory, .offset = index << PAGE_SHIFT, .write = write, .ask = !filling};
    return ERR_needs_pager;
}

/* Not present: zero-fills it, or wants it from the pager. */
__attribute__((noinline)) static error_t page_get_locked(struct memory *memory, uint64_t index,
                                                         bool write, struct page_request *request,
                                                         struct page **result)
{
    if (index >= memory->page_count)
        return ERR_bad_address;
    enum page_kind kind = memory_page_kind_locked(memory, *result);
    if (kind != PAGE_ZERO)
        return page_ask_locked(memory, index, write, kind == PAGE_FILLING, request);
    error_t error = OK;
    if (*result == NULL)
        error = page_tree_make(&memory->pages, memory->object.job, index, result);
    return error == OK ? page_fill_locked(memory, *result) : error;
}

/* Gives the page a frame of its own with the same contents. Nobody has a translation of it. */
static error_t page_copy_locked(struct page *page)
{
    phys_t old = page_frame(page), frame;
    error_t error = frame_alloc(0, cpu_self()->node, 0, &frame);
    if (error != OK)
        return error;
    memcpy(phys_to_virt(frame), phys_to_virt(old), PAGE_SIZE);
    page->word = (page->word & ~PAGE_FRAME) | frame.pa;
    frame_drop(old);
    return OK;
}

/* The page is to be written, and its frame is another object's as well. */
__attribute__((noinline)) static error_t page_own_locked(struct memory *memory, uint64_t index,
                                                         struct page *page)
{
    return memory_hidden_locked(memory, index) ? page_copy_locked(page) : ERR_would_block;
}

static inline __attribute__((always_inline)) error_t page_found_locked(struct memory *memory,
                                                                       uint64_t index, bool write,
                                                                       struct page_request *request,
                                                                       struct page **result)
{
    struct page *page = *result;
    if (page == NULL || page_kind(page) != PAGE_PRESENT)
        return page_get_locked(memory, index, write, request, result);
    if (page_busy(page))
        return ERR_would_block;
    if (!write || !frame_shared(page_frame(page)))
        return OK;
    return page_own_locked(memory, index, page);
}

__attribute__((noinline)) static error_t page_walk_locked(struct memory *memory, uint64_t index,
                                                          bool write, struct page_request *request,
                                                          struct page **result)
{
    *result = page_tree_walk(&memory->pages, index);
    return page_found_locked(memory, index, write, request, result);
}

/* Hot: all calls are its last, so that it saves no registers. */
error_t memory_page_locked(struct memory *memory, uint64_t index, bool write,
                           struct page_request *request, struct page **result)
{
    debug_assert(spinlock_held(&memory->lock) && !memory->physical);
    *result = page_tree_known(&memory->pages, index);
    return *result != NULL ? page_found_locked(memory, index, write, request, result)
                           : page_walk_locked(memory, index, write, request, result);
}

/* True if it is up to the caller to give page `index` a frame of its own: it is busy now. */
static bool unshare_begin_locked(struct memory *memory, uint64_t index)
{
    struct page *page = page_tree_find(&memory->pages, index);
    if (page == NULL || page_kind(page) != PAGE_PRESENT || page_busy(page) ||
        !frame_shared(page_frame(page)))
        return false;
    page->word |= PAGE_BUSY;
    memory_hide_locked(memory, index);
    return true;
}

error_t memory_pause(void)
{
    arch_cpu_relax();
    cpu_serve();
    return OK;
}

error_t memory_unshare(struct memory *memory, uint64_t index)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    bool ours = unshare_begin_locked(memory, index);
    spinlock_unlock(&memory->lock, irq);
    irq = memory_lock_settled(memory);
    if (!ours) {
        spinlock_unlock(&memory->lock, irq);
        return memory_pause();
    }
    struct page *page = page_tree_find(&memory->pages, index);
    assert(page != NULL && page_busy(page));
    error_t error = frame_shared(page_frame(page)) ? page_copy_locked(page) : OK;
    page->word &= ~PAGE_BUSY;
    spinlock_unlock(&memory->lock, irq);
    return error;
}

error_t memory_page_get(struct memory *memory, uint64_t offset, bool write,
                        struct page_request *request, phys_t *frame)
{
    uint64_t index = offset >> PAGE_SHIFT;
    if (memory->physical)
        return ERR_unsupported;
    for (;;) {
        struct page *page = NULL;
        irq_state_t irq = spinlock_lock(&memory->lock);
        error_t error = memory_page_locked(memory, index, write, request, &page);
        if (error == OK)
            *frame = page_frame(page);
        spinlock_unlock(&memory->lock, irq);
        if (error == ERR_would_block)
            error = memory_unshare(memory, index);
        else
            return error;
        if (error != OK)
            return error;
    }
}

static error_t pin_try(struct memory *memory, uint64_t index, struct page_request *request,
                       phys_t *frame)
{
    struct page *page = NULL;
    spinlock_enter(&memory->lock);
    error_t error = memory_page_locked(memory, index, true, request, &page);
    if (error == OK && page_pins(page) == PAGE_PINS_MAX)
        error = ERR_full;
    if (error == OK) {
        page->word += PAGE_PIN;
        *frame = page_frame(page);
        memory_wrote_locked(memory, page);
    }
    spinlock_exit(&memory->lock);
    return error;
}

error_t memory_pin(struct memory *memory, uint64_t offset, struct page_request *request,
                   phys_t *frame)
{
    uint64_t index = offset >> PAGE_SHIFT;
    if (memory->physical) {
        *frame = PHYS(memory->base.pa + (index << PAGE_SHIFT));
        return index < memory->page_count ? OK : ERR_bad_address;
    }
    error_t error = pin_try(memory, index, request, frame);
    while (error == ERR_would_block) {
        error = memory_unshare(memory, index);
        if (error == OK)
            error = pin_try(memory, index, request, frame);
    }
    return error;
}

void memory_unpin(struct memory *memory, uint64_t offset)
{
    if (memory->physical)
        return;
    spinlock_enter(&memory->lock);
    struct page *page = page_tree_find(&memory->pages, offset >> PAGE_SHIFT);
    assert(page != NULL && page_kind(page) == PAGE_PRESENT && page_pins(page) > 0);
    memory_wrote_locked(memory, page);
    page->word -= PAGE_PIN;
    spinlock_exit(&memory->lock);
}
