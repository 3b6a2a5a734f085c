/*
 * Configuration space of one PCI function, as a page of memory (PCI Express Base 4.0, 7.2.2 ECAM):
 * its registers, and its list of capabilities.
 *
 * Who only reads it may have it mapped so. What stands there is the device's word: everything that
 * is followed or used as a number is checked.
 */
#ifndef PCI_CONFIG_H
#define PCI_CONFIG_H

#include "lib/error.h"
#include "lib/types.h"

#define PCI_CONFIG_BYTES 4096 /* of a function in the window */
#define PCI_BARS         6

typedef volatile uint8_t *pci_config_t;

/* Registers (PCI Local Bus 3.0, 6.1; bridges: PCI-to-PCI Bridge Architecture 1.2, 3.2). */
enum pci_register {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_CLASS = 0x08, /* revision, then three bytes of class */
    PCI_HEADER = 0x0e,
    PCI_BAR = 0x10,
    PCI_PRIMARY = 0x18, /* bridges: buses primary, secondary, subordinate, a byte each */
    PCI_SECONDARY = 0x19,
    PCI_SUBORDINATE = 0x1a,
    PCI_WINDOW = 0x20,          /* bridges: base and limit of memory */
    PCI_WINDOW_PREFETCH = 0x24, /* the same, prefetchable; above 4 GiB: the two words behind */
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_CAPABILITIES = 0x34,
};

enum pci_command { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4 };
enum { PCI_STATUS_CAPABILITIES = 0x10 };
enum { PCI_HEADER_BRIDGE = 1, PCI_HEADER_KIND = 0x7f, PCI_HEADER_SEVERAL = 0x80 };

/* Ids of capabilities. */
enum { PCI_CAP_MSI = 0x05, PCI_CAP_VENDOR = 0x09, PCI_CAP_EXPRESS = 0x10, PCI_CAP_MSIX = 0x11 };

static inline uint8_t pci_read8(pci_config_t config, unsigned at)
{
    return config[at];
}
static inline uint16_t pci_read16(pci_config_t config, unsigned at)
{
    return *(volatile uint16_t *)(config + at);
}
static inline uint32_t pci_read32(pci_config_t config, unsigned at)
{
    return *(volatile uint32_t *)(config + at);
}
static inline void pci_write8(pci_config_t config, unsigned at, uint8_t value)
{
    config[at] = value;
}
static inline void pci_write16(pci_config_t config, unsigned at, uint16_t value)
{
    *(volatile uint16_t *)(config + at) = value;
}
static inline void pci_write32(pci_config_t config, unsigned at, uint32_t value)
{
    *(volatile uint32_t *)(config + at) = value;
}

/* The list as it stood once: where each is, and its id. */
#define PCI_CAPABILITIES_MAX 48 /* of 4 bytes behind the 64 of the header */
struct pci_capabilities {
    uint32_t count;
    struct {
        uint8_t at, id;
    } entry[PCI_CAPABILITIES_MAX];
};

/* malformed: the list does not end, or leads out of its place; what came before that is there. */
error_t pci_capabilities_read(pci_config_t config, struct pci_capabilities *list);

/* Where the first one with an id is, from the entry `*from` on, which goes behind it; 0: none. */
unsigned pci_capability_next(const struct pci_capabilities *list, uint8_t id, uint32_t *from);

#endif
