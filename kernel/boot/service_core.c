/*
 * The services of the kernel proper: those whose providers start before the ladder does, or
 * which are always there. Others are provided by their own subsystem (power.c).
 */
#include "arch/irq.h"
#include "boot/service.h"
#include "sched/clock.h"
#include "sched/irq.h"
#include "trace/console.h"

static const struct clock_service core_clock = {
    .now = clock_now, .waited = clock_waited, .hertz = clock_hertz, .text = clock_text};

static const struct console_service core_console = {
    .write = console_write, .names = console_names, .dropped = console_dropped};

static const struct interrupt_service core_interrupt = {
    .attach = irq_attach, .detach = irq_detach, .text = arch_irq_text};

static const struct memory_service core_memory = {.node_count = frame_node_count,
                                                  .node_stats = frame_stats,
                                                  .heap_stats = heap_stats,
                                                  .heap_class_count = heap_class_count,
                                                  .heap_class_size = heap_class_size};

static error_t services_start(void)
{
    error_t error = service_provide_clock(&core_clock);
    error = error != OK ? error : service_provide_console(&core_console);
    error = error != OK ? error : service_provide_interrupt(&core_interrupt);
    return error != OK ? error : service_provide_memory(&core_memory);
}

SUBSYSTEM(services, .level = LEVEL_console, .privilege = PRIVILEGE_CORE, .start = services_start)
