/*
 * The contract, part 7: start and end.
 *
 * Entry code (start.S) comes from every loader with its own state, makes an early map that shows
 * the image at its linked address and memory up to arch_early_ceiling() in the direct map, reads
 * the protocol into the_boot_info, and calls kernel_main (boot/main.c) on the boot stack with
 * interrupts off and arch_cpu_self() = &boot_cpu.
 */
#pragma once

#include "boot/boot_info.h"
#include "boot/machine.h"
#include "lib/error.h"
#include "lib/types.h"

/* RAM below this is never given out: firmware's, or needed to start other CPUs. */
phys_t arch_memory_floor(void);

/* Physical memory that the early map shows: [floor, ceiling). */
phys_t arch_early_floor(void);
phys_t arch_early_ceiling(void);

/*
 * First C of the portable start: features, vectors (so that an early fault is diagnosed), and
 * arch_cpu_self() for the boot CPU if entry code has not set it.
 */
void arch_early_init(void);

/* The same on each other CPU. */
void arch_early_init_cpu(void);

/*
 * Leaves the current stack for ever and calls `function` on the one that ends at `top`. All kernel
 * stacks are KERNEL_STACK_SIZE long and page aligned.
 */
_Noreturn void arch_switch_stack(uintptr_t top, void (*function)(void));

/* Ends the machine; returns only if that is not possible here. */
void arch_power_off(void);
void arch_reboot(void);

/* "acpi", "psci" or "none": how arch_power_off does it. */
const char *arch_power_text(void);

/*
 * Leaves the emulator with an exit status through its test device; returns if there is none.
 * Only test boots have it (`exit=debug` on the command line).
 */
void arch_debug_exit(uint32_t status);

/* Input and output ports; only where machine_register.space can be SPACE_PORT. */
uint32_t arch_port_read(uint16_t port, uint32_t bytes);
void arch_port_write(uint16_t port, uint32_t bytes, uint32_t value);

/* Whether programs may be given the ports [first, first + count): denied for the kernel's own,
 * unsupported where there are none. */
error_t arch_port_check(uint32_t first, uint32_t count);

/* A console that needs no table to be found, for machines that always have it; else UART_NONE. */
void arch_default_uart(enum machine_uart *uart, struct machine_register *where, uint32_t *irq);
