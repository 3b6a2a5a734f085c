/*
 * What every driver does with a capability for a device: maps its registers, and makes memory that
 * it can reach (abi/device.h, kernel/obj/device.h).
 *
 * The `home` says where that goes: which process and job, and between which addresses. Addresses
 * are given out in order and not used again: a driver maps once, at its beginning.
 */
#ifndef DEVICE_HOME_H
#define DEVICE_HOME_H

#include "lib/error.h"
#include <abi.h>
#include <device.h>

struct device_home {
    slot_t process, job;
    void *page;         /* the calling thread's message page */
    uint64_t next, end; /* addresses; nothing else is between them */
};

/* A range of registers, mapped whole. */
struct device_range {
    volatile uint8_t *at;
    uint64_t size; /* bytes, as the kernel has it */
};

/*
 * Maps memory that shows registers: a capability with read, map, and write if `writable`. full: no
 * addresses are left; errors of the calls.
 */
error_t device_map(struct device_home *home, slot_t memory, bool writable,
                   struct device_range *range);

/* The device's range of that number, writable. bad_argument: it has none. */
error_t device_range_map(struct device_home *home, slot_t device, uint64_t number,
                         struct device_range *range);

/* Memory that the driver and its device see: contiguous here, page by page there. */
struct dma_memory {
    slot_t device, memory;
    uint8_t *bytes; /* zero at first */
    uint64_t pages;
    uint64_t address[DMA_PAGES_MAX]; /* of each page, for the device */
};

/* 1 to DMA_PAGES_MAX pages. Errors of the calls, and full: then `pages` is 0. */
error_t dma_memory_make(struct device_home *home, slot_t device, uint64_t pages,
                        struct dma_memory *dma);

/* The device is done with it. */
void dma_memory_free(struct device_home *home, struct dma_memory *dma);

/* Where the device sees the byte at an offset; what begins there goes to the end of its page. */
static inline uint64_t dma_address(const struct dma_memory *dma, uint64_t offset)
{
    return dma->address[offset / MESSAGE_PAGE] + offset % MESSAGE_PAGE;
}

#endif
