/*
 * AArch64: GICv3 and GICv4 (IHI0069): a distributor, a redistributor for each CPU, and the CPU's
 * interface in system registers.
 *
 * A redistributor is found by the affinity that it names (GICR_TYPER). All of them are found on
 * the boot CPU, so that the others map nothing. Lines are told apart by affinity routing; the
 * old way is off. Interrupts by message: its.c.
 */
#include "arch/mmu.h"
#include "arch/smp.h"
#include "boot/machine.h"
#include "gic.h"
#include "lib/assert.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"
#include "trace/log.h"

#define GICD_IROUTER  0x6000u
#define GICD_SIZE     0x10000u
#define GICD_ENABLE   (1u << 1 | 1u << 4) /* group 1, affinity routing */
#define GICD_WRITING  (1u << 31)
#define GICR_CTLR     0x0u
#define GICR_TYPER    0x8u
#define GICR_WAKER    0x14u
#define GICR_LINES    0x10000u /* the second frame: the CPU's own lines, as in a distributor */
#define GICR_WRITING  (1u << 3)
#define GICR_STRIDE   0x20000u
#define WAKER_SLEEP   (1u << 1)
#define WAKER_ASLEEP  (1u << 2)
#define TYPER_VIRTUAL ((uint64_t)1 << 1) /* GICv4: two more frames */
#define TYPER_LPIS    (1u << 17)         /* in GICD_TYPER */
#define TYPER_LAST    ((uint64_t)1 << 4)
#define WAIT_TURNS    1000000u

/* System registers (12.2), by their encodings. */
#define ICC_PMR_EL1     "S3_0_C4_C6_0"
#define ICC_IAR1_EL1    "S3_0_C12_C12_0"
#define ICC_EOIR1_EL1   "S3_0_C12_C12_1"
#define ICC_BPR1_EL1    "S3_0_C12_C12_3"
#define ICC_CTLR_EL1    "S3_0_C12_C12_4"
#define ICC_SRE_EL1     "S3_0_C12_C12_5"
#define ICC_IGRPEN1_EL1 "S3_0_C12_C12_7"
#define ICC_SGI1R_EL1   "S3_0_C12_C11_5"

struct redistributor {
    uint64_t affinity; /* as in MPIDR_EL1 */
    phys_t base;
    void *control, *lines; /* windows on two of its pages */
};

/* All written once by gicv3_init. */
static void *distributor;
static struct redistributor redistributors[CONFIG_CPU_MAX];
static uint32_t redistributor_count;

/* Waits until the writes to a register with this "writing" bit have had their effect (12.9.4). */
static void wait_clear(const void *base, uint32_t reg, uint32_t bits)
{
    for (uint32_t turn = 0; turn < WAIT_TURNS && (gic_read(base, reg) & bits) != 0; turn++)
        arch_cpu_relax();
}

/* GICR_TYPER has the affinity in its upper half, packed; MPIDR_EL1 has a hole. */
static uint64_t typer_affinity(uint64_t typer)
{
    uint64_t packed = typer >> 32;
    return (packed & 0xffffff) | (packed >> 24) << 32;
}

/* Maps the two pages in use of the redistributor at `base` and keeps it. */
static error_t redistributor_add(phys_t base, uint64_t *typer)
{
    const uint32_t flags = MAP_DEVICE | MAP_WRITE;
    if (redistributor_count == COUNT_OF(redistributors))
        return ERR_full;
    struct redistributor *r = &redistributors[redistributor_count];
    error_t error = vmap_device(base, PAGE_SIZE, flags, &r->control);
    if (error == OK)
        error = vmap_device(PHYS(base.pa + GICR_LINES), PAGE_SIZE, flags, &r->lines);
    if (error != OK)
        return error;
    *typer = gic_read64(r->control, GICR_TYPER);
    r->base = base;
    r->affinity = typer_affinity(*typer);
    redistributor_count++;
    return OK;
}

/* The redistributors of a region follow one another; the last says so (12.11.35). */
static error_t find_in_region(const struct machine_region *region)
{
    uint64_t typer = 0;
    for (uint64_t at = 0; at + GICR_STRIDE <= region->size && (typer & TYPER_LAST) == 0;
         at += (typer & TYPER_VIRTUAL) != 0 ? 2 * GICR_STRIDE : GICR_STRIDE) {
        error_t error = redistributor_add(PHYS(region->base.pa + at), &typer);
        if (error != OK)
            return error;
    }
    return OK;
}

/* The firmware names them one by one, or regions of them. */
static error_t find_redistributors(void)
{
    error_t error = OK;
    uint64_t typer;
    for (uint32_t i = 0; i < the_machine.gic_redist_count && error == OK; i++)
        error = find_in_region(&the_machine.gic_redist[i]);
    for (uint32_t i = 0; i < the_machine.cpu_count && error == OK; i++)
        if (the_machine.cpus[i].redistributor.pa != 0)
            error = redistributor_add(the_machine.cpus[i].redistributor, &typer);
    if (error == ERR_full) {
        log_warn("gic", "only %u redistributors are used", redistributor_count);
        return OK;
    }
    return error == OK && redistributor_count == 0 ? ERR_not_found : error;
}

