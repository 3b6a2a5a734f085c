/* The list of capabilities of a PCI function (PCI Local Bus 3.0, 6.7; pci/config.h). */
#include "pci/config.h"

#define HEADER_BYTES 0x40

error_t pci_capabilities_read(pci_config_t config, struct pci_capabilities *list)
{
    list->count = 0;
    if ((pci_read16(config, PCI_STATUS) & PCI_STATUS_CAPABILITIES) == 0)
        return OK;
    unsigned at = pci_read8(config, PCI_CAPABILITIES) & 0xfcu;
    while (at != 0) {
        if (at < HEADER_BYTES || list->count == PCI_CAPABILITIES_MAX)
            return ERR_malformed;
        list->entry[list->count].at = (uint8_t)at;
        list->entry[list->count++].id = pci_read8(config, at);
        at = pci_read8(config, at + 1) & 0xfcu;
    }
    return OK;
}

unsigned pci_capability_next(const struct pci_capabilities *list, uint8_t id, uint32_t *from)
{
    while (*from < list->count) {
        uint32_t entry = (*from)++;
        if (list->entry[entry].id == id)
            return list->entry[entry].at;
    }
    return 0;
}
