/*
 * AArch64: starting other CPUs by PSCI (DEN0022D 5.6), which come in at start_cpu in start.S with
 * the MMU off and the address of their struct cpu.
 */
#include "arch/smp.h"
#include "arch/boot.h"
#include "arch/trap.h"
#include "irq.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mem/vmap.h"
#include "mmu.h"
#include "power.h"
#include "registers.h"
#include "sched/cpu.h"
#include "sched/smp.h"

extern const char start_cpu[]; /* start.S */

_Noreturn void arch_start_cpu(struct cpu *cpu);

/* What start_cpu reads before it has an MMU; boot CPU, once. */
phys_t smp_root;

error_t arch_smp_init(void)
{
    if (!psci_usable())
        return ERR_unsupported;
    smp_root = vmap_root();
    assert(smp_root.pa != 0);
    mmu_clean(&smp_root, sizeof(smp_root));
    return OK;
}

/* The stores to `cpu` are coherent for it: it looks at the struct only with its MMU on. */
error_t arch_cpu_start(struct cpu *cpu)
{
    assert(cpu->stack_high - cpu->stack_low == KERNEL_STACK_SIZE);
    assert(cpu->arch.emergency_low != 0 && (cpu->hardware_id & ~MPIDR_AFFINITY) == 0);
    if (!irq_serves(cpu->hardware_id))
        return ERR_not_found;
    cpu->arch.stack_low = cpu->stack_low;
    cpu->arch.stack_high = cpu->stack_high;
    barrier_dsb("ish");
    int64_t answer =
        psci_call(PSCI_CPU_ON, cpu->hardware_id, image_to_phys(start_cpu).pa, (uintptr_t)cpu);
    if (answer == PSCI_SUCCESS)
        return OK;
    return answer == PSCI_ALREADY_ON ? ERR_exists : ERR_unsupported;
}

_Noreturn void arch_start_cpu(struct cpu *cpu)
{
    mmu_clear_low();
    assert(cpu_self() == cpu && arch_hardware_id() == cpu->hardware_id);
    assert(!arch_irq_enabled());
    cpu_enter(cpu);
}

/* FEAT_NMI and pseudo-NMIs by priority are not used. */
void arch_ipi_force(struct cpu *cpu)
{
    (void)cpu;
}

uint64_t arch_hardware_id(void)
{
    return sysreg_read("mpidr_el1") & MPIDR_AFFINITY;
}
