/* The inventory: CPUs, nodes, distances, memory. */
#include "boot/machine.h"
#include "unit.h"

#include <string.h>

static struct machine machine;

TEST(machine_numbers_nodes_as_they_come)
{
    machine_init(&machine);
    EXPECT(machine_node(&machine, 7) == 0);
    EXPECT(machine_node(&machine, 3) == 1);
    EXPECT(machine_node(&machine, 7) == 0);
    EXPECT(machine.node_count == 2 && machine.node_domain[1] == 3);
    for (uint32_t i = 2; i < CONFIG_NODE_MAX; i++)
        EXPECT(machine_node(&machine, 100 + i) == i);
    EXPECT(machine.fault_count == 0);
    EXPECT(machine_node(&machine, 1000) == 0);
    EXPECT(machine.node_count == CONFIG_NODE_MAX && machine.fault_count == 1);
    EXPECT(machine_node(&machine, 100 + CONFIG_NODE_MAX - 1) == CONFIG_NODE_MAX - 1);
}

TEST(machine_refuses_a_cpu_twice)
{
    machine_init(&machine);
    EXPECT(machine_add_cpu(&machine, 5, 50, 1) == OK);
    EXPECT(machine_add_cpu(&machine, 6, 50, 2) == OK);
    EXPECT(machine_add_cpu(&machine, 5, 51, 1) == ERR_exists);
    EXPECT(machine.cpu_count == 2 && machine.fault_count == 1 && machine.cpu_left_out == 0);
    EXPECT(machine.cpus[1].hardware_id == 6 && machine.cpus[1].firmware_id == 50);
    EXPECT(machine.cpus[1].node == 1);
}

TEST(machine_counts_cpus_without_room)
{
    machine_init(&machine);
    for (uint32_t i = 0; i < CONFIG_CPU_MAX; i++)
        EXPECT(machine_add_cpu(&machine, i + 1, i, 0) == OK);
    EXPECT(machine_add_cpu(&machine, 1000, 0, 0) == ERR_full);
    EXPECT(machine_add_cpu(&machine, 1001, 0, 0) == ERR_full);
    EXPECT(machine.cpu_count == CONFIG_CPU_MAX && machine.cpu_left_out == 2);
    machine_finish(&machine, 0); /* the boot CPU has room in any case */
    EXPECT(machine.cpu_count == CONFIG_CPU_MAX && machine.cpu_left_out == 3);
    EXPECT(machine.cpus[0].hardware_id == 0 && machine.cpus[1].hardware_id == 1);
    EXPECT(machine.cpus[CONFIG_CPU_MAX - 1].hardware_id == CONFIG_CPU_MAX - 1);
    EXPECT(machine.fault_count == 3);
}

TEST(machine_boot_cpu_comes_first)
{
    machine_init(&machine);
    for (uint32_t i = 0; i < 4; i++)
        (void)machine_add_cpu(&machine, 10 + i, i, 0);
    machine_finish(&machine, 12);
    static const uint64_t order[] = {12, 10, 11, 13};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        EXPECT(machine.cpus[i].hardware_id == order[i]);
    EXPECT(machine.cpus[0].firmware_id == 2);
    EXPECT(machine.cpu_count == 4 && machine.fault_count == 0);
}

TEST(machine_without_firmware_has_one_cpu_and_one_node)
{
    machine_init(&machine);
    machine_finish(&machine, 9);
    EXPECT(machine.cpu_count == 1 && machine.cpus[0].hardware_id == 9);
    EXPECT(machine.node_count == 1 && machine.node_domain[0] == 0);
    EXPECT(machine.distance[0][0] == 10 && machine.fault_count == 1);
}

TEST(machine_adds_a_boot_cpu_that_nobody_told_of)
{
    machine_init(&machine);
    (void)machine_add_cpu(&machine, 1, 1, 0);
    machine_finish(&machine, 0);
    EXPECT(machine.cpu_count == 2 && machine.fault_count == 1);
    EXPECT(machine.cpus[0].hardware_id == 0 && machine.cpus[1].hardware_id == 1);
}

