/*
 * x86-64: I/O APICs, found by MADT; every pin masked until a line is routed.
 * Source: Intel 82093AA datasheet; polarity and trigger of ISA lines from MADT overrides.
 * Lock: ioapic_lock (rank device) guards the index/data register pair.
 */
#include "arch/irq.h"
#include "arch/mmu.h"
#include "boot/machine.h"
#include "lib/assert.h"
#include "mem/vmap.h"
#include "sync/spinlock.h"
#include "x86.h"

#define IOAPIC_VERSION 1u
#define IOAPIC_ROUTE   0x10u
#define ROUTE_MASKED   (1u << 16)
#define ROUTE_LEVEL    (1u << 15)
#define ROUTE_LOW      (1u << 13)

struct ioapic {
    volatile uint32_t *window; /* set once */
    uint32_t first_line, lines;
};

static struct ioapic ioapics[MACHINE_IOAPIC_MAX];
static uint32_t ioapic_used;
static struct spinlock ioapic_lock = SPINLOCK_INIT(device);

static uint32_t ioapic_read_locked(const struct ioapic *io, uint32_t index)
{
    io->window[0] = index;
    return io->window[4];
}

static void ioapic_write_locked(const struct ioapic *io, uint32_t index, uint32_t value)
{
    io->window[0] = index;
    io->window[4] = value;
}

static error_t ioapic_add(const struct machine_ioapic *found)
{
    void *window;
    error_t error = vmap_device(found->base, PAGE_SIZE, MAP_DEVICE | MAP_WRITE, &window);
    if (error != OK)
        return error;
    struct ioapic *io = &ioapics[ioapic_used++];
    io->window = window;
    io->first_line = found->first_line;
    irq_state_t state = spinlock_lock(&ioapic_lock);
    io->lines = (ioapic_read_locked(io, IOAPIC_VERSION) >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < io->lines; pin++)
        ioapic_write_locked(io, IOAPIC_ROUTE + 2 * pin, ROUTE_MASKED);
    spinlock_unlock(&ioapic_lock, state);
    return OK;
}

error_t ioapic_init(void)
{
    for (uint32_t i = 0; i < the_machine.ioapic_count; i++) {
        error_t error = ioapic_add(&the_machine.ioapics[i]);
        if (error != OK)
            return error;
    }
    return OK;
}

uint32_t ioapic_count(void)
{
    return ioapic_used;
}

static const struct ioapic *ioapic_of(uint32_t line)
{
    for (uint32_t i = 0; i < ioapic_used; i++) {
        if (line - ioapics[i].first_line < ioapics[i].lines)
            return &ioapics[i];
    }
    return NULL;
}

/* ISA lines are edge, active high unless overridden; all others (PCI) level, active low. */
static uint32_t line_mode(uint32_t line)
{
    for (uint32_t i = 0; i < the_machine.override_count; i++) {
        const struct machine_override *o = &the_machine.overrides[i];
        if (o->line == line)
            return (o->level ? ROUTE_LEVEL : 0) | (o->active_low ? ROUTE_LOW : 0);
    }
    return line < 16 ? 0 : ROUTE_LEVEL | ROUTE_LOW;
}

bool ioapic_has(uint32_t line)
{
    return ioapic_of(line) != NULL;
}

bool ioapic_is_edge(uint32_t line)
{
    return (line_mode(line) & ROUTE_LEVEL) == 0;
}

error_t ioapic_route(uint32_t line, uint8_t vector, uint32_t destination)
{
    const struct ioapic *io = ioapic_of(line);
    if (io == NULL || destination > 255)
        return ERR_bad_argument;
    uint32_t pin = line - io->first_line;
    irq_state_t state = spinlock_lock(&ioapic_lock);
    ioapic_write_locked(io, IOAPIC_ROUTE + 2 * pin + 1, destination << 24);
    ioapic_write_locked(io, IOAPIC_ROUTE + 2 * pin, line_mode(line) | vector);
    spinlock_unlock(&ioapic_lock, state);
    return OK;
}

void ioapic_mask(uint32_t line, bool masked)
{
    const struct ioapic *io = ioapic_of(line);
    if (io == NULL)
        return;
    uint32_t index = IOAPIC_ROUTE + 2 * (line - io->first_line);
    irq_state_t state = spinlock_lock(&ioapic_lock);
    uint32_t route = ioapic_read_locked(io, index);
    ioapic_write_locked(io, index, masked ? route | ROUTE_MASKED : route & ~ROUTE_MASKED);
    spinlock_unlock(&ioapic_lock, state);
}
