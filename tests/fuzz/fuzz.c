/* Invariants that hold whatever the input was (fuzz.h). */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_range(const struct boot_range *range)
{
    check(range->size != 0 && (unsigned)range->kind < RANGE_KINDS);
    check(is_aligned(range->base.pa, PAGE_SIZE) && is_aligned(range->size, PAGE_SIZE));
    check(range->base.pa + range->size > range->base.pa);
}

void fuzz_check_boot_info(struct boot_info *info)
{
    check(info->range_count <= CONFIG_RANGE_MAX && info->module_count <= CONFIG_MODULE_MAX);
    (void)boot_info_normalise(info);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *range = &info->ranges[i];
        check_range(range);
        check(i == 0 || range[-1].base.pa + range[-1].size <= range->base.pa);
    }
    for (uint32_t i = 0; i < info->module_count; i++)
        check(memchr(info->modules[i].name, 0, sizeof(info->modules[i].name)) != NULL);
    check(memchr(info->command_line, 0, sizeof(info->command_line)) != NULL);
    check(info->framebuffer.pitch / 4 >= info->framebuffer.width);
}

static void check_nodes(const struct machine *machine)
{
    check(machine->node_count >= 1 && machine->node_count <= CONFIG_NODE_MAX);
    for (uint32_t a = 0; a < machine->node_count; a++) {
        for (uint32_t b = 0; b < machine->node_count; b++) {
            check(machine->distance[a][b] == machine->distance[b][a]);
            check((machine->distance[a][b] == 10) == (a == b) && machine->distance[a][b] >= 10);
        }
    }
}

void fuzz_check_machine(const struct machine *machine)
{
    check(machine->cpu_count >= 1 && machine->cpu_count <= CONFIG_CPU_MAX);
    check(machine->cpus[0].hardware_id == 0);
    for (uint32_t i = 0; i < machine->cpu_count; i++)
        check(machine->cpus[i].node < machine->node_count);
    check_nodes(machine);
    check(machine->memory_count <= MACHINE_MEMORY_MAX);
    for (uint32_t i = 0; i < machine->memory_count; i++)
        check(machine->memory[i].node < machine->node_count && machine->memory[i].size != 0);
    check(machine->ioapic_count <= MACHINE_IOAPIC_MAX);
    check(machine->override_count <= MACHINE_OVERRIDE_MAX);
    check(machine->gic_redist_count <= MACHINE_REDIST_MAX);
    check(machine->pcie_count <= MACHINE_PCIE_MAX);
    check(machine->gic_version == 0 || machine->gic_version == 2 || machine->gic_version == 3);
}
