/*
 * AArch64: the MMU of this CPU: which tables it uses, and forgetting translations.
 *
 * Every CPU's kernel half (TTBR1) is the kernel's table, its low half (TTBR0) an empty one until
 * there are processes (space.c). The memory types and the form of the walks are set by mmu_enter
 * in start.S, on each CPU.
 */
#include "mmu.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "early_map.h"
#include "features.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mitigations.h"
#include "registers.h"

/* Above this many pages one flush of everything is cheaper. */
#define FLUSH_MOST 512

#define PAR_FAULT ((uint64_t)1 << 0)

/* CTR_EL0 (D19.2.34) */
#define CTR_L1IP ((uint64_t)3 << 14) /* 3: caches of instructions go by physical addresses */
#define CTR_IDC  ((uint64_t)1 << 28)
#define CTR_DIC  ((uint64_t)1 << 29)

void mmu_enter(phys_t root, phys_t low); /* start.S */

/* To the point of coherency (Arm ARM D7.5.9.5), by the smallest line of all caches. */
void mmu_clean(const void *data, size_t size)
{
    uintptr_t line = (uintptr_t)4 << (sysreg_read("ctr_el0") >> 16 & 15);
    uintptr_t end = (uintptr_t)data + size;
    for (uintptr_t at = (uintptr_t)data & ~(line - 1); at < end; at += line)
        __asm__ volatile("dc cvac, %0" ::"r"(at) : "memory");
    barrier_dsb("sy");
}

/* FEAT_HAFDBS, switched on where the MMU is (start.S). */
bool arch_mmu_marks_dirty(void)
{
    return features.hardware_dirty;
}

bool arch_code_coherent(void)
{
    return (~sysreg_read("ctr_el0") & (CTR_IDC | CTR_DIC)) == 0;
}

/* Of a page in the direct map, by lines; the sizes are logarithms of words. */
static void clean_for_fetches(uintptr_t from, uintptr_t end, uint64_t ctr)
{
    uintptr_t line = (uintptr_t)4 << (ctr >> 16 & 15);
    for (uintptr_t at = from; at < end; at += line)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
}

static void forget_fetched(uintptr_t from, uintptr_t end, uint64_t ctr)
{
    uintptr_t line = (uintptr_t)4 << (ctr & 15);
    if ((ctr & CTR_L1IP) != CTR_L1IP) { /* not by physical address: an alias forgets nothing */
        __asm__ volatile("ic ialluis" ::: "memory");
        return;
    }
    for (uintptr_t at = from; at < end; at += line)
        __asm__ volatile("ic ivau, %0" ::"r"(at) : "memory");
}

/*
 * The order is B2.4.4's: data to the point of unification, unless CTR_EL0.IDC says that it is there
 * (D19.2.34); that is finished on all CPUs (dsb ish); then instruction caches forget, unless DIC
 * says that they need not. That a CPU drops what it has fetched ahead is the part of its eret.
 */
void arch_code_sync(phys_t page, uint64_t size)
{
    uint64_t ctr = sysreg_read("ctr_el0");
    assert(is_aligned(page.pa | size, PAGE_SIZE));
    uintptr_t from = (uintptr_t)phys_to_virt(page), end = from + size;
    if ((ctr & CTR_IDC) == 0)
        clean_for_fetches(from, end, ctr);
    barrier_dsb("ish");
    if ((ctr & CTR_DIC) == 0)
        forget_fetched(from, end, ctr);
    barrier_dsb("ish");
}

int arch_mmu_leaf_level(void)
{
    return 2; /* the 4 KiB granule always has blocks of 1 GiB (D8.2.8) */
}

/* The tables of 4 KiB name no more than 48 bits. */
uint64_t arch_physical_end(void)
{
    return (uint64_t)1 << min_u64(features.physical_bits, 48);
}

uint32_t arch_mmu_kernel_flags(void)
{
    return mitigated(REMEDY_isolation) ? 0 : MAP_GLOBAL;
}

/* AT S1E1R asks the MMU itself (C5.5.13); the answer comes in PAR_EL1 (D19.2.102). */
phys_t mmu_translate(uintptr_t va)
{
    __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(va) : "memory");
    uint64_t answer = sysreg_read("par_el1");
    assert((answer & PAR_FAULT) == 0);
    return PHYS((answer & PTE_ADDRESS) | (va & (PAGE_SIZE - 1)));
}

static void flush_own(void)
{
    __asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}

void mmu_set_low(phys_t root)
{
    assert(is_aligned(root.pa, PAGE_SIZE));
    barrier_dsb("ishst"); /* the table's entries before its first walk */
    sysreg_write("ttbr0_el1", root.pa);
    barrier_isb();
    flush_own(); /* entries of the table before it: here they all bear the shared tag */
}

void mmu_clear_low(void)
{
    mmu_set_low(image_to_phys(early_tables.empty));
}

void mmu_replace(phys_t root)
{
    phys_t low = image_to_phys(early_tables.low_root);
    uintptr_t enter = image_to_phys((const void *)(uintptr_t)mmu_enter).pa;
    assert(!arch_irq_enabled() && is_aligned(root.pa, PAGE_SIZE));
    mmu_set_low(low);
    ((void (*)(phys_t, phys_t))enter)(root, low);
    mmu_clear_low();
}

void arch_mmu_switch(phys_t root)
{
    assert(root.pa != 0);
    mmu_replace(root);
}

/*
 * The order is D8.13.5's: the entries' stores are seen by all walkers (dsb ishst), the
 * translations are forgotten on all CPUs of the inner shareable domain, that is finished there
 * (dsb ish), and this CPU fetches nothing by the old ones (isb).
 */
void arch_tlb_flush(uintptr_t va, uint64_t size)
{
    assert(is_aligned(va, PAGE_SIZE) && va + size >= va);
    barrier_dsb("ishst");
    if (size > FLUSH_MOST * PAGE_SIZE)
        __asm__ volatile("tlbi vmalle1is" ::: "memory");
    else
        for (uintptr_t page = va; page < va + size; page += PAGE_SIZE)
            __asm__ volatile("tlbi vaae1is, %0" ::"r"(page >> PAGE_SHIFT & 0xfffffffffff)
                             : "memory");
    barrier_dsb("ish");
    barrier_isb();
}

bool arch_tlb_broadcasts(void)
{
    return true;
}

void arch_mmu_barrier(void)
{
    barrier_dsb("ishst");
    barrier_isb();
}
