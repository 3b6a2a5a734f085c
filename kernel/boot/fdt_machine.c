/*
 * What a device tree says of the machine.
 *
 * Rules: one walk, in which each node is offered to the reader of its `compatible`; nodes that
 * are not enabled are passed over. What a node lacks is counted as a fault and the node left out.
 */
#include "boot/fdt.h"
#include "boot/machine.h"
#include "lib/string.h"

#define MPIDR_AFFINITY 0xff00ffffffu /* the bits that name a CPU */

/* The walk's state besides the machine. */
struct fdt_reader {
    struct machine *machine;
    struct fdt_value distances; /* read last, when the nodes are known */
    uint32_t cpu_index;
};

typedef void (*fdt_take)(struct fdt_reader *reader, const struct fdt_walk *node);

/*
 * How many cells an interrupt of the node has: the controller says so that the node, or the nearest
 * above it, names (2.4.1). 3 without one.
 */
static uint32_t interrupt_cells(const struct fdt_walk *node)
{
    struct fdt_walk walk;
    struct fdt_value value = {0};
    uint64_t handle, cells = 3;
    uint32_t parent, depth = node->depth;
    while (!fdt_property_at(node, depth, "interrupt-parent", &value) && depth > 0)
        depth--;
    if (!fdt_cell(&value, 0, &parent))
        return 3;
    fdt_walk_start(&walk, node->fdt);
    while (fdt_walk_next(&walk)) {
        if (fdt_property_number(&walk, "phandle", &handle) && handle == parent) {
            (void)fdt_property_number(&walk, "#interrupt-cells", &cells);
            break;
        }
    }
    return (uint32_t)cells;
}

/*
 * The bindings of GICs: cells <kind number flags>, which a fourth may follow, and more; INTIDs from
 * 32 (SPI), 16 (PPI). Those of other controllers have less cells.
 */
static bool read_interrupt(const struct fdt_walk *node, uint32_t index, uint32_t *irq)
{
    struct fdt_value value;
    uint32_t kind = 0, number = 0, cells = interrupt_cells(node);
    if (cells < 3 || cells > 8 || !fdt_property(node, "interrupts", &value) ||
        !fdt_cell(&value, index * cells, &kind) || !fdt_cell(&value, index * cells + 1, &number) ||
        kind > 1)
        return false;
    if (number >= (kind == 1 ? 16u : 1020u - 32u))
        return false;
    *irq = number + (kind == 1 ? 16 : 32);
    return true;
}

/* Region `index` of the node's reg, or a fault. */
static bool read_region(struct fdt_reader *reader, const struct fdt_walk *node, uint32_t index,
                        struct fdt_region *region)
{
    if (fdt_reg(node, index, region))
        return true;
    machine_fault(reader->machine, "fdt: reg of a device", ERR_malformed);
    return false;
}

static uint32_t read_domain(const struct fdt_walk *node)
{
    uint64_t domain = 0;
    return fdt_property_number(node, "numa-node-id", &domain) ? (uint32_t)domain : 0;
}

/* Devicetree Specification 3.8.1; "fail" is broken, "disabled" only waits to be started. */
static void take_cpu(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_value reg, status;
    uint64_t id = 0;
    if (!fdt_property(node, "reg", &reg) ||
        !fdt_number(&reg, 0, node->levels[node->depth - 1].address_cells, &id)) {
        machine_fault(reader->machine, "fdt: reg of a CPU", ERR_malformed);
        return;
    }
    uint32_t index = reader->cpu_index++;
    if (fdt_property(node, "status", &status) && status.size >= 4 &&
        memcmp(status.bytes, "fail", 4) == 0)
        return;
    (void)machine_add_cpu(reader->machine, id & MPIDR_AFFINITY, index, read_domain(node));
}

static void take_memory(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_region region;
    for (uint32_t i = 0; fdt_reg(node, i, &region); i++)
        machine_add_memory(reader->machine, region.base, region.size, read_domain(node));
}

static void take_psci(struct fdt_reader *reader, const struct fdt_walk *node)
{
    if (fdt_property_has(node, "method", "hvc"))
        reader->machine->power = POWER_PSCI_HVC;
    else if (fdt_property_has(node, "method", "smc"))
        reader->machine->power = POWER_PSCI_SMC;
    else
        machine_fault(reader->machine, "fdt: psci's method", ERR_malformed);
}

