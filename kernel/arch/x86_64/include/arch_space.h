/*
 * x86-64: a process's half of the address space (inline part of arch/space.h).
 *
 * The upper half of every root is the kernel's: the same top entries, which never change after
 * vmap_init. Without PCIDs, loading CR3 forgets the whole user half, and that is all.
 *
 * With PCIDs, a space has a tag that others may share, and a *version*, which is new at each flush
 * and never used again by any space. A CPU remembers for each tag the version that its TLB stands
 * for. Switching: store `space`, full barrier, read the version: another one means forget.
 * Flushing: change tables, new version, full barrier, read the CPUs' `space`: those are
 * interrupted. So either the CPU sees the new version, or it is interrupted.
 */
#pragma once

#include "lib/types.h"
#include "sched/cpu.h"

struct arch_space {
    uint64_t cr3;              /* root, and tag in bits 0 to 11; constant */
    uint32_t tag;              /* PCID; 0: this CPU has none, nor a mitigation; constant */
    uint64_t job;              /* identity of its job; constant */
    _Atomic(uint64_t) version; /* unique among all spaces and times */
};

void arch_space_switch_tagged(struct cpu *cpu, struct arch_space *space);

/* Loading CR3 is serialising, and so a full barrier (SDM 3A 8.3). */
static inline void arch_space_switch(struct cpu *cpu, struct arch_space *space)
{
    if (atomic_load_explicit(&cpu->arch.space, memory_order_relaxed) == space) {
        atomic_thread_fence(memory_order_seq_cst);
        return;
    }
    if (space->tag != 0) {
        arch_space_switch_tagged(cpu, space);
        return;
    }
    atomic_store_explicit(&cpu->arch.space, space, memory_order_relaxed);
    __asm__ volatile("movq %0, %%cr3" ::"r"(space->cr3) : "memory");
}
