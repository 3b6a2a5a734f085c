/*
 * The contract, part 3: traps.
 *
 * A trap saves the interrupted registers as `struct trap_frame` on the CPU's kernel stack and
 * calls into arch/; interrupts go to irq_dispatch (sched/irq.h), faults that nobody serves to
 * panic_trap (trace/panic.h).
 *
 * Inline, in arch_trap.h: struct trap_frame, and
 *   uintptr_t trap_pc(frame), trap_sp(frame), trap_frame_pointer(frame)
 *   void arch_trap_capture(frame, pc, fp)   the registers of now, for a panic without a trap
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

#include <arch_trap.h>

struct cpu;

/*
 * Gives `cpu` the stacks for faults that need their own (vmap_stack); on the boot CPU, for each
 * CPU before it starts, and for itself. Until then arch_early_init's single stack must do.
 */
error_t arch_trap_prepare(struct cpu *cpu);

/* Loads this CPU's tables and vectors; on the CPU it is for. */
void arch_trap_init_cpu(void);

/* Says in words what happened: name, address, cause, who (kernel or user). */
void arch_trap_describe(const struct trap_frame *frame, char *text, size_t size);

/* Prints all registers, a few per line, by `line`. */
void arch_trap_registers(const struct trap_frame *frame, void (*line)(const char *text));
