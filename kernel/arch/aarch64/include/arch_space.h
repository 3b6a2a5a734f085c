/*
 * AArch64: the user half (inline part of arch/space.h). TTBR0_EL1 has the root of its tables and
 * the tag (ASID) that its translations bear; space.c gives the tags out.
 */
#pragma once

#include "sched/cpu.h"
#include <stdatomic.h>

#define SPACE_TAG_SHIFT  48
#define SPACE_TAG_SHARED 0 /* of all spaces that got no other, and of the empty one */
#define SPACE_TAG_KERNEL 1 /* with REMEDY_isolation; nobody's else */

struct arch_space {
    uint64_t base; /* TTBR0_EL1: tag and root (isolated: the empty one); constant */
    uint64_t user; /* the same with its own root; for guarded.S, as the next; constant */
    uint64_t job;  /* identity of its job; constant */
};

/* What guarded.S reads; mitigations.c. A page of its own. */
struct entry_words {
    uint64_t empty;   /* TTBR0 of the kernel */
    uint64_t kernel;  /* TTBR1 of the kernel: tag and root */
    uint64_t user;    /* root of user mode's TTBR1; 0: not isolated */
    uint64_t history; /* turns of the loop that fills the branch history; 0: none */
    uint64_t unused[PAGE_SIZE / sizeof(uint64_t) - 4];
};

/* Forgets what this CPU has of the shared tag. */
void space_forget_shared(void);

/*
 * The kernel does not look at user addresses, so user mode is the first to need the new tables:
 * eret makes the write seen (SCTLR_EL1.EOS).
 */
static inline void space_load(uint64_t base)
{
    __asm__ volatile("msr ttbr0_el1, %0" ::"r"(base) : "memory");
    if (base >> SPACE_TAG_SHIFT == SPACE_TAG_SHARED)
        space_forget_shared();
}

static inline void arch_space_switch(struct cpu *cpu, struct arch_space *space)
{
    if (atomic_load_explicit(&cpu->arch.space, memory_order_relaxed) != space) {
        atomic_store_explicit(&cpu->arch.space, space, memory_order_relaxed);
        space_load(space->base);
    }
    __asm__ volatile("dmb ish" ::: "memory");
}
