/* What tests of PCI devices share: the machine's bus tree, and functions of it as devices. */
#ifndef BUS_H
#define BUS_H

#include "hardware.h"
#include "pci/device.h"
#include "pci/tree.h"
#include <guest_arch.h>

#define BUS_COUNT  8
#define BUS_BYTES  (BUS_COUNT * 256 * PAGE) /* of the window: a function has a page */
#define BUS_WINDOW (UINT64_C(2) << 32 | 1)  /* its identity as a device */
#define BUS_FIRST  1u                       /* in identities of functions */

static struct pci_tree bus_tree;

/* Finds all functions, and gives addresses to those that have none. */
static inline bool bus_open(void)
{
    const struct abi_device_range range[2] = {{.base = GUEST_ECAM, .size = BUS_BYTES}};
    slot_t window = {0};
    if (device_create(BUS_WINDOW, range, &window) != OK)
        return false;
    volatile uint8_t *config = (volatile uint8_t *)registers_map(window, 0);
    drop(window);
    return config != NULL && pci_tree_scan(&bus_tree, config, 0, BUS_COUNT - 1) == OK &&
           pci_tree_assign(&bus_tree, GUEST_BAR, GUEST_BAR_BYTES) == OK;
}

/* The n-th function with these ids, from 0. */
static inline struct pci_function *bus_find(uint16_t vendor, uint16_t device, unsigned n)
{
    for (uint32_t i = 0; i < bus_tree.count; i++) {
        struct pci_function *found = &bus_tree.functions[i];
        if (found->vendor == vendor && found->device == device && n-- == 0)
            return found;
    }
    return NULL;
}

static inline uint64_t bus_identity(const struct pci_function *function)
{
    return (uint64_t)BUS_FIRST << 32 | function->number;
}

/* The function as its driver is to have it. */
static inline bool bus_take(struct pci_function *function, struct pci_device *pci)
{
    slot_t device = {0};
    if (pci_function_describe(function, BUS_FIRST, sys_page) != OK ||
        create(OBJECT_device, NO_SLOT, 0, &device) != OK)
        return false;
    pci_function_enable(&bus_tree, function);
    return pci_device_open(pci, test_home(), device, function->config) == OK;
}

#endif
