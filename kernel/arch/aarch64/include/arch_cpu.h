/* AArch64: the CPU (inline part of arch/cpu.h). */
#pragma once

#include "lib/types.h"

struct arch_space;
struct arch_thread;

/* What entry code keeps per CPU; TPIDR_EL1 points here. Up to barrier_job: arch_layout.h. */
struct arch_cpu {
    uintptr_t stack_low;     /* the stack in use */
    uintptr_t emergency_low; /* the stack for traps that find the other one unusable */
    uintptr_t bad_sp;        /* the last unusable SP */
    uintptr_t lost_low;      /* the stack that it was off */
    uint64_t scratch[2];
    uintptr_t stack_high; /* of the kernel's stack, which is empty while a thread runs */
    uintptr_t no_frame;   /* 0 */
    _Atomic(struct arch_space *) space; /* the user half in use; NULL: the empty one; read by any */
    uint64_t barrier_job;               /* identity of the job that ran last, for guarded.S */
    struct arch_thread *fpu;    /* whose FPU registers were loaded last (fpu.c); may be gone */
    bool fpu_on;                /* user mode may use them: they are the running thread's */
    struct arch_thread *loaded; /* who was switched to last; debug builds only; may be gone */
    uint32_t gic_target;        /* GICv2: this CPU's bit in target registers */
    uint64_t its_target;        /* GICv3: as MAPC wants it (IHI0069 5.3.11); 0: no messages */
};

static inline void *arch_cpu_self(void)
{
    void *self;
    __asm__("mrs %0, tpidr_el1" : "=r"(self));
    return self;
}

static inline void arch_cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

#define DAIF_IRQ ((uint64_t)1 << 7)

static inline uint64_t arch_irq_save(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(state)::"memory");
    return state;
}

static inline void arch_irq_restore(uint64_t state)
{
    __asm__ volatile("msr daif, %0" ::"r"(state) : "memory");
}

/* Interrupts are off: takes those that wait. */
static inline void arch_irq_window(void)
{
    __asm__ volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
}

static inline bool arch_irq_enabled(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, daif" : "=r"(state)::"memory");
    return (state & DAIF_IRQ) == 0;
}

static inline uintptr_t arch_frame_pointer(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

/* The virtual counter; isb keeps it from being read ahead of earlier code (Arm ARM D12.1.2). */
static inline uint64_t arch_counter(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count)::"memory");
    return count;
}
