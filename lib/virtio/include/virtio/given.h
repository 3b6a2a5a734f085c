/*
 * A virtio device as init gives it to its driver (servers/init/device.h): capabilities `device`,
 * `config`, `irq0` and `irq1`. The device may be as a driver before this one has left it.
 */
#ifndef VIRTIO_GIVEN_H
#define VIRTIO_GIVEN_H

#include "virtio/pci.h"

#define VIRTIO_GIVEN_IRQS 2 /* changes of the configuration, then queues */

struct virtio_given {
    struct device_home home;
    struct pci_device pci;
    struct pci_messages messages;
    struct virtio virtio;
};

/*
 * Opens it with its interrupts as these bits of the port, resets it, and lets it do DMA. Registers
 * and memory are mapped into [from, to). not_found: the program was given none; errors of
 * virtio_pci_open and virtio_reset.
 */
error_t virtio_given_open(struct virtio_given *given, uint64_t from, uint64_t to, slot_t port,
                          const uint64_t bits[VIRTIO_GIVEN_IRQS]);

#endif
