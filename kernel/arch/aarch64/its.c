/*
 * AArch64: interrupts by message through GICv3's interrupt translation service (IHI0069, 5.1 to
 * 5.3).
 *
 * A device writes an event's number to GITS_TRANSLATER, and its bus adds the device's id. The ITS
 * looks up the device's table, in it the event, and makes the LPI pending that stands there, at the
 * CPU of the event's collection:
 *
 *     device id --device table--> table of the device --event--> LPI, collection --> CPU
 *
 * Ours: there are ITS_LINES LPIs; the number i among them is line ITS_FIRST_LINE + i, and event i
 * of the one device that the line is connected to. A collection is a CPU. All tables are reached by
 * commands alone; what of an LPI is masked stands in `config`, which redistributors cache.
 *
 * Life cycle: its_init, once; its_init_cpu on each CPU; without an ITS, or if it can't be used, no
 * line is one of ours. Lock: one (rank device) for the queue of commands and the lines.
 */
#include "arch/irq.h"
#include "arch/mmu.h"
#include "boot/machine.h"
#include "gic.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"
#include "sched/irq.h"
#include "trace/log.h"

#define ITS_LINES    256     /* a device's table, of entries of 16 bytes at most, is a frame */
#define ITT_SIZE     (8 - 1) /* bits of an event's number, less 1 */
#define ENTRY_MAX    16
#define DEVICES_MAX  65536u /* ids of a PCI segment */
#define TABLE_MAX    MIB
#define TABLE_ALIGN  (64 * KIB)
#define QUEUE_BYTES  PAGE_SIZE
#define COMMAND_SIZE 32u
#define LPI_BITS     14 /* the least: INTIDs up to 16383 */
#define LPI_COUNT    ((1u << LPI_BITS) - GIC_FIRST_LPI)
#define LPI_PRIORITY (uint8_t)(GIC_PRIORITY & 0xfc)
#define LPI_ENABLED  1
#define WAIT_TURNS   1000000u

_Static_assert(ITS_FIRST_LINE + ITS_LINES <= IRQ_LINES, "each LPI of ours is a line");
_Static_assert(PAGE_SIZE / ENTRY_MAX == ITS_LINES, "a device's table is a frame");

/* Registers (12.18), and the bits of their bases of tables: inner shareable, write-back. */
enum gits {
    GITS_CTLR = 0x0,
    GITS_TYPER = 0x8,
    GITS_CBASER = 0x80,
    GITS_CWRITER = 0x88,
    GITS_CREADR = 0x90,
    GITS_BASER = 0x100,
    GITS_BASERS = 8,
    GITS_TRANSLATER = 0x10040,
};
#define CTLR_ENABLED    1u
#define CTLR_QUIESCENT  (1u << 31)
#define TYPER_ADDRESSES ((uint64_t)1 << 19) /* targets are redistributors' addresses */
#define BASE_VALID      ((uint64_t)1 << 63)
#define BASE_CACHED     ((uint64_t)7 << 59)
#define BASE_SHARED     ((uint64_t)1 << 10)
#define BASE_PAGES_64K  ((uint64_t)2 << 8)
#define BASE_DEVICES    1
#define BASE_COLLECTION 4

/* Of a redistributor (12.11). */
#define GICR_CTLR      0x0u
#define GICR_TYPER     0x8u
#define GICR_PROPBASER 0x70u
#define GICR_PENDBASER 0x78u
#define GICR_LPIS      1u /* in GICR_CTLR */
#define LPI_CACHED     ((uint64_t)7 << 7)
#define PENDING_ZERO   ((uint64_t)1 << 62)

/* Commands (5.3). */
enum its_command {
    ITS_MOVI = 0x01,
    ITS_SYNC = 0x05,
    ITS_MAPD = 0x08,
    ITS_MAPC = 0x09,
    ITS_MAPTI = 0x0a,
    ITS_INV = 0x0c,
    ITS_DISCARD = 0x0f,
};
#define MAP_VALID ((uint64_t)1 << 63)

#define NO_DEVICE UINT32_MAX

