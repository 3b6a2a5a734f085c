/*
 * The direct map and the frame database where they stand at fixed addresses: for the arch_mmu.h of
 * CPUs, which name these (ARCH_DIRECT_BASE, ARCH_DIRECT_SIZE, ARCH_FRAME_BASE) and include it.
 */
#pragma once

#include "lib/assert.h"
#include "lib/types.h"

struct frame;

static inline void *phys_to_virt(phys_t address)
{
    debug_assert(address.pa < ARCH_DIRECT_SIZE);
    return (void *)(ARCH_DIRECT_BASE + address.pa);
}

static inline phys_t virt_to_phys(const void *address)
{
    uint64_t offset = (uintptr_t)address - ARCH_DIRECT_BASE;
    debug_assert(offset < ARCH_DIRECT_SIZE);
    return PHYS(offset);
}

static inline struct frame *arch_frame_base(void)
{
    return (struct frame *)ARCH_FRAME_BASE;
}
