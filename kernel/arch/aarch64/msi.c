/*
 * AArch64: interrupts by message, through a GICv2m frame (Arm SBSA 6.0, appendix E): a write of a
 * line's number to the frame raises that line, which is an edge. (GICv3's ITS: its.c.)
 */
#include "arch/irq.h"
#include "arch/mmu.h"
#include "boot/machine.h"
#include "gic.h"
#include "mem/vmap.h"

#define V2M_TYPER 0x008u /* 25..16 the first line, 9..0 how many */
#define V2M_SET   0x040u

static uint32_t first_line, end_line; /* set once by msi_init */

error_t msi_init(void *distributor)
{
    void *frame;
    if (the_machine.gic_v2m.size == 0)
        return OK;
    error_t error = vmap_device(the_machine.gic_v2m.base, PAGE_SIZE, MAP_DEVICE, &frame);
    if (error != OK)
        return error;
    uint32_t typer = gic_read(frame, V2M_TYPER), first = typer >> 16 & 0x3ff;
    uint32_t end = first + (typer & 0x3ff);
    if (first < GIC_FIRST_SHARED || end > GIC_FIRST_NONE)
        return OK; /* nothing that could be a line */
    for (uint32_t line = first; line < end; line++) {
        uint32_t reg = GICD_ICFGR + line / 16 * 4, edge = 2u << line % 16 * 2;
        gic_write(distributor, reg, gic_read(distributor, reg) | edge);
    }
    first_line = first;
    end_line = end;
    return OK;
}

error_t arch_irq_message(uint32_t line, const struct cpu *cpu, struct irq_message *message)
{
    (void)cpu; /* routed by the controller, whatever the message */
    if (its_has(line)) {
        *message = its_message(line);
        return OK;
    }
    if (line < first_line || line >= end_line)
        return ERR_unsupported;
    *message = (struct irq_message){the_machine.gic_v2m.base.pa + V2M_SET, line};
    return OK;
}