struct its_line {
    uint32_t device;       /* NO_DEVICE: none */
    const struct cpu *cpu; /* that it goes to, if connected */
};

/* Written once by its_init, but for what the lock is said to be for. */
static struct {
    void *registers; /* NULL: no ITS */
    uint64_t *queue; /* the lock */
    uint8_t *config; /* of each LPI, a byte (5.1.1); the lock */
    uint64_t next;   /* offset in the queue; the lock */
    bool stuck;      /* a command was not done; the lock */
    bool addresses;
    uint32_t devices, collections;    /* how many it can tell apart */
    uint64_t used[DEVICES_MAX / 64];  /* device ids that have a table, as bits; the lock */
    struct its_line lines[ITS_LINES]; /* the lock */
} its;
static struct spinlock its_lock = SPINLOCK_INIT(device);

/* --- commands --- */

/* Waits a bounded time until it is done. Who finds that it is not, says so; and no more come. */
static void command_locked(enum its_command command, uint32_t device, uint64_t word1,
                           uint64_t word2)
{
    uint64_t *entry = its.queue + its.next / sizeof(uint64_t);
    debug_assert(spinlock_held(&its_lock));
    if (its.stuck)
        return;
    entry[0] = (uint64_t)device << 32 | (uint64_t)command;
    entry[1] = word1;
    entry[2] = word2;
    its.next = (its.next + COMMAND_SIZE) % QUEUE_BYTES;
    barrier_dsb("ishst");
    gic_write64(its.registers, GITS_CWRITER, its.next);
    for (uint32_t turn = 0; gic_read64(its.registers, GITS_CREADR) != its.next; turn++) {
        arch_cpu_relax();
        its.stuck = turn == WAIT_TURNS;
        if (its.stuck) {
            log_error("its", "command 0x%x is not done", (uint32_t)command);
            return;
        }
    }
}

/* What was commanded for that CPU is done, and seen by all. */
static void sync_locked(const struct cpu *cpu)
{
    command_locked(ITS_SYNC, 0, 0, cpu->arch.its_target & ~MAP_VALID);
}

/* --- lines --- */

bool its_has(uint32_t line)
{
    return its.registers != NULL && line - ITS_FIRST_LINE < ITS_LINES;
}

/* Also of lines that are not connected: then nothing knows of it yet. */
static void line_set_locked(uint32_t index, uint8_t config)
{
    const struct its_line *line = &its.lines[index];
    assert(index < ITS_LINES);
    debug_assert(spinlock_held(&its_lock));
    its.config[index] = config;
    if (line->device == NO_DEVICE)
        return;
    command_locked(ITS_INV, line->device, index, 0);
    sync_locked(line->cpu);
}

void its_mask(uint32_t line)
{
    irq_state_t irq = spinlock_lock(&its_lock);
    line_set_locked(line - ITS_FIRST_LINE, LPI_PRIORITY);
    spinlock_unlock(&its_lock, irq);
}

void its_unmask(uint32_t line, const struct cpu *cpu)
{
    uint32_t index = line - ITS_FIRST_LINE;
    struct its_line *found = &its.lines[index];
    if (cpu->arch.its_target == 0)
        cpu = &boot_cpu;
    irq_state_t irq = spinlock_lock(&its_lock);
    if (found->device != NO_DEVICE && found->cpu != cpu) {
        command_locked(ITS_MOVI, found->device, index, cpu->number);
        sync_locked(found->cpu);
        found->cpu = cpu;
    }
    line_set_locked(index, LPI_PRIORITY | LPI_ENABLED);
    spinlock_unlock(&its_lock, irq);
}

struct irq_message its_message(uint32_t line)
{
    return (struct irq_message){the_machine.gic_its.pa + GITS_TRANSLATER, line - ITS_FIRST_LINE};
}

static void its_connect(uint32_t line, uint32_t device)
{
    uint32_t index = line - ITS_FIRST_LINE;
    irq_state_t irq = spinlock_lock(&its_lock);
    assert(its.lines[index].device == NO_DEVICE);
    its.lines[index] = (struct its_line){device, &boot_cpu};
    command_locked(ITS_MAPTI, device, (uint64_t)(GIC_FIRST_LPI + index) << 32 | index,
                   boot_cpu.number);
    line_set_locked(index, LPI_PRIORITY);
    spinlock_unlock(&its_lock, irq);
}

