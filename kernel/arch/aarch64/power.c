/*
 * AArch64: off and reboot by PSCI (DEN0022D 5.9, 5.11), and leaving the emulator by semihosting
 * ("Semihosting for AArch32 and AArch64", SYS_EXIT).
 */
#include "power.h"
#include "arch/boot.h"
#include "arch/trap.h"
#include "lib/assert.h"

#define SEMIHOSTING_EXIT  0x18u
#define APPLICATION_EXIT  0x20026u /* ADP_Stopped_ApplicationExit */
#define DEBUG_EXIT_STATUS 0x41u    /* of status 0; keeps clear of the emulator's own */

extern const char semihosting_call[]; /* the instruction below */

bool psci_usable(void)
{
    return the_machine.power == POWER_PSCI_HVC || the_machine.power == POWER_PSCI_SMC;
}

int64_t psci_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    assert(psci_usable());
    if (the_machine.power == POWER_PSCI_HVC)
        __asm__ volatile("hvc #0"
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8",
                           "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    else
        __asm__ volatile("smc #0"
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7", "x8",
                           "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    return (int64_t)x0;
}

const char *arch_power_text(void)
{
    return psci_usable() ? "psci" : "none";
}

void arch_power_off(void)
{
    if (psci_usable())
        (void)psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void arch_reboot(void)
{
    if (psci_usable())
        (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

/*
 * The emulator takes the instruction; without it (or without its semihosting) the CPU calls it
 * undefined, and power_take_trap goes on behind it.
 */
void arch_debug_exit(uint32_t status)
{
    assert(status < 64); /* what an exit status of 8 bits has room for */
    const uint64_t block[2] = {APPLICATION_EXIT, DEBUG_EXIT_STATUS + 2 * (uint64_t)status};
    register uint64_t operation __asm__("x0") = SEMIHOSTING_EXIT;
    register const void *argument __asm__("x1") = block;
    __asm__ volatile(".globl semihosting_call\n"
                     "semihosting_call:\n\t"
                     "hlt #0xf000"
                     : "+r"(operation)
                     : "r"(argument)
                     : "memory");
}

bool power_take_trap(struct trap_frame *frame)
{
    if (frame->pc != (uintptr_t)semihosting_call || frame->cause >> 26 != 0)
        return false;
    frame->pc += 4;
    return true;
}

/* There are no ports. */
uint32_t arch_port_read(uint16_t port, uint32_t bytes)
{
    (void)port;
    (void)bytes;
    assert(false);
    return 0;
}

void arch_port_write(uint16_t port, uint32_t bytes, uint32_t value)
{
    (void)port;
    (void)bytes;
    (void)value;
    assert(false);
}

error_t arch_port_check(uint32_t first, uint32_t count)
{
    (void)first;
    (void)count;
    return ERR_unsupported;
}
