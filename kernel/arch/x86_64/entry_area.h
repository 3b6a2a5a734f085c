/*
 * x86-64: what ring 3's root shows of the kernel where guarded.S is used: a page for each CPU.
 *
 * It holds what the CPU itself reads (GDT, TSS, small stacks for traps) and what the first and last
 * instructions of the kernel need. GS base points here instead of to struct cpu, whose GDT and TSS
 * are not loaded then; tss.stack[0] of that is still the end of the current thread's frame. What
 * stands here is no secret but for the stacks, which hold the registers of whom a trap interrupted.
 *
 * Life cycle: made with the CPU (arch_trap_prepare), for ever. This CPU alone uses it.
 */
#pragma once

#include "lib/error.h"
#include "mem/ptab.h"
#include "sched/cpu.h"
#include "x86.h"

/* Of NMI, double fault, machine check, debug exceptions: the frame, and where to go on. */
struct entry_stack {
    struct trap_frame frame;
    uint64_t big; /* top of the CPU's own stack for this trap */
    uint64_t unused;
};

struct entry_area {
    void *self; /* struct cpu, as in struct arch_cpu; and the next two */
    uintptr_t stack;
    uint64_t scratch;
    uint64_t rax;
    uint64_t kernel_cr3;
    uint64_t
        user_cr3;    /* of the space in use; without CR3_KEEP once if its tag is to be forgotten */
    uint64_t keep;   /* CR3_KEEP where there are PCIDs */
    uint32_t guards; /* GUARD_PTI and so on */
    uint16_t selector;  /* for VERW */
    uint64_t iret_sp;   /* address of `iret` */
    uint64_t entry[10]; /* the stack of entries from ring 3, down from the end of `iret` */
    uint64_t iret[5];   /* what leaving by IRETQ takes */
    uint64_t gdt[GDT_ENTRIES];
    uint32_t tss_align;
    struct tss tss;
    struct entry_stack stacks[IST_COUNT - 1] __attribute__((aligned(16)));
};

/* Nothing if guarded.S is not used; no_memory. */
error_t entry_area_make(struct cpu *cpu);

/* Shows a page of the kernel at its own address to ring 3's roots, for the CPU only. Boot CPU. */
void entry_show(const void *page, uint32_t flags);

/* The root whose upper half every space's has. */
phys_t entry_root(void);
