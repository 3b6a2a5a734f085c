/*
 * AArch64: making the early map (early_map.h).
 *
 * Rules: what early_map_image calls runs at its physical address with uncached memory. It uses
 * aligned words and addresses relative to the code alone: no switch tables, no initialised
 * pointers, no library.
 */
#include "early_map.h"
#include "arch/boot.h"
#include "arch_layout.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mmu.h"

#define SLOT_SIZE (512 * GIB) /* what one entry of a root covers */
#define FDT_MAX   (2 * MIB)   /* by the Image protocol */

_Static_assert(offsetof(struct early_tables, root) == EARLY_ROOT, "start.S relies on it");
_Static_assert(offsetof(struct early_tables, low_root) == EARLY_LOW_ROOT, "start.S relies on it");
_Static_assert(sizeof(struct early_tables) == EARLY_TABLES_SIZE, "start.S relies on it");

__attribute__((section(".data.early"), aligned(4096))) struct early_tables early_tables;

static uint64_t table_index(uint64_t address, int level)
{
    return address >> (12 + 9 * level) & 511;
}

/* The rights of the image's page at `offset`. */
static uint32_t section_flags(uint64_t offset)
{
    if (offset < (uint64_t)(__text_end - __image_start))
        return MAP_GLOBAL | MAP_EXECUTE;
    if (offset < (uint64_t)(__rodata_end - __image_start))
        return MAP_GLOBAL;
    return MAP_GLOBAL | MAP_WRITE;
}

/* Where a table lies, whether we run at its linked address or at its physical one. */
static phys_t table_address(phys_t image, const pte_t *table)
{
    return PHYS(image.pa + (uint64_t)((const char *)table - __image_start));
}

static void show_image(phys_t image)
{
    struct early_tables *t = &early_tables;
    t->root[table_index(ARCH_KERNEL_BASE, 3)] = arch_pte_table(table_address(image, t->top));
    t->top[table_index(ARCH_KERNEL_BASE, 2)] = arch_pte_table(table_address(image, t->image));
    for (uint64_t i = 0; i < EARLY_PAGE_TABLES; i++)
        t->image[i] = arch_pte_table(table_address(image, t->pages[i]));
    uint64_t size = (uint64_t)(__image_end - __image_start);
    for (uint64_t at = 0; at < size; at += PAGE_SIZE)
        t->pages[at / PAGE_SIZE / 512][at / PAGE_SIZE % 512] =
            arch_pte_leaf(PHYS(image.pa + at), section_flags(at), 0);
}

/* The low half, for the instructions between two maps: nothing there can be written. */
static void show_low(phys_t image)
{
    struct early_tables *t = &early_tables;
    t->low_root[table_index(image.pa, 3)] = arch_pte_table(table_address(image, t->low));
    t->low[table_index(image.pa, 2)] =
        arch_pte_leaf(PHYS(align_down(image.pa, GIB)), MAP_EXECUTE, 2);
}

/* The direct map has one table, for the slot of 512 GiB that holds the image. */
static void show_direct_slot(phys_t image)
{
    struct early_tables *t = &early_tables;
    uint64_t index = table_index(ARCH_DIRECT_BASE, 3) + image.pa / SLOT_SIZE;
    t->root[index] = arch_pte_table(table_address(image, t->direct));
}

/* Shows the gigabytes that hold [start, end), as far as they are in the image's slot. */
static void show_direct(phys_t image, uint64_t start, uint64_t end)
{
    uint64_t slot = align_down(image.pa, SLOT_SIZE);
    uint64_t last = min_u64(end, slot + SLOT_SIZE);
    for (uint64_t at = max_u64(align_down(start, GIB), slot); at < last; at += GIB)
        early_tables.direct[table_index(at, 2)] =
            arch_pte_leaf(PHYS(at), MAP_GLOBAL | MAP_WRITE, 2);
}

static void show_all(phys_t image)
{
    show_image(image);
    show_low(image);
    show_direct_slot(image);
    show_direct(image, image.pa, image.pa + (uint64_t)(__image_end - __image_start));
}

/* All from the one to the other: what is between them is memory on every board that we know. */
void early_map_image(phys_t image, phys_t fdt)
{
    show_all(image);
    show_direct(image, min_u64(image.pa, fdt.pa), max_u64(image.pa, fdt.pa + FDT_MAX));
}

void early_map_ranges(const struct boot_info *info)
{
    phys_t image = image_base();
    assert(is_aligned(image.pa, PAGE_SIZE)); /* linked page aligned, and Limine keeps that */
    show_all(image);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *range = &info->ranges[i];
        if (range_is_ram(range->kind))
            show_direct(image, range->base.pa, range->base.pa + range->size);
    }
    mmu_replace(image_to_phys(early_tables.root));
}

static bool is_shown(uint64_t address)
{
    return arch_pte_present(early_tables.direct[table_index(address, 2)]);
}

phys_t arch_early_floor(void)
{
    uint64_t image = align_down(image_base().pa, GIB);
    uint64_t floor = image;
    while (floor % SLOT_SIZE != 0 && is_shown(floor - GIB))
        floor -= GIB;
    return PHYS(floor);
}

phys_t arch_early_ceiling(void)
{
    uint64_t ceiling = align_down(image_base().pa, GIB) + GIB;
    while (ceiling % SLOT_SIZE != 0 && is_shown(ceiling))
        ceiling += GIB;
    assert(ceiling > arch_early_floor().pa);
    return PHYS(ceiling);
}
