/*
 * What the firmware says of the machine: CPUs, NUMA nodes, interrupt controllers, timers, power.
 *
 * Life cycle: machine_init, then acpi_read and/or fdt_read fill it once on the boot CPU; after
 * that it is read-only. CPUs are numbered in the order found, the boot CPU first
 * (machine_boot_cpu moves it there).
 */
#pragma once

#include "boot/boot_info.h"
#include "lib/config.h"
#include "lib/error.h"
#include "lib/types.h"

struct machine_cpu {
    uint64_t hardware_id; /* APIC id, or MPIDR affinity bits */
    uint32_t firmware_id; /* ACPI processor UID, or index in the device tree */
    uint32_t node;        /* index in machine.nodes */
    phys_t redistributor; /* GICv3 redistributor frame of this CPU, 0: look in gic_redist */
};

/* A range of memory that belongs to a node. */
struct machine_memory {
    phys_t base;
    uint64_t size;
    uint32_t node;
};

struct machine_region {
    phys_t base;
    uint64_t size;
};

struct machine_ioapic {
    phys_t base;
    uint32_t id;
    uint32_t first_line; /* global system interrupt of pin 0 */
};

/* An ISA interrupt that is not wired one to one (MADT type 2). */
struct machine_override {
    uint8_t isa_line;
    uint32_t line;
    bool active_low, level;
};

enum machine_address_space {
    SPACE_NONE,
    SPACE_MEMORY,
    SPACE_PORT,
};

/* ACPI's generic address: where a register lives. */
struct machine_register {
    enum machine_address_space space;
    uint64_t address;
    uint8_t width; /* bits */
};

enum machine_power {
    POWER_NONE,
    POWER_ACPI,
    POWER_PSCI_HVC,
    POWER_PSCI_SMC,
};

enum machine_uart {
    UART_NONE,
    UART_16550,
    UART_PL011,
};

#define MACHINE_IOAPIC_MAX   16
#define MACHINE_OVERRIDE_MAX 32
#define MACHINE_MEMORY_MAX   256
#define MACHINE_REDIST_MAX   32
#define MACHINE_PCIE_MAX     16

struct machine {
    struct machine_cpu cpus[CONFIG_CPU_MAX];
    uint32_t cpu_count;
    uint32_t cpu_left_out; /* CPUs found for which the table had no room */

    uint32_t node_domain[CONFIG_NODE_MAX];              /* the firmware's number of each node */
    uint32_t node_count;                                /* at least 1 after machine_finish */
    uint8_t distance[CONFIG_NODE_MAX][CONFIG_NODE_MAX]; /* 10: local; ACPI SLIT units */
    struct machine_memory memory[MACHINE_MEMORY_MAX];
    uint32_t memory_count;

    /* PC interrupt hardware */
    phys_t lapic;
    struct machine_ioapic ioapics[MACHINE_IOAPIC_MAX];
    uint32_t ioapic_count;
    struct machine_override overrides[MACHINE_OVERRIDE_MAX];
    uint32_t override_count;
    bool has_pic;

    /* Generic interrupt controller */
    uint32_t gic_version; /* 0: none, 2, 3 */
    phys_t gic_distributor;
    phys_t gic_cpu_interface;
    struct machine_region gic_redist[MACHINE_REDIST_MAX];
    uint32_t gic_redist_count;
    phys_t gic_its;                /* 0: none */
    struct machine_region gic_v2m; /* size 0: none */

    /* Time. Interrupt numbers are GIC INTIDs. */
    uint32_t timer_virtual_irq;
    uint32_t timer_physical_irq;
    phys_t hpet;            /* 0: none */
    uint32_t pm_timer_port; /* 0: none; 3.579545 MHz */
    bool pm_timer_32bit;

    /* Power */
    enum machine_power power;
    struct machine_register pm1a_control, pm1b_control; /* sleep type goes to bits 10..12 */
    struct machine_register sleep_control;              /* hardware-reduced ACPI */
    struct machine_register reset;
    uint8_t reset_value;
    uint8_t s5_type_a, s5_type_b; /* from \_S5 */
    bool has_s5;

    /* Console */
    enum machine_uart uart;
    struct machine_register uart_register;
    uint32_t uart_irq;

    /* PCI Express configuration windows (MCFG): where, from which bus on, and what memory is free
     * for the devices behind (size 0: the firmware does not say, it gave them theirs) */
    struct machine_region pcie[MACHINE_PCIE_MAX];
    uint8_t pcie_first[MACHINE_PCIE_MAX];
    struct machine_region pcie_memory[MACHINE_PCIE_MAX];
    uint32_t pcie_count;

    bool from_acpi, from_fdt;
    uint32_t fault_count; /* malformed pieces of input that were left out */
};

void machine_init(struct machine *machine);

/*
 * Reads the ACPI tables reached from `rsdp` (ACPI 6.5, chapter 5): MADT, SRAT, SLIT, FADT, HPET,
 * MCFG, SPCR, GTDT, and \_S5 of the DSDT. Tables with a bad checksum or length are left out and
 * counted. Error only if the root tables are unusable.
 */
error_t acpi_read(struct machine *machine, phys_t rsdp);

/* Reads a flattened device tree (Devicetree Specification 0.4, chapter 5). */
error_t fdt_read(struct machine *machine, phys_t fdt);

/* The index of the node with the firmware's number `domain`, made if new; node 0 if full. */
uint32_t machine_node(struct machine *machine, uint32_t domain);

/* Adds a CPU; a second one with the same hardware id, or one too many, is counted as a fault. */
error_t machine_add_cpu(struct machine *machine, uint64_t hardware_id, uint32_t firmware_id,
                        uint32_t domain);

/* Adds memory of a node; an empty range is ignored, one that wraps or is too many is a fault. */
void machine_add_memory(struct machine *machine, phys_t base, uint64_t size, uint32_t domain);

/* Notes how far memory of the domain `to` is from CPUs of `from`; unknown domains are ignored. */
void machine_set_distance(struct machine *machine, uint32_t from, uint32_t to, uint32_t distance);

/* Appends to one of the tables of regions; false, and a fault, if its `limit` is reached. */
bool machine_add_region(struct machine *machine, struct machine_region *table, uint32_t *count,
                        uint32_t limit, struct machine_region region);

/* Notes a malformed piece of input: counts it and logs the sentence. */
void machine_fault(struct machine *machine, const char *what, error_t why);

/*
 * Ends the reading: moves the CPU with `boot_hardware_id` to index 0 (adds it if the firmware
 * told of none), makes node 0 if there is none, orders the nodes by domain, fills missing
 * distances (10 and 20), and makes distances sane (own = 10, others > 10, symmetric by the
 * larger).
 */
void machine_finish(struct machine *machine, uint64_t boot_hardware_id);

/* The node that owns `address`; 0 if no entry names it. */
uint32_t machine_node_of(const struct machine *machine, phys_t address);

/* The one machine we run on. */
extern struct machine the_machine;