/* Bindings "arm,armv8-timer": secure, non-secure, virtual, hypervisor, in this order. */
static void take_timer(struct fdt_reader *reader, const struct fdt_walk *node)
{
    if (!read_interrupt(node, 1, &reader->machine->timer_physical_irq) ||
        !read_interrupt(node, 2, &reader->machine->timer_virtual_irq))
        machine_fault(reader->machine, "fdt: interrupts of the timer", ERR_malformed);
}

static void take_gic2(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_region distributor, interface;
    if (!read_region(reader, node, 0, &distributor) || !read_region(reader, node, 1, &interface))
        return;
    reader->machine->gic_version = 2;
    reader->machine->gic_distributor = distributor.base;
    reader->machine->gic_cpu_interface = interface.base;
}

static void take_gic3(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct machine *machine = reader->machine;
    struct fdt_region region;
    uint64_t count = 1; /* unless the tree says more */
    (void)fdt_property_number(node, "#redistributor-regions", &count);
    if (!read_region(reader, node, 0, &region))
        return;
    machine->gic_version = 3;
    machine->gic_distributor = region.base;
    for (uint32_t i = 0; i < min_u64(count, MACHINE_REDIST_MAX + 1); i++) {
        if (!read_region(reader, node, i + 1, &region))
            return;
        (void)machine_add_region(machine, machine->gic_redist, &machine->gic_redist_count,
                                 MACHINE_REDIST_MAX,
                                 (struct machine_region){region.base, region.size});
    }
}

static void take_gic_v2m(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_region region;
    if (read_region(reader, node, 0, &region))
        reader->machine->gic_v2m = (struct machine_region){region.base, region.size};
}

static void take_gic_its(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_region region;
    if (read_region(reader, node, 0, &region))
        reader->machine->gic_its = region.base;
}

/* The first UART wins; the one that stdout-path names was taken before the walk. */
static void take_uart(struct fdt_reader *reader, const struct fdt_walk *node,
                      enum machine_uart kind, uint8_t width)
{
    struct machine *machine = reader->machine;
    struct fdt_region region;
    if (machine->uart != UART_NONE || !read_region(reader, node, 0, &region))
        return;
    machine->uart = kind;
    machine->uart_register = (struct machine_register){SPACE_MEMORY, region.base.pa, width};
    (void)read_interrupt(node, 0, &machine->uart_irq); /* it can be polled */
}

static void take_pl011(struct fdt_reader *reader, const struct fdt_walk *node)
{
    take_uart(reader, node, UART_PL011, 32);
}

static void take_16550(struct fdt_reader *reader, const struct fdt_walk *node)
{
    take_uart(reader, node, UART_16550, 8);
}

static void take_pcie(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct machine *machine = reader->machine;
    struct fdt_region region, memory = {PHYS(0), 0};
    struct fdt_value buses;
    uint32_t first = 0;
    if (!read_region(reader, node, 0, &region) ||
        !machine_add_region(machine, machine->pcie, &machine->pcie_count, MACHINE_PCIE_MAX,
                            (struct machine_region){region.base, region.size}))
        return;
    if (fdt_property(node, "bus-range", &buses))
        (void)fdt_cell(&buses, 0, &first);
    (void)fdt_pci_memory(node, &memory);
    machine->pcie_first[machine->pcie_count - 1] = (uint8_t)first;
    machine->pcie_memory[machine->pcie_count - 1] =
        (struct machine_region){memory.base, memory.size};
}

static void take_distances(struct fdt_reader *reader, const struct fdt_walk *node)
{
    if (!fdt_property(node, "distance-matrix", &reader->distances))
        machine_fault(reader->machine, "fdt: the distance matrix", ERR_malformed);
}

