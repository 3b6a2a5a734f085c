/*
 * The parts of a machine that the host lacks, for tests of drivers, ladder and monitor: ports
 * that a test models, one page of device memory, interrupt lines, a command line, a log.
 *
 * Each test runs in a process of its own, so nothing here is ever reset.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "boot/machine.h"
#include "lib/types.h"
#include "trace/console.h"

/* The model behind the ports; without one they read as all ones. */
extern uint32_t (*fake_port_read)(uint16_t port);
extern void (*fake_port_write)(uint16_t port, uint32_t value);

/* What vmap_device shows, and what it was last asked for. */
extern uint32_t fake_memory[1024];
extern phys_t fake_mapped;
extern uint64_t fake_mapped_size;

/* What arch_default_uart names. */
extern enum machine_uart fake_uart;
extern struct machine_register fake_uart_register;

/* The CPU that a line was last unmasked for; what arch_irq_devices tells. */
struct cpu;
struct irq_devices;
extern const struct cpu *fake_irq_cpu;
extern const struct irq_devices *fake_irq_devices;

/* Lets `line` come in; false if it is masked. */
bool fake_irq_raise(uint32_t line);

/* A line for log_show. */
void fake_log_add(enum log_level level, const char *text);

/* A console that keeps what is printed on it. */
struct fake_console {
    struct console console;
    char text[8192];
    size_t size;
    enum log_level level; /* of the last write */
};
void fake_console_init(struct fake_console *fake, const char *name);

/* Forgets what was printed. */
void fake_console_clear(struct fake_console *fake);

#endif
