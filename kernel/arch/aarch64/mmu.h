/* AArch64: what the rest of arch/ asks of the MMU beyond arch/mmu.h. */
#pragma once

#include "lib/types.h"

/* Where the kernel's read of `va` goes now; asserts that it goes anywhere. */
phys_t mmu_translate(uintptr_t va);

/* Takes `root` for the kernel's half, with our memory types, and an empty low half. */
void mmu_replace(phys_t root);

/* Shows the low half by `root`, or nothing there. */
void mmu_set_low(phys_t root);
void mmu_clear_low(void);

/* Writes data of ours to memory, where a CPU with its MMU off sees them. */
void mmu_clean(const void *data, size_t size);
