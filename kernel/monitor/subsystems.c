/* Monitor: the start-up ladder as it was climbed, and the services offered. */
#include "boot/service.h"
#include "boot/subsystem.h"
#include "monitor/monitor.h"
#include "trace/console.h"

static const char *const state_names[] = {
    [SUBSYSTEM_WAITING] = "waiting", [SUBSYSTEM_STARTED] = "started", [SUBSYSTEM_FAILED] = "failed",
    [SUBSYSTEM_ABSENT] = "absent",   [SUBSYSTEM_STOPPED] = "stopped",
};

static const char *const privilege_names[] = {
    [PRIVILEGE_CORE] = "core",
    [PRIVILEGE_DRIVER] = "driver",
    [PRIVILEGE_TOOL] = "tool",
};

static void subsystem_line(const struct subsystem *subsystem)
{
    bool needs = subsystem->needs != NULL && subsystem->needs[0] != 0;
    console_print("  %2u  %-9s  %-12s  %-7s  %-7s  %6lu us%s%s%s%s\n", subsystem->order,
                  subsystem_level_name(subsystem->level), subsystem->name,
                  privilege_names[subsystem->privilege], state_names[subsystem->state],
                  (unsigned long)(subsystem->start_ns / 1000), needs ? "  needs " : "",
                  needs ? subsystem->needs : "", subsystem->error != OK ? "  " : "",
                  subsystem->error != OK ? error_text(subsystem->error) : "");
}

static void subsystems_run(const char *arguments)
{
    (void)arguments;
    ladder_each(subsystem_line);
}

static void service_line(const struct service_row *row)
{
    console_print("  %-11s  for %-7s  %-12s  %s\n", row->name, privilege_names[row->privilege],
                  row->provided ? "provided" : "not provided", row->what);
}

static void services_run(const char *arguments)
{
    (void)arguments;
    service_each(service_line);
}

MONITOR_COMMAND(services, "lists the services and who may look them up", services_run)
MONITOR_COMMAND(subsystems, "lists the subsystems in starting order", subsystems_run)