static const struct redistributor *redistributor_of(uint64_t hardware_id)
{
    for (uint32_t i = 0; i < redistributor_count; i++)
        if (redistributors[i].affinity == hardware_id)
            return &redistributors[i];
    return NULL;
}

static bool gicv3_serves(uint64_t hardware_id)
{
    return redistributor_of(hardware_id) != NULL;
}

static error_t gicv3_init(void)
{
    error_t error =
        vmap_device(the_machine.gic_distributor, GICD_SIZE, MAP_DEVICE | MAP_WRITE, &distributor);
    if (error == OK)
        error = find_redistributors();
    if (error == OK && !gicv3_serves(arch_hardware_id()))
        error = ERR_not_found;
    if (error != OK)
        return error;
    gic_write(distributor, GICD_CTLR, 0);
    wait_clear(distributor, GICD_CTLR, GICD_WRITING);
    uint32_t lines = gic_lines(distributor);
    gic_reset_lines(distributor, GIC_FIRST_SHARED, lines);
    for (uint32_t line = GIC_FIRST_SHARED; line < lines; line += 32)
        gic_write(distributor, GICD_IGROUPR + line / 8, UINT32_MAX);
    gic_write(distributor, GICD_CTLR, GICD_ENABLE);
    wait_clear(distributor, GICD_CTLR, GICD_WRITING);
    if ((gic_read(distributor, GICD_TYPER) & TYPER_LPIS) != 0)
        its_init();
    return OK;
}

static void redistributor_wake(void *control)
{
    gic_write(control, GICR_WAKER, gic_read(control, GICR_WAKER) & ~WAKER_SLEEP);
    wait_clear(control, GICR_WAKER, WAKER_ASLEEP);
}

/* The CPU's interface: system registers on, all priorities through, end = drop and deactivate. */
static void interface_init(void)
{
    sysreg_write(ICC_SRE_EL1, sysreg_read(ICC_SRE_EL1) | 1);
    barrier_isb();
    sysreg_write(ICC_PMR_EL1, GIC_PRIORITY_CUT);
    sysreg_write(ICC_BPR1_EL1, 0);
    sysreg_write(ICC_CTLR_EL1, 0);
    sysreg_write(ICC_IGRPEN1_EL1, 1);
    barrier_isb();
}

static void gicv3_init_cpu(uint32_t own_lines)
{
    const struct redistributor *own = redistributor_of(arch_hardware_id());
    assert(own != NULL);
    redistributor_wake(own->control);
    gic_reset_lines(own->lines, 0, GIC_FIRST_SHARED);
    gic_write(own->lines, GICD_IGROUPR, UINT32_MAX);
    wait_clear(own->control, GICR_CTLR, GICR_WRITING);
    gic_write(own->lines, GICD_ISENABLER, own_lines);
    its_init_cpu(own->control, own->base);
    interface_init();
}

/* The barrier keeps the handler's accesses behind the acknowledgement (4.1.1). */
static uint32_t gicv3_acknowledge(void)
{
    uint32_t acknowledged = (uint32_t)sysreg_read(ICC_IAR1_EL1);
    barrier_dsb("sy");
    return acknowledged;
}

static void gicv3_end(uint32_t acknowledged)
{
    sysreg_write(ICC_EOIR1_EL1, acknowledged);
    barrier_isb();
}

static void gicv3_unmask(uint32_t line, const struct cpu *cpu)
{
    assert(line >= GIC_FIRST_SHARED && line < GIC_FIRST_NONE);
    volatile uint64_t *router = (volatile uint64_t *)((char *)distributor + GICD_IROUTER);
    router[line] = cpu->hardware_id;
    gic_write_bit(distributor, GICD_ISENABLER, line);
}

static void gicv3_mask(uint32_t line)
{
    gic_write_bit(distributor, GICD_ICENABLER, line);
    wait_clear(distributor, GICD_CTLR, GICD_WRITING);
}

/*
 * ICC_SGI1R_EL1: Aff3 55..48, range of Aff0 47..44, Aff2 39..32, INTID 27..24, Aff1 23..16, a bit
 * for each Aff0 of the range 15..0. The write is not ordered with memory by itself: dsb makes
 * our stores visible first, isb sends it off now.
 */
static void gicv3_send(const struct cpu *cpu, uint32_t line)
{
    uint64_t id = cpu->hardware_id, aff0 = id & 0xff;
    uint64_t value = (id >> 32 & 0xff) << 48 | aff0 / 16 << 44 | (id >> 16 & 0xff) << 32 |
                     (uint64_t)line << 24 | (id >> 8 & 0xff) << 16 | (uint64_t)1 << aff0 % 16;
    assert(line < 16 && (id & ~MPIDR_AFFINITY) == 0);
    barrier_dsb("ishst");
    sysreg_write(ICC_SGI1R_EL1, value);
    barrier_isb();
}

const struct gic_ops gicv3_ops = {
    .name = "gicv3",
    .init = gicv3_init,
    .serves = gicv3_serves,
    .init_cpu = gicv3_init_cpu,
    .ids = 0xffffff,
    .acknowledge = gicv3_acknowledge,
    .end = gicv3_end,
    .unmask = gicv3_unmask,
    .mask = gicv3_mask,
    .send = gicv3_send,
};
