/*
 * A PCI device as its driver has it: a capability for it whose ranges are its BARs (pci/tree.h,
 * describe), and its configuration page, which may be read-only.
 *
 * MSI-X (PCI Local Bus 3.0, 6.8.2): the table and the pending bits lie in a BAR, so the driver
 * programs the entries itself; switching it on is a matter of the configuration page. MSI (6.8.1),
 * for devices without MSI-X, lies in the configuration page alone.
 */
#ifndef PCI_DEVICE_H
#define PCI_DEVICE_H

#include "device/home.h"
#include "pci/config.h"

struct pci_device {
    struct device_home *home;
    slot_t device;
    pci_config_t config;
    struct device_range bars[PCI_BARS]; /* size 0: not mapped (yet) */
    struct pci_capabilities capabilities;
};

/* malformed: a list of capabilities that is none. */
error_t pci_device_open(struct pci_device *pci, struct device_home *home, slot_t device,
                        pci_config_t config);

/*
 * [offset, offset + size) of a BAR, mapped. malformed: there is no such BAR, or that is not in it;
 * errors of device_range_map.
 */
error_t pci_device_bar(struct pci_device *pci, uint32_t bar, uint64_t offset, uint64_t size,
                       volatile uint8_t **at);

/* Whether the device may do DMA and send interrupts by message; needs a writable configuration
 * page. */
void pci_device_master(struct pci_device *pci, bool on);

struct pci_messages {
    struct pci_device *pci;
    unsigned at;              /* of the capability */
    bool extended;            /* MSI-X */
    bool wide;                /* MSI: addresses of 64 bits */
    uint32_t count;           /* entries; MSI: 1 */
    volatile uint32_t *table; /* MSI-X: four words each */
    volatile uint32_t *pending;
};

/* not_found: the device has none; malformed: what it says of them cannot be. All are masked. */
error_t pci_messages_open(struct pci_messages *messages, struct pci_device *pci);

/* MSI-X before MSI; needs a writable configuration page. Wires (INTx) are off then. */
void pci_messages_enable(struct pci_messages *messages, bool on);

/*
 * Lets entry n write `data` to `address`, as irq_bind has them. bad_argument: there is no such
 * entry; unsupported: it cannot reach the address, or MSI cannot write so large a number.
 */
error_t pci_message_set(struct pci_messages *messages, uint32_t n, uint64_t address, uint64_t data);

/* MSI-X: the device holds back what it has to say through entry n (it is pending), or says it. */
void pci_message_mask(struct pci_messages *messages, uint32_t n, bool masked);
bool pci_message_pending(const struct pci_messages *messages, uint32_t n);

#endif
