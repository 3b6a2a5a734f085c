/* The host: a thread's registers (inline part of arch/user.h). */
#ifndef ARCH_USER_HOST_H
#define ARCH_USER_HOST_H

#include "lib/assert.h"
#include "lib/types.h"
#include "sched/cpu.h"

static inline uint64_t frame_control(const struct trap_frame *frame)
{
    return frame->control;
}

static inline void frame_set_control(struct trap_frame *frame, uint64_t value)
{
    frame->control = value;
}

static inline uint64_t frame_operand(const struct trap_frame *frame, uint32_t i)
{
    return frame->operands[i];
}

static inline void frame_set_operand(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    frame->operands[i] = value;
}

static inline uint64_t frame_label(const struct trap_frame *frame)
{
    return frame->label;
}

static inline void frame_set_label(struct trap_frame *frame, uint64_t value)
{
    frame->label = value;
}

static inline uint64_t frame_word(const struct trap_frame *frame, uint32_t i)
{
    return frame->words[i];
}

static inline void frame_set_word(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    frame->words[i] = value;
}

static inline void frame_set_result(struct trap_frame *frame, uint64_t value)
{
    frame->words[0] = value;
}

static inline void frame_copy_message(struct trap_frame *to, const struct trap_frame *from)
{
    to->label = from->label;
    for (uint32_t i = 0; i < 6; i++)
        to->words[i] = from->words[i];
}

static inline bool frame_entered_old(const struct trap_frame *frame)
{
    return frame->old;
}

/* Number + 1 of the CPU in whose registers the thread is: it is to leave before it goes on. */
struct arch_thread {
    uint32_t live;
};

static inline void host_thread_leave(const struct cpu *cpu, struct arch_thread *thread)
{
    assert(thread->live == 0 || thread->live == cpu->number + 1);
    thread->live = 0;
}

static inline void host_thread_switch(const struct cpu *cpu, struct arch_thread *to)
{
    assert(to->live == 0 || to->live == cpu->number + 1);
    to->live = cpu->number + 1;
}

/* Macros, since struct thread, which contains what is above, is not complete here. */
#define arch_thread_leave(cpu, thread) host_thread_leave(cpu, &(thread)->arch)
#define arch_thread_switch(cpu, to)    host_thread_switch(cpu, &(to)->arch)

#endif
