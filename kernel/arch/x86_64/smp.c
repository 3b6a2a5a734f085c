/*
 * x86-64: starting other CPUs by INIT and SIPI, and interrupting them.
 *
 * A CPU starts in real mode in the trampoline (trampoline.S), copied to a page below 1 MiB that
 * the memory map calls usable. The trampoline needs an identity map for a few instructions: a
 * page table of its own maps just its page there, beside the kernel's upper half.
 * Source: Intel SDM 3A 8.4 (MP initialisation); MultiProcessor Specification 1.4 B.4.
 */
#include "arch/smp.h"
#include "arch/boot.h"
#include "arch/mmu.h"
#include "boot/main.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/clock.h"
#include "sched/smp.h"
#include "x86.h"

extern char trampoline_start[], trampoline_end[];

/* What the trampoline reads, at the end of its page. trampoline.S knows the offsets. */
struct trampoline_data {
    uint64_t root;  /* the trampoline's page table, below 4 GiB */
    uint64_t stack; /* top of the CPU's stack */
    uint64_t cpu;
    uint64_t enter;
    uint64_t efer;           /* bits to set */
    _Atomic(uint32_t) taken; /* set by the CPU when it has read the rest */
};
#define TRAMPOLINE_DATA (PAGE_SIZE - 64)
#define EFER_SET        0x901u /* SCE, LME, NXE */

static phys_t trampoline_page;

static struct trampoline_data *trampoline_data(void)
{
    return (struct trampoline_data *)((char *)phys_to_virt(trampoline_page) + TRAMPOLINE_DATA);
}

/* The lowest two usable pages from 4 KiB up: page 0 holds the old interrupt vectors. */
static phys_t trampoline_find(void)
{
    for (uint32_t i = 0; i < the_boot_info.range_count; i++) {
        const struct boot_range *range = &the_boot_info.ranges[i];
        uint64_t base = max_u64(range->base.pa, PAGE_SIZE);
        uint64_t end = base + 2 * PAGE_SIZE;
        bool low = end <= MIB && end <= range->base.pa + range->size;
        if (low && (range->kind == RANGE_USABLE || range->kind == RANGE_LOADER))
            return PHYS(base);
    }
    return PHYS(0);
}

static error_t trampoline_table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    return frame_alloc(0, 0, FRAME_ZERO, table);
}

/*
 * A root that is the kernel's, plus the page at its own address. The trampoline loads CR3 in
 * 32-bit mode, so the root lies behind it, below 1 MiB; cpu_enter's CPU leaves it at once
 * (arch_early_init_cpu).
 */
static error_t trampoline_table(void)
{
    struct ptab ptab = {.root = PHYS(trampoline_page.pa + PAGE_SIZE),
                        .table_alloc = trampoline_table_alloc};
    memcpy(phys_to_virt(ptab.root), phys_to_virt(vmap_root()), PAGE_SIZE);
    trampoline_data()->root = ptab.root.pa;
    return ptab_map(&ptab, trampoline_page.pa, trampoline_page, PAGE_SIZE, MAP_EXECUTE | MAP_WRITE,
                    0);
}

error_t arch_smp_init(void)
{
    size_t size = (size_t)(trampoline_end - trampoline_start);
    assert(size <= TRAMPOLINE_DATA);
    trampoline_page = trampoline_find();
    if (trampoline_page.pa == 0)
        return ERR_unsupported;
    memcpy(phys_to_virt(trampoline_page), trampoline_start, size);
    trampoline_data()->efer = msr_read(MSR_EFER) & EFER_SET;
    trampoline_data()->enter = (uint64_t)(uintptr_t)cpu_enter;
    return trampoline_table();
}

/* The CPU wants its SIPI twice if the first is lost; CPUs since the P6 need no long INIT wait. */
error_t arch_cpu_start(struct cpu *cpu)
{
    struct trampoline_data *data = trampoline_data();
    data->stack = cpu->stack_high;
    data->cpu = (uint64_t)(uintptr_t)cpu;
    atomic_store(&data->taken, 0);
    uint32_t id = (uint32_t)cpu->hardware_id;
    if (!lapic_reaches(cpu->hardware_id))
        return ERR_unsupported;
    uint32_t page = (uint32_t)(trampoline_page.pa / PAGE_SIZE);
    lapic_send(id, LAPIC_INIT);
    clock_spin(10000);
    for (int try = 0; try < 2; try++) {
        lapic_send(id, LAPIC_SIPI | page);
        for (int turn = 0; turn < 100000 && atomic_load(&data->taken) == 0; turn++)
            clock_spin(1000);
        if (atomic_load(&data->taken) != 0)
            return OK;
    }
    lapic_send(id, LAPIC_INIT); /* a late one must not take the next CPU's stack */
    return ERR_timeout;
}

void arch_ipi_send(struct cpu *cpu)
{
    lapic_send((uint32_t)cpu->hardware_id, LAPIC_FIXED | VECTOR_IPI);
}

void arch_ipi_force(struct cpu *cpu)
{
    lapic_send((uint32_t)cpu->hardware_id, LAPIC_NMI);
}

/* By CPUID, since it is asked before the LAPIC is mapped (SDM 2A, leaves 0xb and 1). */
uint64_t arch_hardware_id(void)
{
    struct cpuid topology = cpuid_leaf(0xb, 0);
    return topology.b != 0 ? topology.d : cpuid_read(1, 0).b >> 24;
}
