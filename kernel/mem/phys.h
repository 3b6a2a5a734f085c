/*
 * Reaching physical memory from the kernel.
 *
 *   void *phys_to_virt(phys_t address)         the address of RAM in the direct map; the caller
 * knows that it is RAM and mapped phys_t virt_to_phys(const void *address)   the reverse, for
 * addresses in the direct map only
 *
 * are in arch/mmu.h, inline.
 *
 * The direct map shows all RAM at one offset. Before the kernel's own page tables are live only
 * the early map of arch/ exists (mmu.h says what it covers).
 */
#pragma once

#include "arch/mmu.h"
#include "lib/types.h"

/*
 * A read-only view of `size` bytes of physical memory that firmware or loader points us to:
 * NULL if the range wraps, lies outside what can be addressed, or cannot be mapped. For tables,
 * not for devices. The view stays valid for ever.
 */
const void *phys_window(phys_t address, uint64_t size);
