/*
 * The machine's inventory (inventory.h).
 *
 * Takes what it says from those who know: the boot protocol, the firmware's tables, the frame
 * allocator, the CPUs and the clock. Keeps nothing.
 */
#include "boot/inventory.h"
#include "arch/boot.h"
#include "arch/irq.h"
#include "boot/mitigations.h"
#include "lib/print.h"
#include "mem/frame.h"
#include "sched/clock.h"
#include "sched/cpu.h"
#include "trace/console.h"

#define VALUE_MAX 400 /* longer values are cut */

static void line_print(const char *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void line_print(const char *key, const char *format, ...)
{
    char value[VALUE_MAX];
    va_list args;
    va_start(args, format);
    vprint_buffer(value, sizeof(value), format, args);
    va_end(args);
    console_print("  %-11s  %s\n", key, value);
}

static unsigned long frames_to_mib(uint64_t frames)
{
    return (unsigned long)(frames * PAGE_SIZE / MIB);
}

static const char *firmware_text(void)
{
    if (the_machine.from_acpi)
        return the_machine.from_fdt ? "acpi+fdt" : "acpi";
    return the_machine.from_fdt ? "fdt" : "none";
}

static void cpus_print(void)
{
    char text[VALUE_MAX];
    arch_cpu_text(text, sizeof(text));
    line_print("cpus", "%u online of %u found, %s", cpu_online_count(),
               the_machine.cpu_count + the_machine.cpu_left_out, text);
    arch_cpu_features(text, sizeof(text));
    line_print("features", "%s", text);
    mitigations_text(text, sizeof(text));
    line_print("mitigations", "%s", text);
}

static uint32_t usable_ranges(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < the_boot_info.range_count; i++)
        count += the_boot_info.ranges[i].kind == RANGE_USABLE;
    return count;
}

static void memory_print(void)
{
    uint64_t total = 0, touched = 0;
    for (uint32_t node = 0; node < frame_node_count(); node++) {
        struct frame_stats stats;
        frame_stats(node, &stats);
        total += stats.total;
        touched += stats.total - stats.untouched;
    }
    line_print("memory", "%lu MiB usable in %u ranges, %u nodes, %lu MiB touched",
               frames_to_mib(total), usable_ranges(), frame_node_count(), frames_to_mib(touched));
}

static bool cpu_on_node(uint32_t cpu, uint32_t node)
{
    return cpu < cpu_count && cpu_table[cpu]->node == node;
}

/* "cpus 0-3,6", or "no cpus". */
static void node_cpus(struct text *text, uint32_t node)
{
    const char *before = "cpus ";
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        if (!cpu_on_node(cpu, node))
            continue;
        uint32_t last = cpu;
        while (cpu_on_node(last + 1, node))
            last++;
        text_add(text, "%s%u", before, cpu);
        if (last > cpu)
            text_add(text, "-%u", last);
        before = ",";
        cpu = last;
    }
    if (before[0] != ',')
        text_add(text, "no cpus");
}

static void node_print(uint32_t node)
{
    struct frame_stats stats;
    char key[16], value[VALUE_MAX];
    struct text text = text_in(value, sizeof(value));
    frame_stats(node, &stats);
    node_cpus(&text, node);
    text_add(&text, ", distances");
    for (uint32_t to = 0; to < frame_node_count(); to++)
        text_add(&text, " %u", the_machine.distance[node][to]);
    print_buffer(key, sizeof(key), "node %u", node);
    line_print(key, "%lu MiB usable, %s", frames_to_mib(stats.total), value);
}

static void modules_print(void)
{
    char list[VALUE_MAX];
    struct text text = text_in(list, sizeof(list));
    for (uint32_t i = 0; i < the_boot_info.module_count; i++)
        text_add(&text, "%s %s (%lu bytes)", i == 0 ? ":" : ",", the_boot_info.modules[i].name,
                 (unsigned long)the_boot_info.modules[i].size);
    line_print("modules", "%u%s", the_boot_info.module_count, list);
}

static void devices_print(void)
{
    char list[VALUE_MAX];
    arch_irq_text(list, sizeof(list));
    line_print("interrupts", "%s", list);
    line_print("clock", "%s", clock_text());
    console_names(list, sizeof(list));
    line_print("console", "%s", list);
    line_print("power", "%s", arch_power_text());
    struct text text = text_in(list, sizeof(list));
    for (uint32_t i = 0; i < the_machine.pcie_count; i++)
        text_add(&text, "%s 0x%lx", i == 0 ? " windows:" : ",",
                 (unsigned long)the_machine.pcie[i].base.pa);
    line_print("pcie", "%u%s", the_machine.pcie_count, list);
}

/* Tenths of milliseconds, rounded down. */
static void boot_print(void)
{
    unsigned long now = clock_now() / 100000, waited = clock_waited() / 100000;
    line_print("boot", "%lu.%lu ms, %lu.%lu ms waited", now / 10, now % 10, waited / 10,
               waited % 10);
    line_print("counter", "%lu at this screen", (unsigned long)arch_counter());
}

void inventory_print(void)
{
    console_print("Tern %s, %s, %s build\n", TERN_VERSION, arch_name,
                  CONFIG_DEBUG ? "debug" : "release");
    line_print("protocol", "%s", the_boot_info.protocol);
    line_print("command", "%s", the_boot_info.command_line);
    line_print("firmware", "%s", firmware_text());
    cpus_print();
    memory_print();
    for (uint32_t node = 0; node < frame_node_count(); node++)
        node_print(node);
    modules_print();
    devices_print();
    line_print("entry", "%s", the_boot_info.entry);
    line_print("faults", "%u", the_boot_info.fault_count + the_machine.fault_count);
    boot_print();
}
