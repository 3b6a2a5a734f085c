/*
 * x86-64: the form of a page-table entry (Intel SDM 3A 4.5, table 4-15 and on).
 *
 *   63 NX | 51..12 address | 8 G | 7 PS (levels 1, 2) or PAT (level 0) | 4 PCD | 3 PWT | 2 U | 1 W
 * | 0 P
 *
 * PAT entry 5 (PAT and PWT set) is write-combining (mmu.c sets it); PCD+PWT is uncached.
 */
#pragma once

#include "lib/assert.h"
#include "lib/types.h"

typedef uint64_t pte_t;

#define ARCH_DIRECT_BASE ((uintptr_t)0xffff800000000000)
#define ARCH_DIRECT_SIZE ((uint64_t)1 << 46)
#define ARCH_AREA_BASE   ((uintptr_t)0xffffc00000000000)
#define ARCH_AREA_SIZE   ((uint64_t)1 << 39)
#define ARCH_FRAME_BASE  ((uintptr_t)0xffffd00000000000)
#define ARCH_KERNEL_BASE ((uintptr_t)0xffffffff80000000)

#include "arch/direct.h"

#define PTE_PRESENT   ((pte_t)1 << 0)
#define PTE_WRITE     ((pte_t)1 << 1)
#define PTE_USER      ((pte_t)1 << 2)
#define PTE_PWT       ((pte_t)1 << 3)
#define PTE_PCD       ((pte_t)1 << 4)
#define PTE_ACCESSED  ((pte_t)1 << 5)
#define PTE_DIRTY     ((pte_t)1 << 6)
#define PTE_LARGE     ((pte_t)1 << 7)
#define PTE_GLOBAL    ((pte_t)1 << 8)
#define PTE_PAT_SMALL ((pte_t)1 << 7)
#define PTE_PAT_LARGE ((pte_t)1 << 12)
#define PTE_NX        ((pte_t)1 << 63)
#define PTE_ADDRESS   ((pte_t)0x000ffffffffff000)

/* PTE_NX, or 0 on a CPU that has no such bit; until features_init has looked, 0. */
extern pte_t pte_no_execute;

/* Stores are seen by fetches of all CPUs that come behind a serialising instruction, as a way out
 * of the kernel is (SDM 3A 8.1.3, 11.6). */
static inline bool arch_code_coherent(void)
{
    return true;
}

static inline void arch_code_sync(phys_t page, uint64_t size)
{
    (void)page, (void)size;
}

/* The dirty bit (SDM 3A 4.8), on every CPU. */
static inline bool arch_mmu_marks_dirty(void)
{
    return true;
}

static inline pte_t arch_pte_table(phys_t table)
{
    return table.pa | PTE_PRESENT | PTE_WRITE | PTE_USER;
}

static inline pte_t arch_pte_leaf(phys_t page, uint32_t flags, int level)
{
    pte_t pte = page.pa | PTE_PRESENT | PTE_ACCESSED;
    if ((flags & MAP_WRITE) != 0)
        pte |= PTE_WRITE | ((flags & MAP_CLEAN) != 0 ? 0 : PTE_DIRTY);
    if ((flags & MAP_EXECUTE) == 0)
        pte |= pte_no_execute;
    if ((flags & MAP_USER) != 0)
        pte |= PTE_USER;
    if ((flags & MAP_GLOBAL) != 0)
        pte |= PTE_GLOBAL;
    if ((flags & MAP_DEVICE) != 0)
        pte |= PTE_PCD | PTE_PWT;
    if ((flags & MAP_COMBINE) != 0)
        pte |= PTE_PWT | (level > 0 ? PTE_PAT_LARGE : PTE_PAT_SMALL);
    return level > 0 ? pte | PTE_LARGE : pte;
}

static inline bool arch_pte_present(pte_t pte)
{
    return (pte & PTE_PRESENT) != 0;
}

static inline bool arch_pte_is_leaf(pte_t pte, int level)
{
    return level == 0 || (pte & PTE_LARGE) != 0;
}

/* The base of the page or table; of a large page with its PAT bit masked away. */
static inline phys_t arch_pte_address(pte_t pte, int level)
{
    uint64_t page_mask = ((uint64_t)1 << (PAGE_SHIFT + 9 * level)) - 1;
    return PHYS(pte & PTE_ADDRESS & (arch_pte_is_leaf(pte, level) ? ~page_mask : ~(uint64_t)0));
}

static inline bool arch_pte_writable(pte_t pte)
{
    return (pte & PTE_WRITE) != 0;
}

static inline bool arch_pte_written(pte_t pte)
{
    return (pte & (PTE_WRITE | PTE_DIRTY)) == (PTE_WRITE | PTE_DIRTY);
}

static inline pte_t arch_pte_protected(pte_t pte)
{
    return pte & ~(PTE_WRITE | PTE_DIRTY);
}

static inline pte_t arch_pte_cleaned(pte_t pte)
{
    return pte & ~PTE_DIRTY;
}

static inline uint32_t arch_pte_flags(pte_t pte)
{
    uint32_t flags = 0;
    if ((pte & PTE_WRITE) != 0)
        flags |= MAP_WRITE | ((pte & PTE_DIRTY) != 0 ? 0 : MAP_CLEAN);
    flags |= (pte & PTE_NX) == 0 ? MAP_EXECUTE : 0;
    flags |= (pte & PTE_USER) != 0 ? MAP_USER : 0;
    flags |= (pte & PTE_GLOBAL) != 0 ? MAP_GLOBAL : 0;
    if ((pte & PTE_PWT) != 0)
        flags |= (pte & PTE_PCD) != 0 ? MAP_DEVICE : MAP_COMBINE;
    return flags;
}

static inline void arch_page_zero(void *page)
{
    uint64_t words = PAGE_SIZE / sizeof(uint64_t);
    __asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(UINT64_C(0)) : "memory");
}
