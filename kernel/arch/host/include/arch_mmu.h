/*
 * The host: a page-table entry of no real CPU, so that the portable walker can be tested.
 *
 *   63..57 map flags | 51..12 address | 2..1 kind: 1 table, 2 leaf | 0 present
 */
#pragma once

#include "lib/string.h"
#include "lib/types.h"

typedef uint64_t pte_t;

#define ARCH_DIRECT_BASE ((uintptr_t)0x0000100000000000)
#define ARCH_DIRECT_SIZE ((uint64_t)1 << 44)

void *phys_to_virt(phys_t address);
phys_t virt_to_phys(const void *address);
#define ARCH_AREA_BASE   ((uintptr_t)0x0000400000000000)
#define ARCH_AREA_SIZE   ((uint64_t)1 << 39)
#define ARCH_KERNEL_BASE ((uintptr_t)0x0000600000000000)

#define HOST_PTE_PRESENT ((pte_t)1)
#define HOST_PTE_TABLE   ((pte_t)1 << 1)
#define HOST_PTE_LEAF    ((pte_t)2 << 1)
#define HOST_PTE_ADDRESS ((pte_t)0x000ffffffffff000)
#define HOST_PTE_FLAGS   57 /* shift */

struct frame;

extern struct frame *host_frame_base; /* the test's array, indexed by absolute frame number */

static inline struct frame *arch_frame_base(void)
{
    return host_frame_base;
}

bool arch_mmu_marks_dirty(void); /* as host.h sets it */

static inline bool arch_code_coherent(void)
{
    return false;
}

/* Counted (host.h). */
void arch_code_sync(phys_t page, uint64_t size);

static inline pte_t arch_pte_table(phys_t table)
{
    return table.pa | HOST_PTE_TABLE | HOST_PTE_PRESENT;
}

static inline pte_t arch_pte_leaf(phys_t page, uint32_t flags, int level)
{
    (void)level;
    return (pte_t)flags << HOST_PTE_FLAGS | page.pa | HOST_PTE_LEAF | HOST_PTE_PRESENT;
}

static inline bool arch_pte_present(pte_t pte)
{
    return (pte & HOST_PTE_PRESENT) != 0;
}

static inline bool arch_pte_is_leaf(pte_t pte, int level)
{
    (void)level;
    return (pte & HOST_PTE_LEAF) != 0;
}

static inline phys_t arch_pte_address(pte_t pte, int level)
{
    (void)level;
    return PHYS(pte & HOST_PTE_ADDRESS);
}

#define HOST_PTE_FLAG(flag) ((pte_t)(flag) << HOST_PTE_FLAGS)

static inline bool arch_pte_writable(pte_t pte)
{
    return (pte & HOST_PTE_FLAG(MAP_WRITE)) != 0;
}

static inline bool arch_pte_written(pte_t pte)
{
    return arch_pte_writable(pte) && (pte & HOST_PTE_FLAG(MAP_CLEAN)) == 0;
}

static inline pte_t arch_pte_protected(pte_t pte)
{
    return pte & ~HOST_PTE_FLAG(MAP_WRITE | MAP_CLEAN);
}

static inline pte_t arch_pte_cleaned(pte_t pte)
{
    return pte | HOST_PTE_FLAG(MAP_CLEAN);
}

static inline uint32_t arch_pte_flags(pte_t pte)
{
    return (uint32_t)(pte >> HOST_PTE_FLAGS);
}

static inline void arch_page_zero(void *page)
{
    memset(page, 0, PAGE_SIZE);
}
