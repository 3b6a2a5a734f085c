/* Monitor: what can be asked for, and the closing screen again. */
#include "boot/inventory.h"
#include "monitor/monitor.h"
#include "trace/console.h"

static void help_line(const struct monitor_command *command)
{
    console_print("  %-11s  %s\n", command->name, command->text);
}

static void help_run(const char *arguments)
{
    (void)arguments;
    monitor_each(help_line);
}

static void inventory_run(const char *arguments)
{
    (void)arguments;
    inventory_print();
}

MONITOR_COMMAND(help, "lists the commands", help_run)
MONITOR_COMMAND(inventory, "says what the kernel found in this machine", inventory_run)
