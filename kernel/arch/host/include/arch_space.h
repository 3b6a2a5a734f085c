/* The host: a simulated CPU is in a space by name only (inline part of arch/space.h). */
#pragma once

#include "lib/types.h"
#include <stdatomic.h>

struct arch_space {
    phys_t root;
    _Atomic(uint64_t) flushes; /* so far; for tests */
};

struct cpu;

extern _Thread_local struct arch_space *host_space; /* that this simulated CPU is in */

static inline void arch_space_switch(struct cpu *cpu, struct arch_space *space)
{
    (void)cpu;
    host_space = space;
    atomic_thread_fence(memory_order_seq_cst);
}
