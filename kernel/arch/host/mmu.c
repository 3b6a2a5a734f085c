/* The host has no page tables of its own: flushes are counted, switches are ignored. */
#include "arch/mmu.h"
#include "host.h"

#include <stdatomic.h>

struct frame *host_frame_base;

static _Atomic(uint64_t) host_flushes;
static _Atomic(bool) host_broadcasts;
static _Atomic(uint64_t) host_synced;
static bool host_dirty;

uint64_t host_tlb_flushes(void)
{
    return host_flushes;
}

void host_tlb_broadcast(bool broadcasts)
{
    host_broadcasts = broadcasts;
}

void host_mark_dirty(bool marks)
{
    host_dirty = marks;
}

bool arch_mmu_marks_dirty(void)
{
    return host_dirty;
}

uint64_t host_code_synced(void)
{
    return host_synced;
}

void arch_code_sync(phys_t page, uint64_t size)
{
    (void)page;
    host_synced += size;
}

int arch_mmu_leaf_level(void)
{
    return 2;
}

uint64_t arch_physical_end(void)
{
    return (uint64_t)1 << 48;
}

void arch_mmu_switch(phys_t root)
{
    (void)root;
}

void arch_tlb_flush(uintptr_t va, uint64_t size)
{
    (void)va;
    (void)size;
    host_flushes++;
}

bool arch_tlb_broadcasts(void)
{
    return host_broadcasts;
}

void arch_mmu_barrier(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}
