/* Registers and memory of devices (device/home.h). */
#include "device/home.h"
#include "lib/types.h"
#include "rt/state.h"
#include <space.h>

#define LARGE (2 * MIB) /* what begins so can be shown by few entries */

/* Free addresses, a page away from the last ones. */
static error_t place(struct device_home *home, uint64_t size, uint64_t *va)
{
    uint64_t at = align_up(home->next, size >= LARGE ? LARGE : PAGE_SIZE);
    if (at < home->next || at > home->end || size > home->end - at)
        return ERR_full;
    home->next = min_u64(at + size + PAGE_SIZE, home->end);
    *va = at;
    return OK;
}

static error_t map_at_next(struct device_home *home, slot_t memory, bool writable, uint64_t size,
                           uint64_t *va)
{
    uint64_t flags = SPACE_READ | (writable ? (uint64_t)SPACE_WRITE : 0) | SPACE_OMIT;
    error_t error = place(home, size, va);
    if (error != OK)
        return error;
    return tern_space_map(home->process, memory, 0, (uaddr_t){*va}, size, flags);
}

static void unmap(const struct device_home *home, uint64_t va, uint64_t size)
{
    error_t error = OK;
    for (uint64_t at = 0, done = 0; at < size && error == OK; at += done)
        error = tern_space_unmap(home->process, (uaddr_t){va + at}, size - at, &done);
}

error_t device_map(struct device_home *home, slot_t memory, bool writable,
                   struct device_range *range)
{
    struct state_memory_basic basic = {0};
    uint64_t va = 0;
    error_t error = RT_GET(home->page, memory, memory, basic, &basic);
    if (error == OK)
        error = map_at_next(home, memory, writable, basic.size, &va);
    if (error == OK)
        *range = (struct device_range){(volatile uint8_t *)(uintptr_t)va, basic.size};
    return error;
}

error_t device_range_map(struct device_home *home, slot_t device, uint64_t number,
                         struct device_range *range)
{
    slot_t memory = {0};
    error_t error = tern_object_create(home->job, OBJECT_memory, device, number, &memory);
    if (error != OK)
        return error;
    error = device_map(home, memory, true, range);
    (void)tern_cap_delete(memory); /* the mapping keeps it */
    return error;
}

error_t dma_memory_make(struct device_home *home, slot_t device, uint64_t pages,
                        struct dma_memory *dma)
{
    uint64_t va = 0, size = pages * PAGE_SIZE;
    if (pages == 0 || pages > DMA_PAGES_MAX)
        return ERR_bad_argument;
    *dma = (struct dma_memory){.device = device, .pages = pages};
    error_t error = tern_object_create(home->job, OBJECT_memory, (slot_t){0}, size, &dma->memory);
    if (error != OK)
        return error;
    error = map_at_next(home, dma->memory, true, size, &va);
    if (error == OK) {
        error = tern_dma_map(device, dma->memory, 0, size);
        if (error == OK)
            memcpy(dma->address, home->page, pages * sizeof(dma->address[0]));
        else
            unmap(home, va, size);
    }
    dma->bytes = (uint8_t *)(uintptr_t)va;
    if (error != OK) {
        (void)tern_cap_delete(dma->memory);
        *dma = (struct dma_memory){0};
    }
    return error;
}

void dma_memory_free(struct device_home *home, struct dma_memory *dma)
{
    uint64_t size = dma->pages * PAGE_SIZE;
    (void)tern_dma_unmap(dma->device, dma->memory, 0, size);
    unmap(home, (uintptr_t)dma->bytes, size);
    (void)tern_cap_delete(dma->memory);
    *dma = (struct dma_memory){0};
}