/* What was pending is forgotten. */
static void its_disconnect(uint32_t line)
{
    struct its_line *found = &its.lines[line - ITS_FIRST_LINE];
    irq_state_t irq = spinlock_lock(&its_lock);
    assert(found->device != NO_DEVICE);
    command_locked(ITS_DISCARD, found->device, line - ITS_FIRST_LINE, 0);
    sync_locked(found->cpu);
    found->device = NO_DEVICE;
    spinlock_unlock(&its_lock, irq);
}

/* --- devices --- */

static error_t its_add(uint32_t device, phys_t frame)
{
    assert(is_aligned(frame.pa, PAGE_SIZE));
    if (device >= its.devices)
        return ERR_unsupported;
    irq_state_t irq = spinlock_lock(&its_lock);
    uint64_t *word = &its.used[device / 64], bit = (uint64_t)1 << device % 64;
    error_t error = (*word & bit) != 0 ? ERR_exists : OK;
    if (error == OK) {
        *word |= bit;
        command_locked(ITS_MAPD, device, ITT_SIZE, MAP_VALID | frame.pa);
    }
    spinlock_unlock(&its_lock, irq);
    return error;
}

static void its_remove(uint32_t device)
{
    irq_state_t irq = spinlock_lock(&its_lock);
    assert((its.used[device / 64] >> device % 64 & 1) != 0);
    command_locked(ITS_MAPD, device, 0, 0);
    sync_locked(&boot_cpu);
    its.used[device / 64] &= ~((uint64_t)1 << device % 64);
    spinlock_unlock(&its_lock, irq);
}

const struct irq_devices *arch_irq_devices(void)
{
    static const struct irq_devices devices = {
        .add = its_add,
        .remove = its_remove,
        .connect = its_connect,
        .disconnect = its_disconnect,
    };
    return its.registers != NULL ? &devices : NULL;
}

/* --- start --- */

static error_t table_alloc(uint64_t bytes, phys_t *table)
{
    uint32_t order = 4; /* TABLE_ALIGN */
    while (PAGE_SIZE << order < bytes)
        order++;
    return frame_alloc(order, cpu_self()->node, FRAME_ZERO, table);
}

/* Names a table to the ITS; unsupported if it does not see what CPUs have in their caches. */
static error_t base_set(void *base, uint32_t reg, uint64_t value)
{
    assert((value & BASE_SHARED) == 0);
    gic_write64(base, reg, value | BASE_SHARED);
    return (gic_read64(base, reg) & BASE_SHARED) != 0 ? OK : ERR_unsupported;
}

/* The tables that it wants in memory: GITS_BASER says of what, and how large an entry is. Where
 * pages of 64 KiB are not to be had, it says which are. */
static error_t tables_init(void *registers)
{
    for (uint32_t i = 0; i < GITS_BASERS; i++) {
        const uint32_t reg = GITS_BASER + 8 * i;
        uint64_t base = gic_read64(registers, reg), entry = (base >> 48 & 31) + 1;
        uint32_t type = base >> 56 & 7;
        phys_t table;
        if (type != BASE_DEVICES && type != BASE_COLLECTION)
            continue;
        if (type == BASE_DEVICES)
            its.devices = (uint32_t)min_u64(its.devices, TABLE_MAX / entry);
        else
            its.collections = CONFIG_CPU_MAX;
        uint64_t bytes =
            align_up(entry * (type == BASE_DEVICES ? its.devices : CONFIG_CPU_MAX), TABLE_ALIGN);
        error_t error = table_alloc(bytes, &table);
        gic_write64(registers, reg, BASE_PAGES_64K);
        uint64_t pages = gic_read64(registers, reg) & (3 << 8), shift = 12 + 2 * (pages >> 8);
        if (error == OK)
            error = base_set(registers, reg,
                             BASE_VALID | BASE_CACHED | table.pa | pages | ((bytes >> shift) - 1));
        if (error != OK)
            return error;
    }
    return OK;
}

