/*
 * What a device is, for object_create of kind device. (Devices cannot be exported: object_info
 * tells nothing of them.)
 *
 * Ranges are physical, whole pages, and neither RAM nor registers of the kernel's own devices.
 */
#ifndef ABI_DEVICE_H
#define ABI_DEVICE_H

#include <stdint.h>

#define DEVICE_RANGES 6
#define DMA_PAGES_MAX 32 /* of one dma_map */

enum device_range_flags {
    DEVICE_COMBINE = 1, /* writes may be gathered: framebuffers; else strictly ordered */
};

struct abi_device_range {
    uint64_t base, size; /* bytes; size 0: none */
    uint64_t flags;      /* enum device_range_flags */
};

struct abi_device {
    uint64_t identity; /* of its bus, and below bit 32 of it there (PCI: its requester id), as
                          interrupt controllers know it; not 0; one device each */
    uint64_t dma_end;  /* it reaches memory below; 0: none */
    struct abi_device_range ranges[DEVICE_RANGES];
};

#endif
