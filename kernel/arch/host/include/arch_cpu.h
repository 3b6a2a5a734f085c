/* The host: a simulated CPU is a thread (inline part of arch/cpu.h). */
#pragma once

#include "lib/types.h"

struct arch_cpu {
    uint32_t unused;
};

extern _Thread_local void *host_cpu_self; /* struct cpu; boot_cpu for the first thread */
extern _Thread_local bool host_irq_on;

/* Takes the simulated interrupts that came while they were off. */
void host_irq_serve(void);

void host_relax(void);
uint64_t host_counter(void);

static inline void *arch_cpu_self(void)
{
    return host_cpu_self;
}

static inline void arch_cpu_relax(void)
{
    host_relax();
}

static inline uint64_t arch_irq_save(void)
{
    bool before = host_irq_on;
    host_irq_on = false;
    return before;
}

static inline void arch_irq_restore(uint64_t state)
{
    host_irq_on = state != 0;
    if (host_irq_on)
        host_irq_serve();
}

static inline void arch_irq_window(void)
{
    arch_irq_restore(true);
    (void)arch_irq_save();
}

static inline bool arch_irq_enabled(void)
{
    return host_irq_on;
}

static inline uintptr_t arch_frame_pointer(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

static inline uint64_t arch_counter(void)
{
    return host_counter();
}
