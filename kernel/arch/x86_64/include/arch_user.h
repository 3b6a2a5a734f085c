/*
 * x86-64: a thread's registers (inline part of arch/user.h).
 *
 * What is not in the frame: the bases of FS and GS, and the FPU. Both are looked at in a switch
 * only if either side has any (enum arch_extra). Selectors in DS, ES, FS, GS are no state: user
 * code can load them, which changes nothing in 64-bit mode but a base to 0, until the next switch.
 */
#pragma once

#include "arch_layout.h"
#include "lib/assert.h"
#include "sched/cpu.h"

/* Index of a register among the frame's 64-bit fields. */
#define FRAME_INDEX(field) (offsetof(struct trap_frame, field) / sizeof(uint64_t))

/* Where clang 19 passes the arguments then, entry code knows; the result is where it always is. */
#define ARCH_ENTRY __attribute__((preserve_none))

static inline uint64_t frame_control(const struct trap_frame *frame)
{
    return frame->rbx;
}

static inline void frame_set_control(struct trap_frame *frame, uint64_t value)
{
    frame->rbx = value;
}

/* r12, r13, r14, r15 stand in the opposite order. */
static inline uint64_t frame_operand(const struct trap_frame *frame, uint32_t i)
{
    return ((const uint64_t *)frame)[FRAME_INDEX(r12) - i];
}

static inline void frame_set_operand(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    ((uint64_t *)frame)[FRAME_INDEX(r12) - i] = value;
}

static inline uint64_t frame_label(const struct trap_frame *frame)
{
    return frame->rax;
}

static inline void frame_set_label(struct trap_frame *frame, uint64_t value)
{
    frame->rax = value;
}

static inline uint32_t frame_word_index(uint32_t i)
{
    static const uint8_t index[] = {FRAME_INDEX(rdi), FRAME_INDEX(rsi), FRAME_INDEX(rdx),
                                    FRAME_INDEX(r10), FRAME_INDEX(r8),  FRAME_INDEX(r9)};
    return index[i];
}

static inline uint64_t frame_word(const struct trap_frame *frame, uint32_t i)
{
    return ((const uint64_t *)frame)[frame_word_index(i)];
}

static inline void frame_set_word(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    ((uint64_t *)frame)[frame_word_index(i)] = value;
}

/* What a Linux program finds its system call's result in. */
static inline void frame_set_result(struct trap_frame *frame, uint64_t value)
{
    frame->rax = value;
}

static inline void frame_copy_message(struct trap_frame *to, const struct trap_frame *from)
{
    to->rax = from->rax;
    to->rdi = from->rdi;
    to->rsi = from->rsi;
    to->rdx = from->rdx;
    to->r10 = from->r10;
    to->r8 = from->r8;
    to->r9 = from->r9;
}

static inline bool frame_entered_old(const struct trap_frame *frame)
{
    return frame->vector == FRAME_SYSCALL_OLD;
}

/*
 * The FPU area is made with the thread. It is current whenever the thread is not: arch_thread_leave
 * writes it. A CPU that loaded it last need not load it again (`fpu_cpu` and arch_cpu.fpu agree).
 */
struct arch_thread {
    uint8_t extra;    /* enum arch_extra; its owner's, as all of this */
    uint32_t fpu_cpu; /* number + 1 of the CPU that loaded the area last; 0: changed since */
    uint64_t fs_base, gs_base;
    void *fpu; /* arch_fpu_size() bytes, aligned to 64; constant */
};

/* fpu.c, user.c: the parts for those that have any. */
void thread_extra_switch(struct cpu *cpu, struct arch_thread *to);
void fpu_leave(struct arch_thread *thread);

/* fpu.c: what is saved, if the CPU has XSAVEOPT, else 0; set once. */
extern uint32_t fpu_states;

/* From one with an FPU state to another: the commonest case, in line. */
static inline void thread_extra_load(struct cpu *cpu, struct arch_thread *to)
{
    if (cpu->arch.extra != EXTRA_FPU || to->extra != EXTRA_FPU || cpu->arch.fpu == to ||
        fpu_states == 0) {
        thread_extra_switch(cpu, to);
        return;
    }
    __asm__ volatile("xrstor64 (%0)" ::"r"(to->fpu), "a"(fpu_states), "d"(0) : "memory");
    cpu->arch.fpu = to;
    to->fpu_cpu = cpu->number + 1;
}

static inline void thread_arch_switch(struct cpu *cpu, struct trap_frame *frame,
                                      struct arch_thread *to)
{
    cpu->arch.tss.stack[0] = (uint64_t)(uintptr_t)(frame + 1);
    if (UNLIKELY((cpu->arch.extra | to->extra) != 0))
        thread_extra_load(cpu, to);
}

/* A current thread that has a state has it in the registers, by thread_extra_load. */
static inline void thread_arch_leave(struct cpu *cpu, struct arch_thread *thread)
{
    if (LIKELY((thread->extra & EXTRA_FPU) == 0))
        return;
    debug_assert((cpu->arch.extra & EXTRA_FPU) != 0);
    debug_assert(cpu->arch.fpu == thread && thread->fpu_cpu == cpu->number + 1);
    if (LIKELY(fpu_states != 0))
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(thread->fpu), "a"(fpu_states), "d"(0) : "memory");
    else
        fpu_leave(thread);
}

/* Macros, since struct thread, which contains what is above, is not complete here. */
#define arch_thread_leave(cpu, thread) thread_arch_leave(cpu, &(thread)->arch)
#define arch_thread_switch(cpu, to)    thread_arch_switch(cpu, &(to)->frame, &(to)->arch)
