/*
 * The contract between the portable kernel and a CPU, part 1: the CPU itself.
 *
 * Each arch/<cpu>/include/arch_cpu.h gives the inline part: struct arch_cpu and the functions
 * marked inline below.
 */
#pragma once

#include "lib/types.h"

/*
 * Inline, in arch_cpu.h:
 *   struct arch_cpu                        what entry code keeps per CPU
 *   void *arch_cpu_self(void)              the struct cpu of this CPU
 *   void arch_cpu_relax(void)              a pause in a spin loop
 *   uint64_t arch_irq_save(void)           turns interrupts off, returns the state before
 *   void arch_irq_restore(uint64_t state)
 *   bool arch_irq_enabled(void)
 *   uintptr_t arch_frame_pointer(void)     for backtraces
 *   uint64_t arch_counter(void)            the CPU's counter; arch/timer.h gives its rate
 */
#include <arch_cpu.h>

/* Waits for an interrupt with interrupts on and takes it; returns with interrupts off. */
void arch_idle(void);

/* Halts this CPU for ever, interrupts off. */
_Noreturn void arch_halt(void);

/* Text of vendor, family, model, stepping or their equal; ends with 0. */
void arch_cpu_text(char *text, size_t size);

/* Words for the features found, space separated. */
void arch_cpu_features(char *text, size_t size);

/* The name of this CPU family as the host command spells it. */
extern const char arch_name[];

/* e_machine of its ELF files. */
extern const uint16_t arch_elf_machine;
