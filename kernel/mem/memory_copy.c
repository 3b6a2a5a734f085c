/* Reading and writing a memory object by offset from the kernel (memory.h). */
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "mem/page.h"
#include "mem/phys.h"

/* A part of one page. */
struct part {
    uint64_t index;
    uint64_t start, size; /* within the page */
    char *buffer;
};

/* Zero pages are read without making them present. */
static error_t read_locked(struct memory *memory, const struct part *part,
                           struct page_request *request)
{
    struct page *page = page_tree_find(&memory->pages, part->index);
    if (part->index >= memory->page_count)
        return ERR_bad_address;
    if (memory_page_kind_locked(memory, page) == PAGE_ZERO) {
        memset(part->buffer, 0, part->size);
        return OK;
    }
    error_t error = memory_page_locked(memory, part->index, false, request, &page);
    if (error == OK)
        memcpy(part->buffer, (char *)phys_to_virt(page_frame(page)) + part->start, part->size);
    return error;
}

static error_t write_locked(struct memory *memory, const struct part *part,
                            struct page_request *request)
{
    struct page *page = NULL;
    error_t error = memory_page_locked(memory, part->index, true, request, &page);
    if (error != OK)
        return error;
    memcpy((char *)phys_to_virt(page_frame(page)) + part->start, part->buffer, part->size);
    memory_wrote_locked(memory, page);
    return OK;
}

static error_t copy_part(struct memory *memory, const struct part *part, bool write,
                         struct page_request *request)
{
    for (;;) {
        irq_state_t irq = spinlock_lock(&memory->lock);
        error_t error =
            write ? write_locked(memory, part, request) : read_locked(memory, part, request);
        spinlock_unlock(&memory->lock, irq);
        if (error != ERR_would_block)
            return error;
        error = memory_unshare(memory, part->index);
        if (error != OK)
            return error;
    }
}

static error_t copy(struct memory *memory, uint64_t offset, char *buffer, uint64_t size, bool write,
                    struct page_request *request, uint64_t *done)
{
    *done = 0;
    if (offset > MEMORY_SIZE_MAX || size > MEMORY_SIZE_MAX - offset)
        return ERR_bad_argument;
    if (memory->physical)
        return ERR_unsupported;
    while (*done < size) {
        uint64_t at = offset + *done, start = at & (PAGE_SIZE - 1);
        struct part part = {.index = at >> PAGE_SHIFT,
                            .start = start,
                            .size = min_u64(size - *done, PAGE_SIZE - start),
                            .buffer = buffer + *done};
        error_t error = copy_part(memory, &part, write, request);
        if (error != OK)
            return error;
        *done += part.size;
    }
    return OK;
}

error_t memory_read(struct memory *memory, uint64_t offset, void *to, uint64_t size,
                    struct page_request *request, uint64_t *done)
{
    return copy(memory, offset, to, size, false, request, done);
}

error_t memory_write(struct memory *memory, uint64_t offset, const void *from, uint64_t size,
                     struct page_request *request, uint64_t *done)
{
    return copy(memory, offset, (char *)(uintptr_t)from, size, true, request, done);
}
