/* x86-64: what a trap saves. entry.S pushes it; the order is known there too. */
#pragma once

#include "lib/types.h"

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* pushed by the CPU */
};

static inline uintptr_t trap_pc(const struct trap_frame *frame)
{
    return frame->rip;
}

static inline uintptr_t trap_sp(const struct trap_frame *frame)
{
    return frame->rsp;
}

static inline uintptr_t trap_frame_pointer(const struct trap_frame *frame)
{
    return frame->rbp;
}

/* The registers of now, as if interrupted at `pc` in a function with frame pointer `fp`. */
static inline void arch_trap_capture(struct trap_frame *frame, uintptr_t pc, uintptr_t fp)
{
    __asm__ volatile("movq %%r15, 0(%0)\n\tmovq %%r14, 8(%0)\n\tmovq %%r13, 16(%0)\n\t"
                     "movq %%r12, 24(%0)\n\tmovq %%r11, 32(%0)\n\tmovq %%r10, 40(%0)\n\t"
                     "movq %%r9, 48(%0)\n\tmovq %%r8, 56(%0)\n\tmovq %%rdi, 72(%0)\n\t"
                     "movq %%rsi, 80(%0)\n\tmovq %%rdx, 88(%0)\n\tmovq %%rcx, 96(%0)\n\t"
                     "movq %%rbx, 104(%0)\n\tmovq %%rax, 112(%0)\n\tmovw %%cs, 144(%0)\n\t"
                     "movw %%ss, 168(%0)\n\tpushfq\n\tpopq 152(%0)"
                     :
                     : "r"(frame)
                     : "memory");
    frame->rip = pc;
    frame->rbp = fp;
    frame->rsp = (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t);
}
