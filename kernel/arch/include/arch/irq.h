/*
 * The contract, part 4: interrupt controllers.
 *
 * A line is the machine's own number: a global system interrupt, or a GIC INTID. Every line
 * starts masked. The timer and the inter-processor interrupt are arch/'s own.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

/* Finds and resets the controllers that the_machine names (boot CPU, once). */
error_t arch_irq_init(void);

/* The part that each CPU has for itself; on the CPU it is for. */
void arch_irq_init_cpu(void);

struct cpu;

/* Lets `line` interrupt `cpu`; where that cannot be, the boot CPU. bad_argument if there is no such
 * line. */
error_t arch_irq_unmask(uint32_t line, const struct cpu *cpu);
void arch_irq_mask(uint32_t line);

/* True if what the line says is an edge, which is over when it was seen; else it holds a level. */
bool arch_irq_edge(uint32_t line);

/* What a device writes where to raise a line. */
struct irq_message {
    uint64_t address; /* physical, 32 bits wide */
    uint64_t data;
};

/* Of a line that is raised by a message, and has no wire, to `cpu`: unsupported for others. Such
 * lines are edges; where they cannot be masked, the device is told to be quiet (its owner does
 * that). */
error_t arch_irq_message(uint32_t line, const struct cpu *cpu, struct irq_message *message);

/*
 * Where the interrupt controller tells messages apart by who sends them: the devices, by the ids
 * that their bus gives them. A line that is raised by messages is then one device's.
 */
struct irq_devices {
    /* What is known of it stands in `frame` (zeroed) until `remove`. exists; unsupported. */
    error_t (*add)(uint32_t device, phys_t frame);
    void (*remove)(uint32_t device);                 /* which has no line */
    void (*connect)(uint32_t line, uint32_t device); /* a line that has none; masks it */
    void (*disconnect)(uint32_t line);
};

/* NULL: it does not. */
const struct irq_devices *arch_irq_devices(void);

/* The line of an old ISA interrupt, after overrides; itself where there is no such thing. */
uint32_t arch_irq_isa(uint32_t isa_line);

/* "lapic, ioapic 1", "gicv3" ... */
void arch_irq_text(char *text, size_t size);