TEST(machine_distances_are_sane)
{
    machine_init(&machine);
    for (uint32_t i = 0; i < 4; i++)
        (void)machine_node(&machine, i);
    machine_set_distance(&machine, 0, 1, 15);
    machine_set_distance(&machine, 1, 0, 25); /* the larger one counts */
    machine_set_distance(&machine, 0, 2, 10); /* nothing but the node itself is so near */
    machine_set_distance(&machine, 1, 2, 11);
    machine_set_distance(&machine, 3, 3, 40);
    machine_set_distance(&machine, 3, 2, 1000);
    machine_set_distance(&machine, 0, 99, 50);
    machine_set_distance(&machine, 99, 0, 50);
    (void)machine_node(&machine, 99); /* what was said before it was known is forgotten */
    machine_finish(&machine, 0);
    EXPECT(machine.distance[0][4] == 20 && machine.distance[4][0] == 20);
    static const uint8_t expected[4][4] = {
        {10, 25, 20, 20}, {25, 10, 11, 20}, {20, 11, 10, 255}, {20, 20, 255, 10}};
    for (uint32_t a = 0; a < 4; a++)
        EXPECT(memcmp(machine.distance[a], expected[a], 4) == 0);
}

/* Node i has CPU 10 + i, memory at i GiB, and distance 20 + i + j to node j. */
TEST(machine_orders_nodes_by_domain)
{
    static const uint32_t domains[] = {3, 0, 4, 1, 2};
    machine_init(&machine);
    for (size_t i = 0; i < COUNT_OF(domains); i++) {
        machine_add_memory(&machine, PHYS(domains[i] * GIB), GIB, domains[i]);
        (void)machine_add_cpu(&machine, 10 + domains[i], 0, domains[i]);
    }
    for (uint32_t a = 0; a < COUNT_OF(domains); a++) {
        for (uint32_t b = 0; b < COUNT_OF(domains); b++)
            machine_set_distance(&machine, a, b, 20 + a + b);
    }
    machine_finish(&machine, 10);
    for (uint32_t a = 0; a < COUNT_OF(domains); a++) {
        EXPECT(machine.node_domain[a] == a);
        EXPECT(machine_node_of(&machine, PHYS(a * GIB)) == a);
        EXPECT(machine.cpus[a].node == machine.cpus[a].hardware_id - 10);
        for (uint32_t b = 0; b < COUNT_OF(domains); b++)
            EXPECT(machine.distance[a][b] == (a == b ? 10 : 20 + a + b));
    }
}

TEST(machine_memory_belongs_to_nodes)
{
    machine_init(&machine);
    machine_add_memory(&machine, PHYS(0x1000), 0x1000, 4);
    machine_add_memory(&machine, PHYS(0x3000), 0x1000, 5);
    machine_add_memory(&machine, PHYS(0x9000), 0, 6);
    machine_add_memory(&machine, PHYS(UINT64_MAX), 1, 5);
    EXPECT(machine.memory_count == 3 && machine.node_count == 2 && machine.fault_count == 0);
    machine_add_memory(&machine, PHYS(UINT64_MAX), 2, 6);
    EXPECT(machine.memory_count == 3 && machine.node_count == 2 && machine.fault_count == 1);
    EXPECT(machine_node_of(&machine, PHYS(0x1000)) == 0);
    EXPECT(machine_node_of(&machine, PHYS(0x2fff)) == 0);
    EXPECT(machine_node_of(&machine, PHYS(0x3000)) == 1);
    EXPECT(machine_node_of(&machine, PHYS(0x3fff)) == 1);
    EXPECT(machine_node_of(&machine, PHYS(0x4000)) == 0);
    EXPECT(machine_node_of(&machine, PHYS(UINT64_MAX)) == 1);
    for (uint32_t i = 3; i < MACHINE_MEMORY_MAX; i++)
        machine_add_memory(&machine, PHYS(i * MIB), MIB, 4);
    EXPECT(machine.fault_count == 1);
    machine_add_memory(&machine, PHYS(0), MIB, 4);
    EXPECT(machine.memory_count == MACHINE_MEMORY_MAX && machine.fault_count == 2);
}

TEST(machine_regions_have_a_limit)
{
    machine_init(&machine);
    struct machine_region region = {PHYS(1), 2};
    for (uint32_t i = 0; i < MACHINE_PCIE_MAX; i++)
        EXPECT(machine_add_region(&machine, machine.pcie, &machine.pcie_count, MACHINE_PCIE_MAX,
                                  region));
    EXPECT(
        !machine_add_region(&machine, machine.pcie, &machine.pcie_count, MACHINE_PCIE_MAX, region));
    EXPECT(machine.pcie_count == MACHINE_PCIE_MAX && machine.fault_count == 1);
}