static const struct {
    const char *compatible;
    fdt_take take;
} fdt_readers[] = {
    {"arm,psci-0.2", take_psci}, /* later versions name this one, too */
    {"arm,psci-1.0", take_psci},
    {"arm,armv8-timer", take_timer},
    {"arm,cortex-a15-gic", take_gic2},
    {"arm,gic-400", take_gic2},
    {"arm,gic-v3", take_gic3},
    {"arm,gic-v2m-frame", take_gic_v2m},
    {"arm,gic-v3-its", take_gic_its},
    {"arm,pl011", take_pl011},
    {"ns16550a", take_16550},
    {"pci-host-ecam-generic", take_pcie},
    {"numa-distance-map-v1", take_distances},
};

static void take_compatible(struct fdt_reader *reader, const struct fdt_walk *node)
{
    struct fdt_value compatible;
    if (!fdt_property(node, "compatible", &compatible) || !fdt_enabled(node))
        return;
    for (size_t i = 0; i < COUNT_OF(fdt_readers); i++) {
        if (!fdt_value_has(&compatible, fdt_readers[i].compatible))
            continue;
        fdt_readers[i].take(reader, node);
        return;
    }
}

static void take_node(struct fdt_reader *reader, const struct fdt_walk *node)
{
    if (node->depth == 2 && fdt_name_is(node, 1, "cpus")) {
        if (fdt_property_has(node, "device_type", "cpu"))
            take_cpu(reader, node);
    } else if (node->depth == 1 && fdt_property_has(node, "device_type", "memory")) {
        if (fdt_enabled(node))
            take_memory(reader, node);
    } else {
        take_compatible(reader, node);
    }
}

/* The binding "numa": triples of (from, to, distance). */
static void finish_distances(const struct fdt_reader *reader)
{
    uint32_t from = 0, to = 0, distance = 0;
    for (uint32_t i = 0; i < reader->distances.size / 12; i++) {
        (void)fdt_cell(&reader->distances, i * 3, &from);
        (void)fdt_cell(&reader->distances, i * 3 + 1, &to);
        (void)fdt_cell(&reader->distances, i * 3 + 2, &distance);
        machine_set_distance(reader->machine, from, to, distance);
    }
}

/* The path of an alias (3.3): the property of /aliases that is called `name`. */
static bool find_alias(const struct fdt *fdt, const char *name, struct fdt_value *path)
{
    static const char aliases[] = "/aliases";
    struct fdt_walk walk;
    return fdt_walk_find(&walk, fdt, aliases, sizeof(aliases) - 1) &&
           fdt_property(&walk, name, path);
}

/* 3.6: stdout-path is a path or an alias, with options behind a colon. */
static void take_stdout(struct fdt_reader *reader, const struct fdt *fdt)
{
    static const char chosen[] = "/chosen";
    struct fdt_walk walk;
    struct fdt_value path;
    char name[128];
    if (!fdt_walk_find(&walk, fdt, chosen, sizeof(chosen) - 1) ||
        !fdt_property(&walk, "stdout-path", &path))
        return;
    size_t size = string_length((const char *)path.bytes, min_u64(path.size, sizeof(name) - 1));
    memcpy(name, path.bytes, size);
    name[size] = '\0';
    char *options = strchr(name, ':');
    if (options != NULL)
        *options = '\0';
    if (name[0] != '/') {
        if (!find_alias(fdt, name, &path))
            return;
        size = string_length((const char *)path.bytes, min_u64(path.size, sizeof(name) - 1));
        memcpy(name, path.bytes, size);
        name[size] = '\0';
    }
    if (fdt_walk_find(&walk, fdt, name, strlen(name)))
        take_compatible(reader, &walk);
}

error_t fdt_read(struct machine *machine, phys_t fdt)
{
    struct fdt tree;
    struct fdt_walk walk;
    struct fdt_reader reader = {.machine = machine};
    error_t error = fdt_open(&tree, fdt);
    if (error != OK)
        return error;
    take_stdout(&reader, &tree);
    fdt_walk_start(&walk, &tree);
    while (fdt_walk_next(&walk))
        take_node(&reader, &walk);
    if (walk.error != OK)
        machine_fault(machine, "fdt: the tree's structure", walk.error);
    finish_distances(&reader);
    if (machine->cpu_count == 0)
        machine_fault(machine, "fdt: there is no CPU", ERR_not_found);
    machine->from_fdt = true;
    return OK;
}
