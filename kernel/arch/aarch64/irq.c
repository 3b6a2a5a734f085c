/*
 * AArch64: interrupt lines through the GIC (arch/irq.h); gicv2.c and gicv3.c reach the hardware.
 *
 * Lock: a line is masked, unmasked and routed by single writes that act on that line alone, so that
 * none is needed; lines that are raised by messages to an ITS have one (its.c).
 */
#include "irq.h"
#include "arch/irq.h"
#include "arch/smp.h"
#include "boot/machine.h"
#include "gic.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "registers.h"
#include "sched/cpu.h"
#include "sched/irq.h"

static const struct gic_ops *gic; /* set once by arch_irq_init */
static uint32_t gic_line_count;   /* the same */

uint32_t gic_lines(const void *distributor)
{
    uint32_t lines = 32 * ((gic_read(distributor, GICD_TYPER) & 31) + 1);
    gic_line_count = lines < GIC_FIRST_NONE ? lines : GIC_FIRST_NONE;
    return gic_line_count;
}

void gic_reset_lines(void *base, uint32_t first, uint32_t end)
{
    for (uint32_t line = first; line < end; line += 32) {
        gic_write(base, GICD_ICENABLER + line / 8, UINT32_MAX);
        gic_write(base, GICD_ICPENDR + line / 8, UINT32_MAX);
        gic_write(base, GICD_ICACTIVER + line / 8, UINT32_MAX);
    }
    for (uint32_t line = first; line < end; line += 4)
        gic_write(base, GICD_IPRIORITYR + line, GIC_PRIORITY);
}

error_t arch_irq_init(void)
{
    assert(gic == NULL);
    const struct gic_ops *found = the_machine.gic_version == 2   ? &gicv2_ops
                                  : the_machine.gic_version == 3 ? &gicv3_ops
                                                                 : NULL;
    if (found == NULL)
        return ERR_unsupported;
    error_t error = found->init();
    if (error != OK)
        return error;
    gic = found;
    return OK;
}

void arch_irq_init_cpu(void)
{
    uint32_t timer = timer_line();
    assert(gic != NULL);
    assert(timer >= 16 && timer < GIC_FIRST_SHARED);
    gic->init_cpu((uint32_t)1 << GIC_SGI_SERVE | (uint32_t)1 << timer);
}

/* Wires are taken to be level-triggered. */
bool arch_irq_edge(uint32_t line)
{
    struct irq_message message;
    return arch_irq_message(line, &boot_cpu, &message) == OK;
}

bool irq_serves(uint64_t hardware_id)
{
    return gic != NULL && gic->serves(hardware_id);
}

static bool is_device_line(uint32_t line)
{
    return gic != NULL && line >= GIC_FIRST_SHARED && line < gic_line_count;
}

error_t arch_irq_unmask(uint32_t line, const struct cpu *cpu)
{
    if (its_has(line))
        its_unmask(line, cpu);
    else if (is_device_line(line))
        gic->unmask(line, cpu);
    else
        return ERR_bad_argument;
    return OK;
}

void arch_irq_mask(uint32_t line)
{
    if (is_device_line(line))
        gic->mask(line);
    else if (its_has(line))
        its_mask(line);
}

uint32_t arch_irq_isa(uint32_t isa_line)
{
    return isa_line;
}

void arch_irq_text(char *text, size_t size)
{
    (void)print_buffer(text, size, "%s", gic != NULL ? gic->name : "none");
}

void arch_ipi_send(struct cpu *cpu)
{
    debug_assert(cpu->hardware_id != arch_hardware_id() || cpu == cpu_self());
    gic->send(cpu, GIC_SGI_SERVE);
}

static void irq_serve(uint32_t line)
{
    if (LIKELY(line >= GIC_FIRST_SHARED))
        irq_dispatch(line);
    else if (line == GIC_SGI_SERVE)
        cpu_serve();
    else if (line == timer_line())
        timer_interrupt();
    else
        irq_dispatch(line);
}

/*
 * An interrupt is ended before it is served: the handler may not return (a CPU that is told to
 * stop), and no other can come before we do, because interrupts are off. A device that is still
 * asking when it was served is simply taken again, and what else waits comes when we are back.
 */
void irq_take(void)
{
    debug_assert(!arch_irq_enabled());
    uint32_t acknowledged = gic->acknowledge(), line = acknowledged & gic->ids;
    if (UNLIKELY(line >= GIC_FIRST_LPI))
        line += ITS_FIRST_LINE - GIC_FIRST_LPI;
    else if (UNLIKELY(line >= GIC_FIRST_NONE))
        return;
    cpu_metric_add(cpu_self(), METRIC_interrupts, 1);
    gic->end(acknowledged);
    irq_serve(line);
}
