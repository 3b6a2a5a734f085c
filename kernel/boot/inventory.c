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

/* A value under construction. */
struct value {
    char text[VALUE_MAX];
    size_t length;
};

static void value_add(struct value *value, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void value_add(struct value *value, const char *format, ...)
{
    if (value->length >= sizeof(value->text))
        return;
    va_list args;
    va_start(args, format);
    value->length += vprint_buffer(value->text + value->length, sizeof(value->text) - value->length,
                                   format, args);
    va_end(args);
}

static void line_print(const char *key, const char *value)
{
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
    struct value value = {.length = 0};
    char text[128];
    arch_cpu_text(text, sizeof(text));
    value_add(&value, "%u online of %u found, %s", cpu_online_count(),
              the_machine.cpu_count + the_machine.cpu_left_out, text);
    line_print("cpus", value.text);
    arch_cpu_features(value.text, sizeof(value.text));
    line_print("features", value.text);
    mitigations_text(value.text, sizeof(value.text));
    line_print("mitigations", value.text);
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
    struct value value = {.length = 0};
    value_add(&value, "%lu MiB usable in %u ranges, %u nodes, %lu MiB touched",
              frames_to_mib(total), usable_ranges(), frame_node_count(), frames_to_mib(touched));
    line_print("memory", value.text);
}

static bool cpu_on_node(uint32_t cpu, uint32_t node)
{
    return cpu < cpu_count && cpu_table[cpu]->node == node;
}

/* "cpus 0-3,6", or "no cpus". */
static void node_cpus(struct value *value, uint32_t node)
{
    const char *before = "cpus ";
    for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
        if (!cpu_on_node(cpu, node))
            continue;
        uint32_t last = cpu;
        while (cpu_on_node(last + 1, node))
            last++;
        value_add(value, "%s%u", before, cpu);
        if (last > cpu)
            value_add(value, "-%u", last);
        before = ",";
        cpu = last;
    }
    if (before[0] != ',')
        value_add(value, "no cpus");
}

static void node_print(uint32_t node)
{
    struct value value = {.length = 0};
    struct frame_stats stats;
    char key[16];
    frame_stats(node, &stats);
    value_add(&value, "%lu MiB usable, ", frames_to_mib(stats.total));
    node_cpus(&value, node);
    value_add(&value, ", distances");
    for (uint32_t to = 0; to < frame_node_count(); to++)
        value_add(&value, " %u", the_machine.distance[node][to]);
    print_buffer(key, sizeof(key), "node %u", node);
    line_print(key, value.text);
}

static void modules_print(void)
{
    struct value value = {.length = 0};
    value_add(&value, "%u", the_boot_info.module_count);
    for (uint32_t i = 0; i < the_boot_info.module_count; i++)
        value_add(&value, "%s %s (%lu bytes)", i == 0 ? ":" : ",", the_boot_info.modules[i].name,
                  (unsigned long)the_boot_info.modules[i].size);
    line_print("modules", value.text);
}

static void devices_print(void)
{
    char text[VALUE_MAX];
    arch_irq_text(text, sizeof(text));
    line_print("interrupts", text);
    line_print("clock", clock_text());
    console_names(text, sizeof(text));
    line_print("console", text);
    line_print("power", arch_power_text());
    struct value pcie = {.length = 0};
    value_add(&pcie, "%u", the_machine.pcie_count);
    for (uint32_t i = 0; i < the_machine.pcie_count; i++)
        value_add(&pcie, "%s 0x%lx", i == 0 ? " windows:" : ",",
                  (unsigned long)the_machine.pcie[i].base.pa);
    line_print("pcie", pcie.text);
}

/* Tenths of milliseconds, rounded down. */
static void boot_print(void)
{
    struct value value = {.length = 0};
    uint64_t now = clock_now() / 100000, waited = clock_waited() / 100000;
    value_add(&value, "%lu.%lu ms, %lu.%lu ms waited", (unsigned long)(now / 10),
              (unsigned long)(now % 10), (unsigned long)(waited / 10),
              (unsigned long)(waited % 10));
    line_print("boot", value.text);
    print_buffer(value.text, sizeof(value.text), "%lu at this screen",
                 (unsigned long)arch_counter());
    line_print("counter", value.text);
}

static void faults_print(void)
{
    char text[16];
    print_buffer(text, sizeof(text), "%u", the_boot_info.fault_count + the_machine.fault_count);
    line_print("faults", text);
}

void inventory_print(void)
{
    console_print("Tern %s, %s, %s build\n", TERN_VERSION, arch_name,
                  CONFIG_DEBUG ? "debug" : "release");
    line_print("protocol", the_boot_info.protocol);
    line_print("command", the_boot_info.command_line);
    line_print("firmware", firmware_text());
    cpus_print();
    memory_print();
    for (uint32_t node = 0; node < frame_node_count(); node++)
        node_print(node);
    modules_print();
    devices_print();
    line_print("entry", the_boot_info.entry != NULL ? the_boot_info.entry : "unknown");
    faults_print();
    boot_print();
}
