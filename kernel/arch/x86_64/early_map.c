/*
 * x86-64: the early map for an image at any physical address.
 *
 *   0xffff800000000000   physical 0 to 4 GiB, 2 MiB pages (direct map)
 *   0xffffffff80200000   the image, 4 KiB pages
 *
 * start.S makes the same with an identity map for images at their linked place. It lives until
 * vmap_init.
 */
#include "lib/assert.h"
#include "mem/image.h"
#include "registers.h"
#include "x86.h"

#include "arch/mmu.h"

#define EARLY_IMAGE_TABLES 4 /* of 2 MiB each */

extern pte_t early_root[512], early_low[512], early_high[512], early_directories[4][512];
static pte_t early_tables[EARLY_IMAGE_TABLES][512] __attribute__((aligned(4096)));
static pte_t early_directory[512] __attribute__((aligned(4096)));

static void early_map_low(void)
{
    const uint32_t flags = MAP_WRITE | MAP_EXECUTE;
    for (uint64_t i = 0; i < UINT64_C(4) * 512; i++)
        early_directories[i / 512][i % 512] = arch_pte_leaf(PHYS(i * 2 * MIB), flags, 1);
    for (uint64_t i = 0; i < 4; i++)
        early_low[i] = arch_pte_table(image_to_phys(early_directories[i]));
}

void early_map_image(phys_t image)
{
    uint64_t offset = image_link_offset(), pages = image_size() / PAGE_SIZE;
    uint64_t first = offset / PAGE_SIZE;
    assert(first + pages <= UINT64_C(512) * EARLY_IMAGE_TABLES);
    early_map_low();
    for (uint64_t i = 0; i < pages; i++) {
        phys_t page = PHYS(image.pa + i * PAGE_SIZE);
        early_tables[(first + i) / 512][(first + i) % 512] =
            arch_pte_leaf(page, MAP_WRITE | MAP_EXECUTE, 0);
    }
    for (uint64_t i = 0; i < EARLY_IMAGE_TABLES; i++)
        early_directory[i] = arch_pte_table(image_to_phys(early_tables[i]));
    early_high[510] = arch_pte_table(image_to_phys(early_directory));
    early_root[256] = arch_pte_table(image_to_phys(early_low));
    early_root[511] = arch_pte_table(image_to_phys(early_high));
    cr3_write(image_to_phys(early_root).pa);
}
