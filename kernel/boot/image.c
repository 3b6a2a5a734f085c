/*
 * The Image protocol: the loader passes a device tree and nothing else.
 *
 * Rules: what the tree reserves wins over what it calls memory, because later kinds win. The
 * blob itself stays readable for ever: fdt_read needs it later, and so may drivers; it is kept
 * like ACPI's tables, as RANGE_ACPI_RECLAIM that nobody reclaims.
 */
#include "boot/boot_info.h"
#include "boot/fdt.h"
#include "lib/string.h"

/* Devicetree Specification 5.3: memory that nobody may touch without knowing what it is. */
static void read_reservations(struct boot_info *info, const struct fdt *fdt)
{
    struct fdt_region region;
    for (uint32_t i = 0; fdt_reservation(fdt, i, &region); i++)
        (void)boot_info_add_range(info, region.base, region.size, RANGE_RESERVED);
}

/* 3.4: /memory nodes, each with any number of regions. */
static void read_memory(struct boot_info *info, const struct fdt_walk *node)
{
    struct fdt_region region;
    for (uint32_t i = 0; fdt_reg(node, i, &region); i++)
        (void)boot_info_add_range(info, region.base, region.size, RANGE_USABLE);
}

/* 3.5.2: children of /reserved-memory. Those without reg ask for an allocation; not our duty. */
static void read_reserved(struct boot_info *info, const struct fdt_walk *node)
{
    struct fdt_region region;
    for (uint32_t i = 0; fdt_reg(node, i, &region); i++)
        (void)boot_info_add_range(info, region.base, region.size, RANGE_RESERVED);
}

/* 3.6 and the Linux binding "chosen": the command line and one module, the initial RAM disk. */
static void read_chosen(struct boot_info *info, const struct fdt_walk *node)
{
    static const char name[] = "initrd";
    struct fdt_value value;
    uint64_t start = 0, end = 0;
    if (fdt_property(node, "bootargs", &value))
        boot_info_set_command_line(info, (const char *)value.bytes, value.size);
    if (!fdt_property_number(node, "linux,initrd-start", &start) ||
        !fdt_property_number(node, "linux,initrd-end", &end))
        return;
    if (end < start)
        boot_info_fault(info, "fdt: the initrd ends before it starts", ERR_malformed);
    else
        (void)boot_info_add_module(info, PHYS(start), end - start, name, sizeof(name));
}

static void read_node(struct boot_info *info, const struct fdt_walk *node)
{
    if (node->depth == 1 && fdt_property_has(node, "device_type", "memory") && fdt_enabled(node))
        read_memory(info, node);
    else if (node->depth == 1 && fdt_name_is(node, 1, "chosen"))
        read_chosen(info, node);
    else if (node->depth == 2 && fdt_name_is(node, 1, "reserved-memory"))
        read_reserved(info, node);
}

error_t image_read(struct boot_info *info, phys_t fdt)
{
    struct fdt tree;
    struct fdt_walk walk;
    error_t error = fdt_open(&tree, fdt);
    if (error != OK)
        return error;
    info->fdt = fdt;
    (void)boot_info_add_range(info, fdt, tree.size, RANGE_ACPI_RECLAIM);
    read_reservations(info, &tree);
    fdt_walk_start(&walk, &tree);
    while (fdt_walk_next(&walk))
        read_node(info, &walk);
    if (walk.error != OK)
        boot_info_fault(info, "fdt: the tree's structure", walk.error);
    return boot_info_total(info, RANGE_USABLE) != 0 ? OK : ERR_not_found;
}
