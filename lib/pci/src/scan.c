/*
 * Finds the functions of a bus and of those behind its bridges (pci/tree.h).
 *
 * Bus numbers behind a bridge are taken from the firmware if they are free and within those of the
 * bridge above; else the next free ones are written. They only grow, so the walk ends.
 */
#include "pci/tree.h"

#define ABSENT    0xffffu
#define DEVICES   32
#define FUNCTIONS 8

struct scan {
    struct pci_tree *tree;
    uint32_t next;  /* the first bus number that is free */
    uint32_t depth; /* of the bus, 0 for the first */
    error_t error;
};

static void bus_scan(struct scan *scan, uint32_t bus, uint32_t last, uint8_t parent);

static pci_config_t config_of(const struct pci_tree *tree, uint16_t number)
{
    return tree->config + (uint64_t)(number - ((uint32_t)tree->first << 8)) * PCI_CONFIG_BYTES;
}

static struct pci_function *function_add(struct scan *scan, uint16_t number, uint8_t parent)
{
    struct pci_tree *tree = scan->tree;
    if (tree->count == PCI_FUNCTIONS_MAX) {
        scan->error = ERR_full;
        return NULL;
    }
    struct pci_function *function = &tree->functions[tree->count++];
    pci_config_t config = config_of(tree, number);
    *function = (struct pci_function){
        .config = config,
        .number = number,
        .parent = parent,
        .header = pci_read8(config, PCI_HEADER) & PCI_HEADER_KIND,
        .vendor = pci_read16(config, PCI_VENDOR),
        .device = pci_read16(config, PCI_DEVICE),
        .class = pci_read32(config, PCI_CLASS) >> 8,
        .subsystem_vendor = pci_read16(config, PCI_SUBSYSTEM_VENDOR),
        .subsystem = pci_read16(config, PCI_SUBSYSTEM),
    };
    return function;
}

/* As the firmware left it: free buses within the parent's. */
static bool numbered(const struct scan *scan, const struct pci_function *bridge, uint32_t last)
{
    return pci_read8(bridge->config, PCI_PRIMARY) == bridge->number >> 8 &&
           bridge->secondary >= scan->next && bridge->secondary <= bridge->subordinate &&
           bridge->subordinate <= last;
}

static void numbers_write(struct pci_function *bridge, uint32_t secondary, uint32_t subordinate)
{
    bridge->secondary = (uint8_t)secondary;
    bridge->subordinate = (uint8_t)subordinate;
    pci_write8(bridge->config, PCI_PRIMARY, (uint8_t)(bridge->number >> 8));
    pci_write8(bridge->config, PCI_SECONDARY, bridge->secondary);
    pci_write8(bridge->config, PCI_SUBORDINATE, bridge->subordinate);
}

static void bridge_scan(struct scan *scan, struct pci_function *bridge, uint32_t last)
{
    uint8_t index = (uint8_t)(bridge - scan->tree->functions);
    bridge->secondary = pci_read8(bridge->config, PCI_SECONDARY);
    bridge->subordinate = pci_read8(bridge->config, PCI_SUBORDINATE);
    bool kept = numbered(scan, bridge, last);
    if (scan->depth == PCI_DEPTH_MAX || (!kept && scan->next > last)) {
        scan->error = ERR_full;
        numbers_write(bridge, 0, 0); /* leads nowhere */
        return;
    }
    if (!kept)
        numbers_write(bridge, scan->next, last); /* all of them, while it is looked at */
    scan->next = bridge->secondary + 1u;
    scan->depth++;
    bus_scan(scan, bridge->secondary, bridge->subordinate, index);
    scan->depth--;
    if (kept)
        scan->next = bridge->subordinate + 1u;
    else
        numbers_write(bridge, bridge->secondary, scan->next - 1);
}

static void device_scan(struct scan *scan, uint32_t bus, uint32_t device, uint32_t last,
                        uint8_t parent)
{
    uint32_t functions = 1;
    for (uint32_t function = 0; function < functions; function++) {
        uint16_t number = (uint16_t)(bus << 8 | device << 3 | function);
        pci_config_t config = config_of(scan->tree, number);
        if (pci_read16(config, PCI_VENDOR) == ABSENT)
            continue;
        if (function == 0 && (pci_read8(config, PCI_HEADER) & PCI_HEADER_SEVERAL) != 0)
            functions = FUNCTIONS;
        struct pci_function *found = function_add(scan, number, parent);
        if (found != NULL && found->header == PCI_HEADER_BRIDGE)
            bridge_scan(scan, found, last);
    }
}

static void bus_scan(struct scan *scan, uint32_t bus, uint32_t last, uint8_t parent)
{
    for (uint32_t device = 0; device < DEVICES; device++)
        device_scan(scan, bus, device, last, parent);
}

error_t pci_tree_scan(struct pci_tree *tree, volatile uint8_t *config, uint8_t first, uint8_t last)
{
    struct scan scan = {.tree = tree, .next = first + 1u};
    tree->config = config;
    tree->first = first;
    tree->last = last;
    tree->count = 0;
    bus_scan(&scan, first, last, PCI_ROOT);
    return scan.error;
}
