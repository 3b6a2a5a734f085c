/* The host: a thread's registers (inline part of arch/user.h). */
#pragma once

#include "lib/types.h"

#define ARCH_ENTRY

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
    return frame->operand[i];
}

static inline void frame_set_operand(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    frame->operand[i] = value;
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
    return frame->word[i];
}

static inline void frame_set_word(struct trap_frame *frame, uint32_t i, uint64_t value)
{
    frame->word[i] = value;
}

/* What a foreign call finds its result in. */
static inline void frame_set_result(struct trap_frame *frame, uint64_t value)
{
    frame->label = value;
}

static inline void frame_copy_message(struct trap_frame *to, const struct trap_frame *from)
{
    to->label = from->label;
    for (uint32_t i = 0; i < 6; i++)
        to->word[i] = from->word[i];
}

static inline bool frame_entered_old(const struct trap_frame *frame)
{
    return frame->old != 0;
}

/* What is not in the frame. */
struct arch_thread {
    uint64_t thread_pointer;
    uint64_t fpu; /* stands for the FPU's state */
};

/* What this simulated CPU has loaded. */
extern _Thread_local struct arch_thread host_loaded;

/* Macros, since struct thread, which contains what is above, is not complete here. */
#define arch_thread_leave(cpu, thread) ((void)(cpu), (void)((thread)->arch = host_loaded))
#define arch_thread_switch(cpu, to)    ((void)(cpu), (void)(host_loaded = (to)->arch))
