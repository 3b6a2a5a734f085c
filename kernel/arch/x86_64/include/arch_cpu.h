/* x86-64: the CPU (inline part of arch/cpu.h). */
#ifndef ARCH_CPU_X86_64_H
#define ARCH_CPU_X86_64_H

#include "lib/types.h"

#define GDT_ENTRIES 7 /* null, kernel code, kernel data, user data, user code, TSS (two) */

/* Task state segment, 64 bit (Intel SDM 3A 8.7): stacks for traps. */
struct tss {
    uint32_t reserved0;
    uint64_t stack[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

/* What entry code keeps per CPU; GS base points here. */
struct arch_cpu {
    void *self; /* gs:0, the struct cpu */
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
    uint64_t timer_target; /* counter value armed for, 0: none */
};

static inline void *arch_cpu_self(void)
{
    void *self;
    __asm__("movq %%gs:0, %0" : "=r"(self));
    return self;
}

static inline void arch_cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

#define FLAGS_INTERRUPT ((uint64_t)1 << 9)

static inline uint64_t arch_irq_save(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
    return flags;
}

static inline void arch_irq_restore(uint64_t state)
{
    if ((state & FLAGS_INTERRUPT) != 0)
        __asm__ volatile("sti" ::: "memory");
}

static inline bool arch_irq_enabled(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return (flags & FLAGS_INTERRUPT) != 0;
}

static inline uintptr_t arch_frame_pointer(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

/* The time stamp counter, read after all earlier loads (Intel SDM 2B, RDTSC). */
static inline uint64_t arch_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

#endif
