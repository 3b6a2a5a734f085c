/* AArch64: the state that a trap interrupts (inline part of arch/trap.h). */
#ifndef ARCH_TRAP_AARCH64_H
#define ARCH_TRAP_AARCH64_H

#include "lib/types.h"

/* Saved by entry.S, which knows the offsets by arch_layout.h. */
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

#endif
