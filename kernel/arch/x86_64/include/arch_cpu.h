/* x86-64: the CPU (inline part of arch/cpu.h). */
#pragma once

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

struct arch_space;
struct arch_thread;
struct entry_area;

#define SPACE_TAGS 64 /* PCIDs in use: 1 to SPACE_TAGS (arch_space.h) */

/* What a thread may have that is not in its frame, and a CPU may have loaded. */
enum arch_extra {
    EXTRA_BASES = 1 << 0, /* a base of FS or GS that is not 0 */
    EXTRA_FPU = 1 << 1,   /* FPU state; of a CPU: user mode may use the registers (CR0.TS clear) */
};

/*
 * What entry code keeps per CPU; GS base points here while the kernel runs. Down to `tss` known by
 * offset (arch_layout.h). This CPU alone writes it, and reads all but `space`.
 */
struct arch_cpu {
    void *self;       /* the struct cpu */
    uintptr_t stack;  /* the kernel stack's top, where entries from ring 3 begin */
    uint64_t scratch; /* for syscall's entry */
    uint64_t gdt[GDT_ENTRIES];
    uint32_t tss_align;                   /* so that tss.stack is aligned */
    struct tss tss;                       /* stack[0]: the end of the current thread's frame */
    struct entry_area *area;              /* GS base where guarded.S is used; else NULL; constant */
    uint64_t barrier_job;                 /* identity of the job that last ran; 0: none */
    uint8_t extra;                        /* enum arch_extra: what is loaded */
    _Atomic(struct arch_space *) space;   /* the user half in use, NULL: none; read by any CPU */
    uint64_t fs_base, gs_base;            /* as loaded; user code can only turn them into 0 */
    struct arch_thread *fpu;              /* whose state was loaded last; may be gone */
    uint64_t versions;                    /* of spaces, given out by this CPU */
    uint64_t tag_version[SPACE_TAGS + 1]; /* the version of the space that the TLB has by a tag */
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

/* Interrupts are off: takes those that wait. */
static inline void arch_irq_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory"); /* sti counts behind the next instruction */
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
