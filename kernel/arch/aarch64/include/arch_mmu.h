/*
 * AArch64: the form of a translation table entry (Arm ARM D8.3, VMSAv8-64, 4 KiB granule).
 *
 *   54 UXN | 53 PXN | 51 DBM | 47..12 address | 11 nG | 10 AF | 9..8 SH | 7 RO | 6 EL0 | 4..2 MAIR
 * index | 1 table, or page at level 0 | 0 valid
 *
 * Our level 3 is the architecture's level 0, and so on down. The kernel lives in TTBR1's half,
 * which starts at 0xffff000000000000. The access flag is always set: we take no access faults.
 */
#pragma once

#include "lib/assert.h"
#include "lib/string.h"
#include "lib/types.h"

typedef uint64_t pte_t;

#define ARCH_DIRECT_BASE ((uintptr_t)0xffff800000000000)
#define ARCH_DIRECT_SIZE ((uint64_t)1 << 46)
#define ARCH_AREA_BASE   ((uintptr_t)0xffffc00000000000)
#define ARCH_AREA_SIZE   ((uint64_t)1 << 39)
#define ARCH_FRAME_BASE  ((uintptr_t)0xffffd00000000000)
#define ARCH_KERNEL_BASE ((uintptr_t)0xffffffff80000000)

#include "arch/direct.h"

#define PTE_VALID      ((pte_t)1 << 0)
#define PTE_TABLE      ((pte_t)1 << 1) /* levels 3..1: a lower table; level 0: a page */
#define PTE_ATTR(i)    ((pte_t)(i) << 2)
#define PTE_USER       ((pte_t)1 << 6)
#define PTE_READ_ONLY  ((pte_t)1 << 7)
#define PTE_INNER      ((pte_t)3 << 8) /* inner shareable: coherent among our CPUs */
#define PTE_ACCESSED   ((pte_t)1 << 10)
#define PTE_NOT_GLOBAL ((pte_t)1 << 11)
#define PTE_DBM        ((pte_t)1 << 51) /* a write takes RO away (FEAT_HAFDBS, D8.4.6) */
#define PTE_PXN        ((pte_t)1 << 53)
#define PTE_UXN        ((pte_t)1 << 54)
#define PTE_ADDRESS    ((pte_t)0x0000fffffffff000)

/* Indices in MAIR_EL1, as mmu.h there sets it. */
#define ATTR_NORMAL  0
#define ATTR_DEVICE  1
#define ATTR_COMBINE 2

bool arch_mmu_marks_dirty(void);
bool arch_code_coherent(void);
void arch_code_sync(phys_t page, uint64_t size);

static inline pte_t arch_pte_table(phys_t table)
{
    return table.pa | PTE_TABLE | PTE_VALID;
}

/* Device memory has no shareability of its own; uncached memory ignores it (D8.5.4). */
static inline pte_t arch_pte_attributes(uint32_t flags)
{
    if ((flags & MAP_DEVICE) != 0)
        return PTE_ATTR(ATTR_DEVICE);
    if ((flags & MAP_COMBINE) != 0)
        return PTE_ATTR(ATTR_COMBINE);
    return PTE_ATTR(ATTR_NORMAL) | PTE_INNER;
}

/* Code is executable for the kernel or for the user, never for both. */
static inline pte_t arch_pte_rights(uint32_t flags)
{
    bool user = (flags & MAP_USER) != 0, execute = (flags & MAP_EXECUTE) != 0;
    pte_t write = (flags & MAP_WRITE) == 0   ? PTE_READ_ONLY
                  : (flags & MAP_CLEAN) != 0 ? PTE_READ_ONLY | PTE_DBM
                                             : 0;
    return write | (user ? PTE_USER : 0) | (execute && user ? 0 : PTE_UXN) |
           (execute && !user ? 0 : PTE_PXN);
}

static inline pte_t arch_pte_leaf(phys_t page, uint32_t flags, int level)
{
    return page.pa | PTE_VALID | (level == 0 ? PTE_TABLE : 0) | PTE_ACCESSED |
           ((flags & MAP_GLOBAL) != 0 ? 0 : PTE_NOT_GLOBAL) | arch_pte_attributes(flags) |
           arch_pte_rights(flags);
}

static inline bool arch_pte_present(pte_t pte)
{
    return (pte & PTE_VALID) != 0;
}

static inline bool arch_pte_is_leaf(pte_t pte, int level)
{
    return level == 0 || (pte & PTE_TABLE) == 0;
}

static inline phys_t arch_pte_address(pte_t pte, int level)
{
    (void)level; /* the bits below a larger page's address are 0 */
    return PHYS(pte & PTE_ADDRESS);
}

static inline bool arch_pte_writable(pte_t pte)
{
    return (pte & (PTE_READ_ONLY | PTE_DBM)) != PTE_READ_ONLY;
}

static inline bool arch_pte_written(pte_t pte)
{
    return (pte & PTE_READ_ONLY) == 0;
}

static inline pte_t arch_pte_protected(pte_t pte)
{
    return (pte | PTE_READ_ONLY) & ~PTE_DBM;
}

static inline pte_t arch_pte_cleaned(pte_t pte)
{
    return pte | PTE_READ_ONLY | PTE_DBM;
}

static inline uint32_t arch_pte_flags(pte_t pte)
{
    pte_t attribute = pte & PTE_ATTR(7);
    bool user = (pte & PTE_USER) != 0;
    uint32_t flags = user ? MAP_USER : 0;
    flags |= !arch_pte_writable(pte) ? 0 : MAP_WRITE | (arch_pte_written(pte) ? 0 : MAP_CLEAN);
    flags |= (pte & (user ? PTE_UXN : PTE_PXN)) == 0 ? MAP_EXECUTE : 0;
    flags |= attribute == PTE_ATTR(ATTR_DEVICE) ? MAP_DEVICE : 0;
    flags |= attribute == PTE_ATTR(ATTR_COMBINE) ? MAP_COMBINE : 0;
    return flags | ((pte & PTE_NOT_GLOBAL) == 0 ? MAP_GLOBAL : 0);
}

static inline void arch_page_zero(void *page)
{
    memset(page, 0, PAGE_SIZE);
}
