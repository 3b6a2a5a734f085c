/* The direct map (phys.h). The window for firmware's tables is in vmap.c, which owns the tables. */
#include "mem/phys.h"
#include "arch/mmu.h"
#include "lib/assert.h"

void *phys_to_virt(phys_t address)
{
    debug_assert(address.pa < ARCH_DIRECT_SIZE);
    return (void *)(ARCH_DIRECT_BASE + address.pa);
}

phys_t virt_to_phys(const void *address)
{
    uint64_t offset = (uintptr_t)address - ARCH_DIRECT_BASE;
    debug_assert(offset < ARCH_DIRECT_SIZE);
    return PHYS(offset);
}
