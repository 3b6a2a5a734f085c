/* Monitor: the ways to end it all. */
#include "boot/service.h"
#include "monitor/monitor.h"
#include "trace/console.h"
#include "trace/panic.h"

static const struct power_service *power_find(const char *command)
{
    error_t error;
    const struct power_service *power = service_power(PRIVILEGE_TOOL, &error);
    if (power == NULL)
        console_print("%s: %s\n", command, error_text(error));
    return power;
}

static void poweroff_run(const char *arguments)
{
    (void)arguments;
    const struct power_service *power = power_find("poweroff");
    if (power != NULL)
        power->off(0);
}

static void reboot_run(const char *arguments)
{
    (void)arguments;
    const struct power_service *power = power_find("reboot");
    if (power != NULL)
        power->reboot();
}

static void panic_run(const char *arguments)
{
    panic("asked for on the monitor%s%s", arguments[0] != 0 ? ": " : "", arguments);
}

MONITOR_COMMAND(panic, "stops the kernel with a diagnosis; the rest of the line is its reason",
                panic_run)
MONITOR_COMMAND(poweroff, "stops every subsystem and switches off", poweroff_run)
MONITOR_COMMAND(reboot, "stops every subsystem and starts again", reboot_run)
