/* x86-64: what a trap saves. entry.S pushes it; the order is known there too. */
#ifndef ARCH_TRAP_X86_64_H
#define ARCH_TRAP_X86_64_H

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

#endif
