/*
 * The machine's inventory: what the readers of ACPI and device trees add to it.
 *
 * Life cycle: as machine.h says; boot CPU alone, no lock. Searches are linear: the tables are
 * filled once, and even 512 CPUs cost less than a millisecond.
 */
#include "boot/machine.h"
#include "lib/string.h"
#include "trace/log.h"

enum {
    DISTANCE_LOCAL = 10,
    DISTANCE_REMOTE = 20, /* where the firmware says nothing */
};

struct machine the_machine;

void machine_init(struct machine *machine)
{
    memset(machine, 0, sizeof(*machine));
}

void machine_fault(struct machine *machine, const char *what, error_t why)
{
    machine->fault_count++;
    log_warn("machine", "%s: %s", what, error_text(why));
}

/* The index of `domain`, or node_count. */
static uint32_t machine_find_node(const struct machine *machine, uint32_t domain)
{
    uint32_t node = 0;
    while (node < machine->node_count && machine->node_domain[node] != domain)
        node++;
    return node;
}

uint32_t machine_node(struct machine *machine, uint32_t domain)
{
    uint32_t node = machine_find_node(machine, domain);
    if (node < machine->node_count)
        return node;
    if (node == CONFIG_NODE_MAX) {
        machine_fault(machine, "one NUMA node too many", ERR_full);
        return 0;
    }
    machine->node_domain[node] = domain;
    machine->node_count++;
    return node;
}

static bool machine_has_cpu(const struct machine *machine, uint64_t hardware_id)
{
    for (uint32_t i = 0; i < machine->cpu_count; i++) {
        if (machine->cpus[i].hardware_id == hardware_id)
            return true;
    }
    return false;
}

error_t machine_add_cpu(struct machine *machine, uint64_t hardware_id, uint32_t firmware_id,
                        uint32_t domain)
{
    if (machine_has_cpu(machine, hardware_id)) {
        machine_fault(machine, "a CPU is told of twice", ERR_exists);
        return ERR_exists;
    }
    if (machine->cpu_count == CONFIG_CPU_MAX) {
        machine->cpu_left_out++;
        machine_fault(machine, "one CPU too many", ERR_full);
        return ERR_full;
    }
    machine->cpus[machine->cpu_count++] = (struct machine_cpu){
        .hardware_id = hardware_id,
        .firmware_id = firmware_id,
        .node = machine_node(machine, domain),
    };
    return OK;
}

void machine_add_memory(struct machine *machine, phys_t base, uint64_t size, uint32_t domain)
{
    if (size == 0)
        return;
    if (size - 1 > UINT64_MAX - base.pa) {
        machine_fault(machine, "memory of a node wraps around", ERR_malformed);
        return;
    }
    uint32_t node = machine_node(machine, domain);
    if (machine->memory_count == MACHINE_MEMORY_MAX)
        machine_fault(machine, "one range of a node's memory too many", ERR_full);
    else
        machine->memory[machine->memory_count++] = (struct machine_memory){base, size, node};
}

void machine_set_distance(struct machine *machine, uint32_t from, uint32_t to, uint32_t distance)
{
    uint32_t a = machine_find_node(machine, from), b = machine_find_node(machine, to);
    if (a < machine->node_count && b < machine->node_count)
        machine->distance[a][b] = (uint8_t)min_u64(distance, UINT8_MAX);
}

bool machine_add_region(struct machine *machine, struct machine_region *table, uint32_t *count,
                        uint32_t limit, struct machine_region region)
{
    if (*count == limit) {
        machine_fault(machine, "one region of a device too many", ERR_full);
        return false;
    }
    table[(*count)++] = region;
    return true;
}

/* Moves the CPU that runs this to index 0, the others keeping their order. */
static void machine_boot_cpu(struct machine *machine, uint64_t hardware_id)
{
    uint32_t i = 0;
    while (i < machine->cpu_count && machine->cpus[i].hardware_id != hardware_id)
        i++;
    if (i == machine->cpu_count) {
        machine_fault(machine, "the firmware does not tell of the boot CPU", ERR_not_found);
        if (machine->cpu_count == CONFIG_CPU_MAX)
            machine->cpu_left_out++; /* the last one makes room: we do run on this one */
        else
            machine->cpu_count++;
        i = machine->cpu_count - 1;
        machine->cpus[i] = (struct machine_cpu){.hardware_id = hardware_id};
    }
    struct machine_cpu boot = machine->cpus[i];
    memmove(&machine->cpus[1], &machine->cpus[0], i * sizeof(boot));
    machine->cpus[0] = boot;
}

/* What two nodes are apart: the larger of what the firmware says of either direction. */
static uint8_t machine_distance(const struct machine *machine, uint32_t a, uint32_t b)
{
    uint8_t there = machine->distance[a][b], back = machine->distance[b][a];
    uint8_t larger = there > back ? there : back;
    return larger > DISTANCE_LOCAL ? larger : DISTANCE_REMOTE;
}

static void machine_finish_distances(struct machine *machine)
{
    for (uint32_t a = 0; a < machine->node_count; a++) {
        machine->distance[a][a] = DISTANCE_LOCAL;
        for (uint32_t b = 0; b < a; b++)
            machine->distance[a][b] = machine->distance[b][a] = machine_distance(machine, a, b);
    }
}

/* Orders the nodes by the firmware's numbers, so that ours do not depend on its tables' order. */
static void machine_sort_nodes(struct machine *machine)
{
    static uint8_t distance[CONFIG_NODE_MAX][CONFIG_NODE_MAX]; /* as they were, like `domain` */
    uint32_t domain[CONFIG_NODE_MAX], place[CONFIG_NODE_MAX] = {0};
    const uint32_t count = machine->node_count;
    memcpy(distance, machine->distance, sizeof(distance));
    memcpy(domain, machine->node_domain, sizeof(domain));
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++)
            place[a] += domain[b] < domain[a];
    for (uint32_t a = 0; a < count; a++) {
        machine->node_domain[place[a]] = domain[a];
        for (uint32_t b = 0; b < count; b++)
            machine->distance[place[a]][place[b]] = distance[a][b];
    }
    for (uint32_t i = 0; i < machine->cpu_count; i++)
        machine->cpus[i].node = place[machine->cpus[i].node];
    for (uint32_t i = 0; i < machine->memory_count; i++)
        machine->memory[i].node = place[machine->memory[i].node];
}

void machine_finish(struct machine *machine, uint64_t boot_hardware_id)
{
    if (machine->node_count == 0)
        (void)machine_node(machine, 0);
    machine_boot_cpu(machine, boot_hardware_id);
    machine_sort_nodes(machine);
    machine_finish_distances(machine);
}

uint32_t machine_node_of(const struct machine *machine, phys_t address)
{
    for (uint32_t i = 0; i < machine->memory_count; i++) {
        const struct machine_memory *memory = &machine->memory[i];
        if (address.pa >= memory->base.pa && address.pa - memory->base.pa < memory->size)
            return memory->node;
    }
    return 0;
}
