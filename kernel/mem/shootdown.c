/* TLB shoot-down: by the hardware's broadcast where there is one, else by calls to all CPUs. */
#include "mem/shootdown.h"
#include "arch/mmu.h"
#include "lib/assert.h"
#include "sched/cpu.h"

struct shootdown {
    uintptr_t va;
    uint64_t size;
};

static void shootdown_local(void *argument)
{
    const struct shootdown *range = argument;
    arch_tlb_flush(range->va, range->size);
}

void shootdown_range(uintptr_t va, uint64_t size)
{
    debug_assert(cpu_self()->held_count == 0);
    struct shootdown range = {.va = va, .size = size};
    cpu_metric_add(cpu_self(), METRIC_shootdowns, 1);
    arch_mmu_barrier();
    shootdown_local(&range);
    if (!arch_tlb_broadcasts())
        cpu_call_others(shootdown_local, &range);
}
