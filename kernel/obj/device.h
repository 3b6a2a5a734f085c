/*
 * Devices: a bus identity, register ranges, and memory that is pinned for DMA.
 *
 * Without an IOMMU a device is given physical addresses, and nothing but its driver's good manners
 * keeps it within what was mapped (docs/limits.md). What is kept is the other direction: memory
 * that a device may still write to is not used for anything else. Each mapping (struct dma) holds
 * the memory object with its pages pinned, and the device itself; so they outlive the driver, in
 * *quarantine*, until somebody who may write to the device has reset it and says so. A device
 * without any capability, kept by its mappings, is given again to who creates one with its
 * identity.
 *
 * Locks: the object's lock (rank object) for the list of mappings; `devices_lock` (rank device)
 * for the list of devices. Not both.
 */
#pragma once

#include "obj/object.h"
#include <device.h>

struct memory;
struct page_request;

#define DMA_MAPS_MAX 1024 /* of a device: bounds the search for one */

struct device {
    struct object object;
    struct abi_device description; /* constant while a capability is there */
    struct list dma;               /* of struct dma; the object's lock */
    uint32_t dma_count;            /* its length, at most DMA_MAPS_MAX; the object's lock */
    phys_t messages;               /* the interrupt controller's; 0: none; the object's lock */
    struct list all;               /* of all devices; devices_lock */
};

/*
 * bad_argument for a description that makes no sense; denied for ranges that hold RAM or belong to
 * the kernel; exists if somebody has a capability of such a device.
 */
error_t device_create(struct job *job, const struct abi_device *description,
                      struct device **result);

/* Memory that shows a range. bad_argument if there is none with the number. */
error_t device_registers(const struct device *device, struct job *job, uint64_t range,
                         struct memory **result);

/*
 * Pins [offset, offset + size) of `memory`, whole pages and DMA_PAGES_MAX at most, and stores each
 * one's physical address. bad_argument; denied if the device cannot reach it; unsupported for what
 * is no RAM; full with too many mappings; errors of memory_pin. The record of it is charged to
 * `job`.
 */
error_t device_dma_map(struct device *device, struct job *job, struct memory *memory,
                       uint64_t offset, uint64_t size, uint64_t *addresses);

/* Takes exactly that mapping back. not_found. */
error_t device_dma_unmap(struct device *device, struct memory *memory, uint64_t offset,
                         uint64_t size);

/* The id by which its bus tells its messages and accesses apart. */
static inline uint32_t device_bus_id(const struct device *device)
{
    return (uint32_t)device->description.identity;
}

/*
 * Lets an interrupt controller that tells devices apart (arch_irq_devices) know it, until it
 * retires. no_memory; exists: another device has that id; unsupported: none can have.
 */
error_t device_messages(struct device *device);

/* The device was reset and does no more DMA: takes back one mapping; false if there is none. */
bool device_reset_step(struct device *device);
