/*
 * AArch64: the generic interrupt controller, two versions behind one table of operations.
 *
 * INTIDs (GIC architecture, IHI0069 2.2): 0..15 from CPU to CPU, 16..31 a CPU's own devices,
 * 32..1019 the machine's devices, 1020..1023 no interrupt. Everything runs in group 1 of our own
 * security state, at one priority.
 */
#pragma once

#include "arch/irq.h"
#include "lib/error.h"
#include "lib/types.h"

#define GIC_SGI_SERVE    0 /* "look at your requests" */
#define GIC_FIRST_SHARED 32
#define GIC_FIRST_NONE   1020
#define GIC_FIRST_LPI    8192u
#define ITS_FIRST_LINE   1024u       /* the line of the first LPI: they are numbered anew */
#define GIC_PRIORITY     0xa0a0a0a0u /* four lines */
#define GIC_PRIORITY_CUT 0xf0        /* all more urgent ones are let through */

struct cpu;

struct gic_ops {
    const char *name;
    error_t (*init)(void);
    bool (*serves)(uint64_t hardware_id); /* true if that CPU can be interrupted */
    void (*init_cpu)(uint32_t own_lines); /* bits of the lines 0..31 to let through */
    uint32_t ids;                         /* where the INTID is in what `acknowledge` says */
    uint32_t (*acknowledge)(void);        /* what `end` wants */
    void (*end)(uint32_t acknowledged);
    void (*unmask)(uint32_t line, const struct cpu *cpu);
    void (*mask)(uint32_t line);
    void (*send)(const struct cpu *cpu, uint32_t line); /* lines 0..15 */
};

extern const struct gic_ops gicv2_ops, gicv3_ops;

/* Registers of the distributor that both versions have alike. */
enum gicd {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IGROUPR = 0x080,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ICPENDR = 0x280,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
};

static inline uint32_t gic_read(const void *base, uint32_t offset)
{
    return *(const volatile uint32_t *)((const char *)base + offset);
}

static inline void gic_write(void *base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((char *)base + offset) = value;
}

static inline uint64_t gic_read64(const void *base, uint32_t offset)
{
    return *(const volatile uint64_t *)((const char *)base + offset);
}

static inline void gic_write64(void *base, uint32_t offset, uint64_t value)
{
    *(volatile uint64_t *)((char *)base + offset) = value;
}

/* Sets the bit of `line` in one of the registers that act on the bits set. */
static inline void gic_write_bit(void *base, uint32_t reg, uint32_t line)
{
    gic_write(base, reg + line / 32 * 4, (uint32_t)1 << line % 32);
}

/* Masks and resets the lines [first, end), multiples of 32, of a distributor or redistributor. */
void gic_reset_lines(void *base, uint32_t first, uint32_t end);

/* msi.c: finds the lines that are raised by messages, while all are masked. */
error_t msi_init(void *distributor);

/* its.c: lines that are raised by messages to an ITS (GICv3), if there is one. The redistributor's
 * registers are this CPU's, at `base`. */
void its_init(void);
void its_init_cpu(void *redistributor, phys_t base);
bool its_has(uint32_t line);
void its_mask(uint32_t line);
void its_unmask(uint32_t line, const struct cpu *cpu);
struct irq_message its_message(uint32_t line);

/* How many lines the distributor has (irq.c keeps it). */
uint32_t gic_lines(const void *distributor);
