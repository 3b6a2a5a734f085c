/* The host: the frame of a thread that never runs by itself (inline part of arch/trap.h). */
#pragma once

#include "lib/types.h"

struct trap_frame {
    uint64_t control;
    uint64_t operand[4];
    uint64_t label;
    uint64_t word[6];
    uint64_t pc, sp;
    uint64_t old; /* entered by the second entry */
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
    (void)frame;
    return 0;
}

static inline void arch_trap_capture(struct trap_frame *frame, uintptr_t pc, uintptr_t fp)
{
    (void)fp;
    *frame = (struct trap_frame){.pc = pc};
}
