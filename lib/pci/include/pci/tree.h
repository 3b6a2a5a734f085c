/*
 * The functions on the PCI buses behind one configuration window, and their addresses: for who
 * holds the window, and gives each driver its device.
 *
 *     scan: finds functions, follows bridges, numbers buses that no firmware numbered
 *     assign: sizes the base address registers (BARs), keeps what firmware gave and is sound, gives
 *             addresses out of a window to the rest, opens the bridges' windows
 *     describe: what the kernel is to be told of a function; range n of the device is BAR n
 *
 * All of it switches devices off for moments: before drivers run. BARs of I/O ports are left as
 * they are: every device that has drivers here has memory. One window below 4 GiB serves all.
 */
#ifndef PCI_TREE_H
#define PCI_TREE_H

#include "pci/config.h"
#include <device.h>

#define PCI_FUNCTIONS_MAX 128
#define PCI_DEPTH_MAX     16   /* bridges behind bridges */
#define PCI_ROOT          0xff /* as a parent: none */

/* Every BAR is alone in its pages, so that nobody sees another's registers. */
struct pci_bar {
    uint64_t base; /* 0: it has no address */
    uint64_t size; /* 0: there is none; a power of two */
    bool io, wide; /* wide: 64 bits, takes the next one's register too */
};

struct pci_window {
    uint64_t base, end; /* end 0: none */
};

struct pci_function {
    pci_config_t config;
    uint16_t number; /* bus << 8 | device << 3 | function: also its requester id */
    uint8_t parent;  /* index of the bridge that leads to it, or PCI_ROOT */
    uint8_t header;  /* its kind */
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class; /* 24 bits: class, subclass, interface */
    struct pci_bar bars[PCI_BARS];
    /* Bridges: */
    uint8_t secondary, subordinate; /* first and last bus behind; secondary 0: none */
    struct pci_window windows[2];   /* memory, prefetchable memory */
};

struct pci_tree {
    volatile uint8_t *config; /* the window, from bus `first` on */
    uint8_t first, last;      /* buses in it */
    uint32_t count;
    struct pci_function functions[PCI_FUNCTIONS_MAX];
};

/* `config` shows the buses from first to last. full: there are more functions, buses or levels than
 * there is room for; those that fit are there. */
error_t pci_tree_scan(struct pci_tree *tree, volatile uint8_t *config, uint8_t first, uint8_t last);

/*
 * [base, base + size), whole pages below 4 GiB, is free for devices; size 0: nothing is.
 * bad_argument; full: some have no address (base 0).
 */
error_t pci_tree_assign(struct pci_tree *tree, uint64_t base, uint64_t size);

/* Memory and bus master on or off, for a function and the bridges to it (those stay on). Shown: the
 * function's memory is on, but it is no bus master (pci_device_master). */
void pci_function_show(struct pci_tree *tree, struct pci_function *function);
void pci_function_enable(struct pci_tree *tree, struct pci_function *function);
void pci_function_disable(struct pci_function *function);

/*
 * Ranges of whole pages, and `identity`: `bus` (not 0) above bit 32, below it the requester id.
 * full: a BAR of memory has no address.
 */
error_t pci_function_describe(const struct pci_function *function, uint32_t bus,
                              struct abi_device *device);

#endif
