/*
 * Memory before the frame allocator: takes pages from the usable ranges of the boot memory map.
 *
 * Life cycle: boot_alloc_init once; boot_alloc while page tables and the frame database are
 * made; boot_alloc_end hands the rest to its caller, range by range, and closes it. What it gave
 * is never freed. One CPU, no lock.
 */
#pragma once

#include "boot/boot_info.h"
#include "lib/error.h"
#include "lib/types.h"

/*
 * Only memory in [floor, ceiling) is given (what the early map shows) until boot_alloc_limit
 * raises the ceiling. Memory below the floor (the first 1 MiB, where firmware and start-up code
 * of other CPUs live) is never given, neither here nor at the end.
 */
void boot_alloc_init(const struct boot_info *info, phys_t floor, phys_t ceiling);
void boot_alloc_limit(phys_t ceiling);

/*
 * `size` bytes (rounded up to pages), page aligned, from as high as possible below the ceiling.
 * Not zeroed. no_memory if no range has room, bad_argument for nothing.
 */
error_t boot_alloc(uint64_t size, phys_t *result);

/* The same from [low, high) alone, as far as it is usable: for a node's own memory. */
error_t boot_alloc_within(uint64_t size, phys_t low, phys_t high, phys_t *result);

/*
 * Calls `give` for each piece of usable memory that is left, above the ceiling too, in no order;
 * nothing is given afterwards.
 */
void boot_alloc_end(void (*give)(phys_t base, uint64_t size));
