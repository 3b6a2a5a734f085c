/* The host: the registers of a thread that never runs (inline part of arch/trap.h). */
#ifndef ARCH_TRAP_HOST_H
#define ARCH_TRAP_HOST_H

#include "lib/types.h"

struct trap_frame {
    uint64_t control;
    uint64_t operands[4];
    uint64_t label;
    uint64_t words[6];
    uintptr_t pc, sp, frame_pointer;
    bool old; /* entered by the second entry */
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
    return frame->frame_pointer;
}

static inline void arch_trap_capture(struct trap_frame *frame, uintptr_t pc, uintptr_t fp)
{
    *frame = (struct trap_frame){.pc = pc, .frame_pointer = fp};
}

#endif
