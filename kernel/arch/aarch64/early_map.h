/*
 * AArch64: the early map, from the first instruction until vmap_init's tables are live.
 *
 * It shows the image at its linked address with its sections' rights, and physical memory in the
 * direct map by pieces of 1 GiB: those from the image to the device tree (Image), or those that
 * hold RAM by the loader's memory map (Limine). A second, low table shows the image's gigabyte at
 * its physical address, for code only; mmu_enter needs it whenever the MMU is turned on, and it
 * is in no CPU's TTBR0 at any other time.
 *
 * The tables are data and not .bss, so that they are zero before .bss is cleared. They live for
 * ever: other CPUs start with the low one.
 */
#pragma once

#include "arch/mmu.h"
#include "boot/boot_info.h"
#include "lib/types.h"

#define EARLY_PAGE_TABLES 4 /* 2 MiB of image each; kernel.ld asserts that they are enough */

struct early_tables {
    pte_t root[512];     /* the kernel's half */
    pte_t low_root[512]; /* the low half */
    pte_t low[512];
    pte_t direct[512];
    pte_t top[512];   /* the last 512 GiB of addresses */
    pte_t image[512]; /* the gigabyte from ARCH_KERNEL_BASE */
    pte_t pages[EARLY_PAGE_TABLES][512];
    pte_t empty[512]; /* a low half that shows nothing */
};

extern struct early_tables early_tables;

/* Shows the image and the device tree. Called by start.S at its physical address, MMU off. */
void early_map_image(phys_t image, phys_t fdt);

/* Shows the image and all RAM of the loader's memory map, and changes to it. */
void early_map_ranges(const struct boot_info *info);
