/* Address spaces of the host: nothing translates by their tables, unless a test walks them. */
#include "arch/space.h"
#include "host.h"
#include "lib/assert.h"
#include "sched/cpu.h"

_Thread_local struct arch_space *host_space;

static void (*host_space_flushed)(struct arch_space *space, uintptr_t va, uint64_t size);

void host_space_watch(void (*flushed)(struct arch_space *space, uintptr_t va, uint64_t size))
{
    host_space_flushed = flushed;
}

void arch_space_init(struct arch_space *space, phys_t root)
{
    space->root = root;
    atomic_init(&space->flushes, 0);
}

void arch_space_vacate(struct arch_space *space)
{
    if (host_space == space)
        host_space = NULL;
}

void arch_space_end(struct arch_space *space)
{
    arch_space_vacate(space);
}

void arch_space_flush(struct arch_space *space, uintptr_t va, uint64_t size)
{
    assert(cpu_self()->held_count == 0);
    atomic_fetch_add(&space->flushes, 1);
    if (host_space_flushed != NULL)
        host_space_flushed(space, va, size);
}

void arch_space_leave(struct cpu *self)
{
    (void)self;
    host_space = NULL;
}
