/* One PCI function, for who gives it to its driver (pci/tree.h). */
#include "lib/types.h"
#include "pci/tree.h"

static void command_set(struct pci_function *function)
{
    uint16_t command = pci_read16(function->config, PCI_COMMAND);
    pci_write16(function->config, PCI_COMMAND, command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void pci_function_enable(struct pci_tree *tree, struct pci_function *function)
{
    command_set(function);
    while (function->parent != PCI_ROOT) {
        function = &tree->functions[function->parent];
        command_set(function);
    }
}

void pci_function_disable(struct pci_function *function)
{
    uint16_t command = pci_read16(function->config, PCI_COMMAND);
    pci_write16(function->config, PCI_COMMAND,
                command & (uint16_t)~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
}

error_t pci_function_describe(const struct pci_function *function, uint32_t bus,
                              struct abi_device *device)
{
    *device = (struct abi_device){.identity = (uint64_t)bus << 32 | function->number,
                                  .dma_end = UINT64_MAX};
    for (unsigned n = 0; n < PCI_BARS; n++) {
        const struct pci_bar *bar = &function->bars[n];
        if (bar->size == 0)
            continue;
        if (bar->base == 0)
            return ERR_full;
        device->ranges[n] =
            (struct abi_device_range){.base = bar->base, .size = max_u64(bar->size, PAGE_SIZE)};
    }
    return OK;
}
