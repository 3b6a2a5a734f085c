/* AArch64: threads in user mode (inline part of arch/user.h). */
#pragma once

#include "lib/assert.h"
#include "sched/cpu.h"

struct abi_fpu;

/* What a thread has besides its frame. Its owner's. */
struct arch_thread {
    bool fpu_live;           /* it has used FPU or SIMD (fpu.c) */
    uint64_t thread_pointer; /* TPIDR_EL0, which user mode writes; current while it does not run */
    struct cpu *fpu_cpu;     /* where `fpu` was loaded last; NULL: nowhere, or changed since */
    struct abi_fpu *fpu;     /* constant pointer; current like `thread_pointer` */
};

/* Where clang 19 passes the arguments then, entry code knows; the result is where it always is. */
#define ARCH_ENTRY __attribute__((preserve_none))

static inline uint64_t frame_control(const struct trap_frame *frame)
{
    return frame->x[9];
}

static inline uint64_t frame_operand(const struct trap_frame *frame, uint32_t i)
{
    debug_assert(i < 4);
    return frame->x[10 + i];
}

static inline uint64_t frame_label(const struct trap_frame *frame)
{
    return frame->x[8];
}

static inline uint64_t frame_word(const struct trap_frame *frame, uint32_t i)
{
    debug_assert(i < MESSAGE_WORDS);
    return frame->x[i];
}

static inline void frame_set_control(struct trap_frame *frame, uint64_t value)
{
    frame->x[9] = value;
}

static inline void frame_set_operand(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    debug_assert(i < 4);
    frame->x[10 + i] = value;
}

static inline void frame_set_label(struct trap_frame *frame, uint64_t value)
{
    frame->x[8] = value;
}

static inline void frame_set_word(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    debug_assert(i < MESSAGE_WORDS);
    frame->x[i] = value;
}

/* What a foreign system call gives back. */
static inline void frame_set_result(struct trap_frame *frame, uint64_t value)
{
    frame->x[0] = value;
}

static inline void frame_copy_message(struct trap_frame *to, const struct trap_frame *from)
{
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        to->x[i] = from->x[i];
    to->x[8] = from->x[8];
}

/* There is one entry only. */
static inline bool frame_entered_old(const struct trap_frame *frame)
{
    (void)frame;
    return false;
}

/* fpu.c: for those that use it. */
void fpu_switch(struct cpu *self, struct arch_thread *state);
void fpu_store(struct abi_fpu *to);
void fpu_load(const struct abi_fpu *from);

static inline void thread_arch_leave(struct cpu *cpu, struct arch_thread *state)
{
    debug_assert(cpu->arch.loaded == state); /* else this would save somebody else's */
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(state->thread_pointer));
    debug_assert(!state->fpu_live || (cpu->arch.fpu_on && cpu->arch.fpu == state));
    if (UNLIKELY(state->fpu_live))
        fpu_store(state->fpu);
}

/* From one that uses it to another, the commonest case, in line. */
INLINE void thread_fpu_switch(struct cpu *cpu, struct arch_thread *state)
{
    if (!cpu->arch.fpu_on || !state->fpu_live || cpu->arch.fpu == state) {
        fpu_switch(cpu, state);
        return;
    }
    cpu->arch.fpu = state;
    state->fpu_cpu = cpu;
    fpu_load(state->fpu);
}

static inline void thread_arch_switch(struct cpu *cpu, struct arch_thread *state)
{
    if (CONFIG_DEBUG)
        cpu->arch.loaded = state;
    __asm__ volatile("msr tpidr_el0, %0" ::"r"(state->thread_pointer));
    if (UNLIKELY(cpu->arch.fpu_on || state->fpu_live))
        thread_fpu_switch(cpu, state);
}

/* Macros, because struct thread, which has a struct arch_thread, is not known here yet. */
#define arch_thread_leave(cpu, thread) thread_arch_leave(cpu, &(thread)->arch)
#define arch_thread_switch(cpu, to)    thread_arch_switch(cpu, &(to)->arch)
