/*
 * The contract, part 6: other CPUs.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

struct cpu;

/*
 * Readies starting (trampoline, methods); boot CPU, once, before the first arch_cpu_start.
 * unsupported if this machine cannot start CPUs.
 */
error_t arch_smp_init(void);

/*
 * Starts a CPU with its kernel stack (cpu->stack_high); it comes in at cpu_enter(cpu) in
 * sched/smp.c, on the kernel's page table, arch_cpu_self() = cpu, interrupts off. Waits only until
 * what it starts from can be used again.
 */
error_t arch_cpu_start(struct cpu *cpu);

/*
 * Interrupts `cpu`, which then calls cpu_serve(). Memory writes before the call are visible to
 * the other CPU when the interrupt reaches it (interrupt controllers that are reached by a
 * register write, not by memory, need a barrier for that).
 */
void arch_ipi_send(struct cpu *cpu);

/*
 * Interrupts `cpu` even where it has interrupts off, so that it calls cpu_stop_if_asked(); nothing
 * where the hardware has no such interrupt. For panics.
 */
void arch_ipi_force(struct cpu *cpu);

/* This CPU's hardware id. */
uint64_t arch_hardware_id(void);
