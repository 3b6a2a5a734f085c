/*
 * The kernel's own address space: image, direct map, frame database, stacks and device windows.
 *
 * Life cycle: vmap_init builds it from the boot memory map and switches to it (boot CPU, once);
 * afterwards ranges are added at the end of the area and never taken away.
 * Lock: one for the tables (rank page_table).
 */
#pragma once

#include "boot/boot_info.h"
#include "lib/error.h"
#include "lib/types.h"

#define KERNEL_STACK_SIZE (4 * PAGE_SIZE)

/*
 * Builds the kernel's page table: image sections W^X, RAM in the direct map by the largest pages
 * (the image's read-only parts read-only there too), no identity map; and switches to it.
 */
void vmap_init(const struct boot_info *info);

/* The kernel's page table, for CPUs that start later. */
phys_t vmap_root(void);

/* A window on device registers or a framebuffer; `flags` MAP_DEVICE or MAP_COMBINE. */
error_t vmap_device(phys_t base, uint64_t size, uint32_t flags, void **window);

/* A stack of `size` bytes with an unmapped guard page on either side; the result is its top. */
error_t vmap_stack(uint64_t size, uint32_t node, uintptr_t *low, uintptr_t *high);

/* Maps the database entries for RAM [base, base + size) from memory of that node. Boot only. */
error_t vmap_frame_database(phys_t base, uint64_t size);

/* From now on table pages come from the frame allocator. Boot only, once. */
void vmap_use_frames(void);

/* How the kernel's tables translate `va`: false if not mapped. For tests and the monitor. */
bool vmap_lookup(uintptr_t va, phys_t *address, uint32_t *flags, uint64_t *page_size);
