/* One PCI function, for who gives it to its driver (pci/tree.h). */
#include "lib/types.h"
#include "pci/tree.h"

/* Memory and bus master as the bits say. */
static void command_set(struct pci_function *function, unsigned bits)
{
    unsigned command = pci_read16(function->config, PCI_COMMAND);
    command &= ~(unsigned)(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_write16(function->config, PCI_COMMAND, (uint16_t)(command | bits));
}

void pci_function_show(struct pci_tree *tree, struct pci_function *function)
{
    command_set(function, PCI_COMMAND_MEMORY);
    while (function->parent != PCI_ROOT) {
        function = &tree->functions[function->parent];
        command_set(function, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    }
}

void pci_function_enable(struct pci_tree *tree, struct pci_function *function)
{
    pci_function_show(tree, function);
    command_set(function, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void pci_function_disable(struct pci_function *function)
{
    command_set(function, 0);
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
