/*
 * AArch64: GICv2 (IHI0048B): a distributor, and an interface for each of at most 8 CPUs at one
 * address. Groups are left as they are after reset: with security extensions our view is that
 * of group 1, without them all lines are in group 0, and bit 0 enables the one that we see.
 */
#include "arch/mmu.h"
#include "boot/machine.h"
#include "gic.h"
#include "lib/assert.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"

enum gicc {
    GICC_CTLR = 0x00,
    GICC_PMR = 0x04,
    GICC_BPR = 0x08,
    GICC_IAR = 0x0c,
    GICC_EOIR = 0x10,
};
#define GIC_ENABLE 1u

static void *distributor, *interface; /* set once by gicv2_init */

/* Our bit in target registers: those of the CPU's own lines read as it (4.3.12), or as 0 if there
 * is one CPU only. */
static uint32_t own_target(void)
{
    for (uint32_t line = 0; line < GIC_FIRST_SHARED; line += 4) {
        uint32_t targets = gic_read(distributor, GICD_ITARGETSR + line);
        targets |= targets >> 16;
        targets |= targets >> 8;
        if ((targets & 0xff) != 0)
            return targets & 0xff;
    }
    return 1;
}

static error_t gicv2_init(void)
{
    const uint32_t flags = MAP_DEVICE | MAP_WRITE;
    error_t error = vmap_device(the_machine.gic_distributor, PAGE_SIZE, flags, &distributor);
    if (error == OK) /* two pages, of which the second holds GICC_DIR only */
        error = vmap_device(the_machine.gic_cpu_interface, PAGE_SIZE, flags, &interface);
    if (error != OK)
        return error;
    gic_write(distributor, GICD_CTLR, 0);
    gic_reset_lines(distributor, GIC_FIRST_SHARED, gic_lines(distributor));
    error = msi_init(distributor);
    gic_write(distributor, GICD_CTLR, GIC_ENABLE);
    return error;
}

/* There is no telling before a CPU runs; the firmware has named only those that it serves. */
static bool gicv2_serves(uint64_t hardware_id)
{
    (void)hardware_id;
    return true;
}

static void gicv2_init_cpu(uint32_t own_lines)
{
    cpu_self()->arch.gic_target = own_target();
    assert((cpu_self()->arch.gic_target & (cpu_self()->arch.gic_target - 1)) == 0); /* one CPU */
    gic_reset_lines(distributor, 0, GIC_FIRST_SHARED);
    gic_write(distributor, GICD_ISENABLER, own_lines);
    gic_write(interface, GICC_PMR, GIC_PRIORITY_CUT);
    gic_write(interface, GICC_BPR, 0);
    gic_write(interface, GICC_CTLR, GIC_ENABLE);
}

static uint32_t gicv2_acknowledge(void)
{
    return gic_read(interface, GICC_IAR);
}

/* The same value, which names the sender of an SGI too (4.4.5). */
static void gicv2_end(uint32_t acknowledged)
{
    gic_write(interface, GICC_EOIR, acknowledged);
}

static void gicv2_unmask(uint32_t line, const struct cpu *cpu)
{
    assert(line >= GIC_FIRST_SHARED && cpu->arch.gic_target != 0);
    volatile uint8_t *targets = (volatile uint8_t *)distributor + GICD_ITARGETSR;
    targets[line] = (uint8_t)cpu->arch.gic_target;
    gic_write_bit(distributor, GICD_ISENABLER, line);
}

static void gicv2_mask(uint32_t line)
{
    gic_write_bit(distributor, GICD_ICENABLER, line);
}

/* What we wrote for the other CPU is visible before the interrupt: the write to the device waits
 * for our stores in the inner shareable domain. */
static void gicv2_send(const struct cpu *cpu, uint32_t line)
{
    assert(line < 16 && cpu->arch.gic_target != 0);
    barrier_dsb("ishst");
    gic_write(distributor, GICD_SGIR, cpu->arch.gic_target << 16 | line);
}

const struct gic_ops gicv2_ops = {
    .name = "gicv2",
    .init = gicv2_init,
    .serves = gicv2_serves,
    .init_cpu = gicv2_init_cpu,
    .ids = 0x3ff,
    .acknowledge = gicv2_acknowledge,
    .end = gicv2_end,
    .unmask = gicv2_unmask,
    .mask = gicv2_mask,
    .send = gicv2_send,
};
