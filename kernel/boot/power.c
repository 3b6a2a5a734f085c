/* Off and reboot (power.h), and the service that offers them. */
#include "boot/power.h"
#include "arch/boot.h"
#include "arch/cpu.h"
#include "boot/service.h"
#include "lib/string.h"
#include "sched/cpu.h"
#include "trace/console.h"

/* After this only this CPU runs, and only the consoles still serve. */
static void power_prepare(void)
{
    ladder_descend();
    uint32_t silent = cpu_stop_others();
    if (silent != 0)
        console_print("power: %u CPUs did not stop\n", silent);
}

static _Noreturn void power_stay(const char *what)
{
    console_print("power: this machine cannot %s by itself; halted, do it by hand\n", what);
    arch_halt();
}

_Noreturn void power_off(uint32_t status)
{
    char way[16];
    power_prepare();
    if (boot_option(&the_boot_info, "exit", way, sizeof(way)) && strcmp(way, "debug") == 0)
        arch_debug_exit(status);
    arch_power_off();
    power_stay("switch itself off");
}

_Noreturn void power_reboot(void)
{
    power_prepare();
    arch_reboot();
    power_stay("start again");
}

static const struct power_service power = {
    .off = power_off, .reboot = power_reboot, .text = arch_power_text};

static error_t power_start(void)
{
    return service_provide_power(&power);
}

SUBSYSTEM(power, .level = LEVEL_device, .privilege = PRIVILEGE_DRIVER, .needs = "services",
          .start = power_start)
