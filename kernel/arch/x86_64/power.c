/*
 * x86-64: off, reboot, leaving the emulator, and ports.
 * Sources: ACPI 6.5 4.8.3.2 (PM1 control), 4.8.3.7 (sleep control), 4.8.3.6 (reset register).
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "boot/machine.h"
#include "chip/register.h"
#include "lib/assert.h"
#include "registers.h"
#include "x86.h"

#define PM1_SLEEP_ENABLE     (1u << 13)
#define PM1_TYPE_SHIFT       10
#define CONTROL_SLEEP_ENABLE (1u << 5)
#define CONTROL_TYPE_SHIFT   2
#define DEBUG_EXIT_PORT      0xf4
#define DEBUG_EXIT_BASE      0x20 /* keeps clear of the emulator's own exit statuses */

uint32_t arch_port_read(uint16_t port, uint32_t bytes)
{
    assert(bytes == 1 || bytes == 2 || bytes == 4);
    return bytes == 1 ? port_in8(port) : bytes == 2 ? port_in16(port) : port_in32(port);
}

void arch_port_write(uint16_t port, uint32_t bytes, uint32_t value)
{
    assert(bytes == 1 || bytes == 2 || bytes == 4);
    if (bytes == 1)
        port_out8(port, (uint8_t)value);
    else if (bytes == 2)
        port_out16(port, (uint16_t)value);
    else
        port_out32(port, value);
}

static bool overlap(uint32_t first, uint32_t count, uint32_t own, uint32_t own_count)
{
    return first < own + own_count && own < first + count;
}

/* PICs, PIT, the port that gates it, fast reset, the console that is always there; what test boots
 * leave the emulator by. */
static const struct {
    uint16_t first, count;
} own_ports[] = {{0x20, 2}, {0xa0, 2},  {0x40, 4},           {0x61, 1},
                 {0x92, 1}, {0x3f8, 8}, {DEBUG_EXIT_PORT, 4}};

/* One that is a register of 8, or what `width` says. */
static bool overlaps_register(uint32_t first, uint32_t count, const struct machine_register *own)
{
    uint32_t bytes = own->width < 16 ? 1 : own->width / 8u;
    return own->space == SPACE_PORT && overlap(first, count, (uint16_t)own->address, bytes);
}

/*
 * The reset register of PCs lies inside of the four ports of PCI's address (0xcf8), where only
 * accesses of less than four bytes are meant for it.
 */
error_t arch_port_check(uint32_t first, uint32_t count)
{
    const struct machine *m = &the_machine;
    bool own = false;
    for (uint32_t i = 0; i < COUNT_OF(own_ports); i++)
        own |= overlap(first, count, own_ports[i].first, own_ports[i].count);
    own |= overlaps_register(first, count, &m->pm1a_control);
    own |= overlaps_register(first, count, &m->pm1b_control);
    own |= overlaps_register(first, count, &m->sleep_control);
    own |= m->pm_timer_port != 0 && overlap(first, count, m->pm_timer_port, 4);
    own |= count < 4 && overlaps_register(first, count, &m->reset);
    own |= m->uart == UART_16550 && m->uart_register.space == SPACE_PORT &&
           overlap(first, count, (uint16_t)m->uart_register.address, 8);
    return own ? ERR_denied : OK;
}

static bool power_usable(void)
{
    const struct machine *m = &the_machine;
    return m->power == POWER_ACPI && m->has_s5 &&
           (m->pm1a_control.space != SPACE_NONE || m->sleep_control.space != SPACE_NONE);
}

const char *arch_power_text(void)
{
    return power_usable() ? "acpi" : "none";
}

/* Writes a one-byte register that the machine may not have. */
static void byte_write(const struct machine_register *where, uint32_t value)
{
    struct register_block block;
    if (where->space != SPACE_NONE && register_open(&block, where, 1) == OK)
        register_write(&block, 0, 1, value);
}

/* PM1 control keeps its other bits; SLP_EN is written with the type. */
static void pm1_sleep(const struct machine_register *control, uint8_t type)
{
    struct register_block block;
    if (control->space == SPACE_NONE || register_open(&block, control, 2) != OK)
        return;
    uint32_t value = register_read(&block, 0, 2) & ~(7u << PM1_TYPE_SHIFT);
    register_write(&block, 0, 2, value | (type & 7u) << PM1_TYPE_SHIFT | PM1_SLEEP_ENABLE);
}

void arch_power_off(void)
{
    const struct machine *m = &the_machine;
    if (!power_usable())
        return;
    byte_write(&m->sleep_control, (m->s5_type_a & 7u) << CONTROL_TYPE_SHIFT | CONTROL_SLEEP_ENABLE);
    pm1_sleep(&m->pm1a_control, m->s5_type_a);
    pm1_sleep(&m->pm1b_control, m->s5_type_b);
}

/* ACPI's register, then the keyboard controller's pulse, then a triple fault. */
void arch_reboot(void)
{
    byte_write(&the_machine.reset, the_machine.reset_value);
    port_out8(0x64, 0xfe);
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; int3" ::"m"(none));
}

void arch_debug_exit(uint32_t status)
{
    port_out8(DEBUG_EXIT_PORT, (uint8_t)(DEBUG_EXIT_BASE + status));
}
