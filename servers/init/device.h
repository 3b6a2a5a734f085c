/*
 * Devices that programs of the manifest drive: virtio functions on the PCI buses that the kernel
 * has told of (abi/root.h).
 *
 *     none --take--> at rest <--give, rest--> with its driver
 *
 * Init keeps the function for the same program, however often that is started. At rest the function
 * does no DMA and its registers cannot be reached. It is given with DMA (bus master) off: what the
 * driver before has left in the device would go on, so the new one resets it first and then turns
 * DMA on (virtio/given.h).
 *
 * A driver has its configuration page, for its interrupts are switched on there. With DMA it could
 * do worse.
 */
#ifndef INIT_DEVICE_H
#define INIT_DEVICE_H

#include "lib/error.h"
#include "pci/tree.h"
#include "rt/program.h"

#define DEVICE_IRQS 2 /* interrupts by message that each is given */

struct device {
    struct pci_tree *tree; /* NULL: none was taken */
    struct pci_function *function;
    slot_t device, config, irqs[DEVICE_IRQS];
};

/*
 * Finds what is on the buses of the machine, once. `lines`: what the kernel tells, in the root
 * program's message page before it is used. A bus that cannot be looked at is said and left out.
 */
void devices_find(const char *lines);

/* The type of virtio device (virtio/device.h) that a word of the manifest means; 0: none. */
uint32_t device_type(const char *word);

/* Takes the next one of a type that is nobody's yet. not_found: there is none. */
error_t device_take(struct device *device, uint32_t type);

/* Gives it to a program that is loaded: `device`, `config`, `irq0`, `irq1`. */
error_t device_give(struct device *device, struct rt_program *made);

/* Its driver has ended: it does nothing, and reaches nothing, until it is given again. */
void device_rest(struct device *device);

#endif
