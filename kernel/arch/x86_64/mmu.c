/* x86-64: switching and flushing (arch/mmu.h). The form of entries is in arch_mmu.h. */
#include "arch/mmu.h"
#include "mitigations.h"
#include "registers.h"
#include "x86.h"

/* Above this many pages, reloading everything is cheaper than page by page. */
#define FLUSH_PAGES_MAX 64

pte_t pte_no_execute;

int arch_mmu_leaf_level(void)
{
    return features.page_1gib ? 2 : 1;
}

/* MAXPHYADDR; 36 where the CPU does not say (SDM 3A 4.1.4). */
uint64_t arch_physical_end(void)
{
    uint32_t bits = cpuid_leaf(0x80000008, 0).a & 0xff;
    return (uint64_t)1 << (bits != 0 ? bits : 36);
}

uint32_t arch_mmu_kernel_flags(void)
{
    return mitigated(REMEDY_pti) ? 0 : MAP_GLOBAL;
}

void arch_mmu_switch(phys_t root)
{
    cr3_write(root.pa);
}

/* INVPCID type 2: all contexts, global entries too (SDM 3A 4.10.4.1). */
static void flush_invpcid(void)
{
    const uint64_t descriptor[2] = {0, 0};
    __asm__ volatile("invpcid %0, %1" ::"m"(descriptor), "r"((uint64_t)2) : "memory");
}

/* Toggling PGE drops global entries too (ibidem). */
static void flush_all(void)
{
    if (features.invpcid) {
        flush_invpcid();
        return;
    }
    uint64_t cr4 = cr4_read();
    cr4_write(cr4 & ~(uint64_t)CR4_PGE);
    cr4_write(cr4);
}

void arch_tlb_flush(uintptr_t va, uint64_t size)
{
    if (size / PAGE_SIZE > FLUSH_PAGES_MAX) {
        flush_all();
        return;
    }
    for (uint64_t at = 0; at < size; at += PAGE_SIZE)
        __asm__ volatile("invlpg (%0)" ::"r"(va + at) : "memory");
}

bool arch_tlb_broadcasts(void)
{
    return false;
}

/* Stores are seen by the walker in order (SDM 3A 4.10.2.3); only the compiler must be held. */
void arch_mmu_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}