static error_t registers_init(void *registers)
{
    phys_t queue, config;
    uint64_t typer = gic_read64(registers, GITS_TYPER);
    its.devices = (uint32_t)min_u64(DEVICES_MAX, (uint64_t)2 << (typer >> 13 & 31));
    its.collections = (uint32_t)(typer >> 24) & 0xff;
    its.addresses = (typer & TYPER_ADDRESSES) != 0;
    if ((typer >> 4 & 15) + 1 > ENTRY_MAX)
        return ERR_unsupported;
    gic_write(registers, GITS_CTLR, 0);
    for (uint32_t i = 0; (gic_read(registers, GITS_CTLR) & CTLR_QUIESCENT) == 0; i++)
        if (i == WAIT_TURNS)
            return ERR_timeout;
    error_t error = tables_init(registers);
    if (error == OK)
        error = table_alloc(QUEUE_BYTES, &queue);
    if (error == OK)
        error = table_alloc(LPI_COUNT, &config);
    if (error == OK)
        error = base_set(registers, GITS_CBASER, BASE_VALID | BASE_CACHED | queue.pa);
    if (error != OK)
        return error;
    its.queue = phys_to_virt(queue);
    its.config = phys_to_virt(config);
    gic_write64(registers, GITS_CWRITER, 0);
    gic_write(registers, GITS_CTLR, CTLR_ENABLED);
    return OK;
}

void its_init(void)
{
    void *registers;
    if (the_machine.gic_its.pa == 0)
        return;
    error_t error = vmap_device(the_machine.gic_its, PAGE_SIZE, MAP_DEVICE | MAP_WRITE, &registers);
    if (error == OK)
        error = registers_init(registers);
    if (error != OK) {
        log_warn("its", "no interrupts by message: %s", error_text(error));
        return;
    }
    for (uint32_t i = 0; i < ITS_LINES; i++) {
        its.config[i] = LPI_PRIORITY;
        its.lines[i].device = NO_DEVICE;
    }
    its.registers = registers;
}

/* The tables of a CPU's redistributor: what all have of LPIs, and what is pending here. It can have
 * been left on by the firmware, with tables that we do not know; some cannot be switched off. */
static error_t redistributor_init(void *redistributor)
{
    phys_t pending;
    gic_write(redistributor, GICR_CTLR, gic_read(redistributor, GICR_CTLR) & ~GICR_LPIS);
    if ((gic_read(redistributor, GICR_CTLR) & GICR_LPIS) != 0)
        return ERR_unsupported;
    error_t error = table_alloc((1u << LPI_BITS) / 8, &pending);
    if (error == OK)
        error = base_set(redistributor, GICR_PROPBASER,
                         LPI_CACHED | virt_to_phys(its.config).pa | (LPI_BITS - 1));
    if (error == OK)
        error = base_set(redistributor, GICR_PENDBASER, PENDING_ZERO | LPI_CACHED | pending.pa);
    if (error == OK)
        gic_write(redistributor, GICR_CTLR, gic_read(redistributor, GICR_CTLR) | GICR_LPIS);
    return error;
}

void its_init_cpu(void *redistributor, phys_t base)
{
    struct cpu *self = cpu_self();
    if (its.registers == NULL || self->number >= its.collections)
        return;
    error_t error = redistributor_init(redistributor);
    if (error != OK) {
        log_warn("its", "no messages to CPU %u: %s", self->number, error_text(error));
        if (self == &boot_cpu)
            its.registers = NULL; /* where all go that cannot go elsewhere */
        return;
    }
    uint64_t number = gic_read64(redistributor, GICR_TYPER) >> 8 & 0xffff;
    irq_state_t irq = spinlock_lock(&its_lock);
    self->arch.its_target = MAP_VALID | (its.addresses ? base.pa : number << 16);
    command_locked(ITS_MAPC, 0, 0, self->arch.its_target | self->number);
    sync_locked(self);
    spinlock_unlock(&its_lock, irq);
}
