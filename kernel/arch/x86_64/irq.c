/*
 * x86-64: interrupt lines through I/O APICs to a CPU's LAPIC (arch/irq.h).
 *
 * A line gets the vector line_vector(line); the old PIC is moved out of the exceptions' way and
 * masked for good.
 */
#include "arch/irq.h"
#include "boot/machine.h"
#include "lib/print.h"
#include "registers.h"
#include "sched/cpu.h"
#include "sched/irq.h"
#include "x86.h"

#define PIC1_COMMAND 0x20
#define PIC1_DATA    0x21
#define PIC2_COMMAND 0xa0
#define PIC2_DATA    0xa1
#define PIC_VECTORS  32 /* 32 to 47 are never used otherwise */
#define MESSAGE_BASE UINT64_C(0xfee00000)

/* 8259A datasheet: ICW1 to ICW4, then the mask. A spurious PIC interrupt lands in 39 or 47. */
static void pic_off(void)
{
    port_out8(PIC1_COMMAND, 0x11);
    port_out8(PIC2_COMMAND, 0x11);
    port_out8(PIC1_DATA, PIC_VECTORS);
    port_out8(PIC2_DATA, PIC_VECTORS + 8);
    port_out8(PIC1_DATA, 4);
    port_out8(PIC2_DATA, 2);
    port_out8(PIC1_DATA, 1);
    port_out8(PIC2_DATA, 1);
    port_out8(PIC1_DATA, 0xff);
    port_out8(PIC2_DATA, 0xff);
}

error_t arch_irq_init(void)
{
    pic_off();
    error_t error = lapic_init();
    return error == OK ? ioapic_init() : error;
}

void arch_irq_init_cpu(void)
{
    lapic_init_cpu();
}

/* Messages, and I/O APICs, have eight bits for the CPU (SDM 3A 10.11); 255 means all. */
static uint32_t destination(const struct cpu *cpu)
{
    return (uint32_t)(cpu->hardware_id < 255 ? cpu : &boot_cpu)->hardware_id;
}

/* Lines without a pin. */
static bool is_message(uint32_t line)
{
    return line < VECTOR_LINES && !ioapic_has(line) && boot_cpu.hardware_id < 255;
}

error_t arch_irq_message(uint32_t line, const struct cpu *cpu, struct irq_message *message)
{
    if (!is_message(line))
        return ERR_unsupported;
    *message = (struct irq_message){MESSAGE_BASE | destination(cpu) << 12, line_vector(line)};
    return OK;
}

const struct irq_devices *arch_irq_devices(void)
{
    return NULL;
}

bool arch_irq_edge(uint32_t line)
{
    return is_message(line) || ioapic_is_edge(line);
}

/* A line that is raised by a message is never masked here. */
error_t arch_irq_unmask(uint32_t line, const struct cpu *cpu)
{
    if (line >= VECTOR_LINES)
        return ERR_bad_argument;
    if (is_message(line))
        return OK;
    return ioapic_route(line, line_vector(line), destination(cpu));
}

void arch_irq_mask(uint32_t line)
{
    ioapic_mask(line, true);
}

uint32_t arch_irq_isa(uint32_t isa_line)
{
    for (uint32_t i = 0; i < the_machine.override_count; i++) {
        if (the_machine.overrides[i].isa_line == isa_line)
            return the_machine.overrides[i].line;
    }
    return isa_line;
}

void arch_irq_text(char *text, size_t size)
{
    print_buffer(text, size, "%s, ioapic %u", lapic_x2() ? "x2apic" : "lapic", ioapic_count());
}

/*
 * A spurious interrupt must not be ended (SDM 3A 10.9). Lines are ended when they have been served,
 * or a level-triggered one would come again; the others before, since serving may not return.
 */
void irq_vector(uint8_t vector)
{
    if (LIKELY(vector <= line_vector(VECTOR_LINES - 1))) {
        cpu_metric_add(cpu_self(), METRIC_interrupts, 1);
        irq_dispatch(vector_line(vector));
        lapic_end();
        return;
    }
    if (vector == VECTOR_SPURIOUS)
        return;
    cpu_metric_add(cpu_self(), METRIC_interrupts, 1);
    lapic_end();
    if (vector == VECTOR_TIMER)
        timer_interrupt();
    else if (vector == VECTOR_IPI)
        cpu_serve();
}
