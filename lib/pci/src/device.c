/* A PCI device as its driver has it (pci/device.h): its BARs. */
#include "pci/device.h"

error_t pci_device_open(struct pci_device *pci, struct device_home *home, slot_t device,
                        pci_config_t config)
{
    *pci = (struct pci_device){.home = home, .device = device, .config = config};
    return pci_capabilities_read(config, &pci->capabilities);
}

error_t pci_device_bar(struct pci_device *pci, uint32_t bar, uint64_t offset, uint64_t size,
                       volatile uint8_t **at)
{
    if (bar >= PCI_BARS)
        return ERR_malformed;
    struct device_range *range = &pci->bars[bar];
    if (range->size == 0) {
        error_t error = device_range_map(pci->home, pci->device, bar, range);
        if (error != OK)
            return error == ERR_bad_argument ? ERR_malformed : error;
    }
    if (offset > range->size || size > range->size - offset)
        return ERR_malformed;
    *at = range->at + offset;
    return OK;
}

void pci_device_master(struct pci_device *pci, bool on)
{
    unsigned command = pci_read16(pci->config, PCI_COMMAND) & ~(unsigned)PCI_COMMAND_MASTER;
    pci_write16(pci->config, PCI_COMMAND, (uint16_t)(command | (on ? PCI_COMMAND_MASTER : 0)));
}
