/*
 * The contract, part 4: interrupt controllers.
 *
 * A line is the machine's own number: a global system interrupt, or a GIC INTID. Every line
 * starts masked. The timer and the inter-processor interrupt are arch/'s own.
 */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include "lib/error.h"
#include "lib/types.h"

/* Finds and resets the controllers that the_machine names (boot CPU, once). */
error_t arch_irq_init(void);

/* The part that each CPU has for itself; on the CPU it is for. */
void arch_irq_init_cpu(void);

/* Lets `line` interrupt the boot CPU. bad_argument if there is no such line. */
error_t arch_irq_unmask(uint32_t line);
void arch_irq_mask(uint32_t line);

/* True if what the line says is an edge, which is over when it was seen; else it holds a level. */
bool arch_irq_edge(uint32_t line);

/* What a device writes where to raise a line. */
struct irq_message {
    uint64_t address; /* physical, 32 bits wide */
    uint64_t data;
};

/* Of a line that is raised by a message, and has no wire: unsupported for others. Such lines are
 * edges; where they cannot be masked, the device is told to be quiet (its owner does that). */
error_t arch_irq_message(uint32_t line, struct irq_message *message);

/* The line of an old ISA interrupt, after overrides; itself where there is no such thing. */
uint32_t arch_irq_isa(uint32_t isa_line);

/* "lapic, ioapic 1", "gicv3" ... */
void arch_irq_text(char *text, size_t size);

#endif
