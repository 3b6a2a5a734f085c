/*
 * The contract, part 2: page tables.
 *
 * Every CPU here has four levels of 512 entries: level 3 (512 GiB an entry) down to level 0
 * (4 KiB). The walker is portable (mem/ptab.c); a CPU gives the form of an entry, and the
 * addresses at which the kernel's areas lie.
 *
 * Inline or constants, in arch_mmu.h:
 *   pte_t                                  an entry, one word
 *   ARCH_DIRECT_BASE, ARCH_DIRECT_SIZE     the direct map of physical memory
 *   phys_to_virt(), virt_to_phys()         by it (mem/phys.h)
 *   ARCH_KERNEL_BASE                       where the image is linked
 *   ARCH_AREA_BASE, ARCH_AREA_SIZE         stacks and device windows (mem/vmap.c)
 *   ARCH_FRAME_BASE, arch_frame_base()     the frame database
 *   pte_t arch_pte_table(phys_t table)     an entry that names a lower table
 *   pte_t arch_pte_leaf(phys_t page, uint32_t flags, int level)
 *   bool arch_pte_present(pte_t), arch_pte_is_leaf(pte_t, int level)
 *   phys_t arch_pte_address(pte_t, int level)
 *   uint32_t arch_pte_flags(pte_t)         enum map_flags of a leaf
 *   bool arch_pte_writable(pte_t), arch_pte_written(pte_t)   writable; and not MAP_CLEAN
 *   pte_t arch_pte_protected(pte_t), arch_pte_cleaned(pte_t)
 *       of a writable leaf: no longer writable; MAP_CLEAN
 *   bool arch_mmu_marks_dirty()            hardware takes MAP_CLEAN away when a leaf is written by
 *   void arch_page_zero(void *page)        fills an aligned page with zeroes, the shortest way
 *   bool arch_code_coherent()              instruction fetches see what was stored as loads do
 *   void arch_code_sync(phys_t page, uint64_t size)
 *       where they do not: makes them, on all CPUs, from the time when an entry for the pages is
 *       executable. Some 1,000 instructions for a page.
 */
#pragma once

#include "lib/types.h"

enum map_flags {
    MAP_WRITE = 1 << 0,
    MAP_EXECUTE = 1 << 1,
    MAP_USER = 1 << 2,
    MAP_DEVICE = 1 << 3,  /* uncached, strictly ordered */
    MAP_COMBINE = 1 << 4, /* write-combining: framebuffers */
    MAP_GLOBAL = 1 << 5,  /* the same in every address space */
    MAP_CLEAN = 1 << 6,   /* with MAP_WRITE: not written since; if arch_mmu_marks_dirty() */
};

#include <arch_mmu.h>

/* The largest level at which leaves are allowed on this CPU: 2 (1 GiB) or 1 (2 MiB). */
int arch_mmu_leaf_level(void);

/* The first physical address that this machine cannot have. */
uint64_t arch_physical_end(void);

/* MAP_GLOBAL, or 0 if user mode must not find the kernel's translations in the TLB. */
uint32_t arch_mmu_kernel_flags(void);

/* Makes `root` this CPU's kernel page table. */
void arch_mmu_switch(phys_t root);

/* Forgets translations of [va, va + size) on this CPU, and on all where hardware can broadcast. */
void arch_tlb_flush(uintptr_t va, uint64_t size);

/* True if arch_tlb_flush reaches every CPU by itself. */
bool arch_tlb_broadcasts(void);

/* Orders page-table writes before the accesses that follow. */
void arch_mmu_barrier(void);
