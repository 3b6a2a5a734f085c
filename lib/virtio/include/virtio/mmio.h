/*
 * Virtio over registers in memory, version 2 (virtio 1.1, section 4.2), with one interrupt wire.
 *
 * Several devices may lie in one page (virt has eight there): who has the page of one, has the
 * registers of its neighbours.
 */
#ifndef VIRTIO_MMIO_H
#define VIRTIO_MMIO_H

#include "virtio/device.h"

#define VIRTIO_MMIO_BYTES 0x200 /* of registers and configuration */

/* The type of device there; 0: none, or one of version 1. */
uint32_t virtio_mmio_type(volatile uint8_t *registers);

/*
 * Opens it and binds its interrupt to the port. `device` is for its DMA. unsupported: there is no
 * device of version 2; errors of irq_bind.
 */
error_t virtio_mmio_open(struct virtio *virtio, struct device_home *home, slot_t device,
                         volatile uint8_t *registers, slot_t port,
                         const struct virtio_interrupt *wire);

#endif
