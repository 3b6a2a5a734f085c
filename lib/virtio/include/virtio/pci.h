/*
 * Virtio over PCI (virtio 1.1, section 4.1): structures in BARs, found by vendor capabilities, and
 * interrupts by MSI-X.
 */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "pci/device.h"
#include "virtio/device.h"

/* The type of device that a function's ids stand for, modern or transitional; 0: it is none. */
uint32_t virtio_pci_type(uint16_t vendor, uint16_t device, uint16_t subsystem);

/*
 * Opens it, with MSI-X entry n for the n-th interrupt (1 to VIRTIO_INTERRUPTS_MAX): entry 0 is for
 * changes of the configuration, the others are for the queues in turn; with one, all is on that.
 * Each is bound to the port. MSI-X is switched on in the configuration page, which has to be
 * writable. unsupported: not a modern device, or no MSI-X; malformed: what it says of itself cannot
 * be; errors of calls.
 */
error_t virtio_pci_open(struct virtio *virtio, struct pci_device *pci,
                        struct pci_messages *messages, slot_t port,
                        const struct virtio_interrupt *interrupts, uint32_t count);

#endif
