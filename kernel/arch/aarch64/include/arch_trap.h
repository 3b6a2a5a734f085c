/* AArch64: the state that a trap interrupts (inline part of arch/trap.h). */
#pragma once

#include "lib/types.h"

/*
 * Saved by entry.S, which knows the offsets by arch_layout.h: of the kernel, on its stack; of a
 * thread, at the beginning of its struct. There the last fault's cause stays until the next.
 */
struct trap_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;     /* ELR_EL1 */
    uint64_t status; /* SPSR_EL1: the interrupted PSTATE */
    uint64_t cause;  /* ESR_EL1 */
    uint64_t fault;  /* FAR_EL1 */
    uint64_t vector; /* 0..15: its place in the vector table; + VECTOR_STACK_BAD */
    uint64_t reserved;
};

static inline uintptr_t trap_pc(const struct trap_frame *frame)
{
    return frame->pc;
}

static inline uintptr_t trap_sp(const struct trap_frame *frame)
{
    return frame->sp;
}

static inline uintptr_t trap_frame_pointer(const struct trap_frame *frame)
{
    return frame->x[29];
}

/* The registers of now, as if interrupted at `pc` in a function with frame pointer `fp`. */
static inline void arch_trap_capture(struct trap_frame *frame, uintptr_t pc, uintptr_t fp)
{
    __asm__ volatile("stp x0, x1, [%0]\n\tstp x2, x3, [%0, #16]\n\tstp x4, x5, [%0, #32]\n\t"
                     "stp x6, x7, [%0, #48]\n\tstp x8, x9, [%0, #64]\n\t"
                     "stp x10, x11, [%0, #80]\n\tstp x12, x13, [%0, #96]\n\t"
                     "stp x14, x15, [%0, #112]\n\tstp x16, x17, [%0, #128]\n\t"
                     "stp x18, x19, [%0, #144]\n\tstp x20, x21, [%0, #160]\n\t"
                     "stp x22, x23, [%0, #176]\n\tstp x24, x25, [%0, #192]\n\t"
                     "stp x26, x27, [%0, #208]\n\tstp x28, x29, [%0, #224]\n\t"
                     "str x30, [%0, #240]"
                     :
                     : "r"(frame)
                     : "memory");
    frame->pc = pc;
    frame->x[29] = fp;
    frame->sp = (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t);
}
