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
