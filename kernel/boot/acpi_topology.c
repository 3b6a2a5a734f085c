/*
 * ACPI's MADT, SRAT and SLIT: CPUs, interrupt controllers, nodes and distances.
 *
 * Rules: nodes are made from the SRAT's memory first, in its order, then from the CPUs'. Each
 * kind of entry has one row in a table: its type, the size that it must have, its reader. Types
 * that are not there are passed over: they are for others or from the future.
 */
#include "boot/acpi.h"
#include "lib/string.h"

#define ENTRY_ENABLED 1u /* in the flags of CPUs and of affinities */

/* What the readers of entries work on. */
struct topology {
    struct machine *machine;
    const struct acpi_table *srat;
    uint32_t srat_next; /* where the search for a CPU's node goes on: both tables have one order */
};

struct entry_reader {
    uint8_t type, size;
    void (*take)(struct topology *topology, const void *entry);
};

/* Offers each entry of `table` from `offset` to its reader. */
static void read_entries(struct topology *topology, const struct acpi_table *table, uint32_t offset,
                         const char *what, const struct entry_reader *readers, size_t count)
{
    const struct acpi_entry *entry;
    while ((entry = acpi_next(topology->machine, table, &offset, what)) != NULL) {
        for (size_t i = 0; i < count; i++) {
            if (readers[i].type != entry->type)
                continue;
            if (entry->size < readers[i].size)
                machine_fault(topology->machine, what, ERR_malformed);
            else
                readers[i].take(topology, entry);
        }
    }
}

/* SRAT, 5.2.16 */

#define SRAT_ENTRIES (sizeof(struct acpi_header) + 12)

enum srat_type {
    SRAT_LAPIC = 0,
    SRAT_MEMORY = 1,
    SRAT_X2APIC = 2,
    SRAT_GICC = 3,
};

struct srat_lapic {
    struct acpi_entry head;
    uint8_t domain_low, id;
    uint32_t flags;
    uint8_t sapic, domain_high[3];
    uint32_t clock_domain;
} __attribute__((packed));

struct srat_memory {
    struct acpi_entry head;
    uint32_t domain;
    uint16_t reserved;
    uint64_t base, size;
    uint32_t reserved2, flags;
    uint64_t reserved3;
} __attribute__((packed));

struct srat_x2apic {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t domain, id, flags, clock_domain, reserved2;
} __attribute__((packed));

struct srat_gicc {
    struct acpi_entry head;
    uint32_t domain, id, flags, clock_domain;
} __attribute__((packed));

_Static_assert(sizeof(struct srat_lapic) == 16, "ACPI 5.2.16.1");
_Static_assert(sizeof(struct srat_memory) == 40, "ACPI 5.2.16.2");
_Static_assert(sizeof(struct srat_x2apic) == 24, "ACPI 5.2.16.3");
_Static_assert(sizeof(struct srat_gicc) == 18, "ACPI 5.2.16.4");

static void take_memory(struct topology *topology, const void *entry)
{
    const struct srat_memory *memory = entry;
    if ((memory->flags & ENTRY_ENABLED) != 0)
        machine_add_memory(topology->machine, PHYS(memory->base), memory->size, memory->domain);
}

static const struct entry_reader srat_readers[] = {
    {SRAT_MEMORY, sizeof(struct srat_memory), take_memory},
};

/* True if `entry` says the domain of CPU `id`, which is an APIC id or a GICC's processor UID. */
static bool srat_names(const struct acpi_entry *entry, bool by_uid, uint32_t id, uint32_t *domain)
{
    const struct srat_lapic *lapic = (const void *)entry;
    const struct srat_x2apic *x2apic = (const void *)entry;
    const struct srat_gicc *gicc = (const void *)entry;
    uint32_t flags = 0;
    bool match = false;
    if (entry->type == SRAT_LAPIC && entry->size >= sizeof(*lapic)) {
        match = !by_uid && lapic->id == id;
        flags = lapic->flags;
        *domain = lapic->domain_low | (uint32_t)lapic->domain_high[0] << 8 |
                  (uint32_t)lapic->domain_high[1] << 16 | (uint32_t)lapic->domain_high[2] << 24;
    } else if (entry->type == SRAT_X2APIC && entry->size >= sizeof(*x2apic)) {
        match = !by_uid && x2apic->id == id;
        flags = x2apic->flags;
        *domain = x2apic->domain;
    } else if (entry->type == SRAT_GICC && entry->size >= sizeof(*gicc)) {
        match = by_uid && gicc->id == id;
        flags = gicc->flags;
        *domain = gicc->domain;
    }
    return match && (flags & ENTRY_ENABLED) != 0;
}

/* Searches the SRAT's entries in [offset, limit) for a CPU. */
static bool srat_search(struct topology *topology, uint32_t offset, uint32_t limit, bool by_uid,
                        uint32_t id, uint32_t *domain)
{
    const struct acpi_table *srat = topology->srat;
    while (offset < limit && srat->size - offset >= sizeof(struct acpi_entry)) {
        const struct acpi_entry *entry = (const void *)(srat->bytes + offset);
        if (entry->size < sizeof(*entry) || entry->size > srat->size - offset)
            return false; /* counted when the memory was read */
        offset += entry->size;
        if (srat_names(entry, by_uid, id, domain)) {
            topology->srat_next = offset;
            return true;
        }
    }
    return false;
}

/* The domain of a CPU; 0, as the standard has it, for one that the SRAT does not name. */
static uint32_t srat_domain(struct topology *topology, bool by_uid, uint32_t id)
{
    uint32_t domain = 0, from = topology->srat_next;
    if (srat_search(topology, from, topology->srat->size, by_uid, id, &domain) ||
        srat_search(topology, SRAT_ENTRIES, from, by_uid, id, &domain))
        return domain;
    return 0;
}

/* MADT, 5.2.12 */

#define MADT_ENTRIES (sizeof(struct acpi_header) + 8)

struct madt_lapic {
    struct acpi_entry head;
    uint8_t uid, id;
    uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
    struct acpi_entry head;
    uint8_t id, reserved;
    uint32_t base, first_line;
} __attribute__((packed));

struct madt_override {
    struct acpi_entry head;
    uint8_t bus, isa_line;
    uint32_t line;
    uint16_t flags;
} __attribute__((packed));

struct madt_lapic_address {
    struct acpi_entry head;
    uint16_t reserved;
    uint64_t base;
} __attribute__((packed));

struct madt_x2apic {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t id, flags, uid;
} __attribute__((packed));

struct madt_gicc {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t interface, uid, flags, parking, performance;
    uint64_t parked, base, gicv, gich;
    uint32_t maintenance;
    uint64_t redistributor, mpidr;
} __attribute__((packed));

struct madt_gicd {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t id;
    uint64_t base;
    uint32_t vectors;
    uint8_t version, reserved2[3];
} __attribute__((packed));

struct madt_msi_frame {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t id;
    uint64_t base;
    uint32_t flags;
    uint16_t spi_count, spi_base;
} __attribute__((packed));

struct madt_gicr {
    struct acpi_entry head;
    uint16_t reserved;
    uint64_t base;
    uint32_t size;
} __attribute__((packed));

struct madt_its {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t id;
    uint64_t base;
    uint32_t reserved2;
} __attribute__((packed));

_Static_assert(sizeof(struct madt_override) == 10, "ACPI 5.2.12.5");
_Static_assert(sizeof(struct madt_gicc) == 76, "ACPI 5.2.12.14, as ACPI 5.1 had it");

static void take_lapic(struct topology *topology, const void *entry)
{
    const struct madt_lapic *cpu = entry;
    const uint8_t broadcast = 0xff; /* no CPU can have this id */
    if ((cpu->flags & ENTRY_ENABLED) != 0 && cpu->id != broadcast)
        (void)machine_add_cpu(topology->machine, cpu->id, cpu->uid,
                              srat_domain(topology, false, cpu->id));
}

static void take_x2apic(struct topology *topology, const void *entry)
{
    const struct madt_x2apic *cpu = entry;
    if ((cpu->flags & ENTRY_ENABLED) != 0 && cpu->id != UINT32_MAX)
        (void)machine_add_cpu(topology->machine, cpu->id, cpu->uid,
                              srat_domain(topology, false, cpu->id));
}

static void take_ioapic(struct topology *topology, const void *entry)
{
    const struct madt_ioapic *from = entry;
    struct machine *machine = topology->machine;
    if (machine->ioapic_count == MACHINE_IOAPIC_MAX) {
        machine_fault(machine, "MADT: I/O APICs", ERR_full);
        return;
    }
    machine->ioapics[machine->ioapic_count++] =
        (struct machine_ioapic){PHYS(from->base), from->id, from->first_line};
}

/* Table 5.26; where polarity and trigger conform to the bus, ISA's are high and edge. */
static void take_override(struct topology *topology, const void *entry)
{
    const struct madt_override *from = entry;
    struct machine *machine = topology->machine;
    const unsigned low = 3, level = 3;
    if (machine->override_count == MACHINE_OVERRIDE_MAX) {
        machine_fault(machine, "MADT: interrupt overrides", ERR_full);
        return;
    }
    machine->overrides[machine->override_count++] = (struct machine_override){
        .isa_line = from->isa_line,
        .line = from->line,
        .active_low = (from->flags & 3u) == low,
        .level = (from->flags >> 2 & 3u) == level,
    };
}

static void take_lapic_address(struct topology *topology, const void *entry)
{
    const struct madt_lapic_address *from = entry;
    topology->machine->lapic = PHYS(from->base);
}

static void take_gicc(struct topology *topology, const void *entry)
{
    const struct madt_gicc *cpu = entry;
    struct machine *machine = topology->machine;
    if ((cpu->flags & ENTRY_ENABLED) == 0)
        return;
    if (cpu->base != 0)
        machine->gic_cpu_interface = PHYS(cpu->base);
    if (machine_add_cpu(machine, cpu->mpidr, cpu->uid, srat_domain(topology, true, cpu->uid)) == OK)
        machine->cpus[machine->cpu_count - 1].redistributor = PHYS(cpu->redistributor);
}

/* 5.2.12.15; version 4 is a superset of 3, 0 leaves it to us (acpi_read_topology). */
static void take_gicd(struct topology *topology, const void *entry)
{
    const struct madt_gicd *from = entry;
    topology->machine->gic_distributor = PHYS(from->base);
    topology->machine->gic_version = from->version >= 3 ? 3 : from->version;
}

static void take_msi_frame(struct topology *topology, const void *entry)
{
    const struct madt_msi_frame *from = entry;
    topology->machine->gic_v2m = (struct machine_region){PHYS(from->base), 4 * KIB};
}

static void take_gicr(struct topology *topology, const void *entry)
{
    const struct madt_gicr *from = entry;
    struct machine *machine = topology->machine;
    (void)machine_add_region(machine, machine->gic_redist, &machine->gic_redist_count,
                             MACHINE_REDIST_MAX,
                             (struct machine_region){PHYS(from->base), from->size});
}

static void take_its(struct topology *topology, const void *entry)
{
    const struct madt_its *from = entry;
    topology->machine->gic_its = PHYS(from->base);
}

static const struct entry_reader madt_readers[] = {
    {0x0, sizeof(struct madt_lapic), take_lapic},
    {0x1, sizeof(struct madt_ioapic), take_ioapic},
    {0x2, sizeof(struct madt_override), take_override},
    {0x5, sizeof(struct madt_lapic_address), take_lapic_address},
    {0x9, sizeof(struct madt_x2apic), take_x2apic},
    {0xb, sizeof(struct madt_gicc), take_gicc},
    {0xc, sizeof(struct madt_gicd), take_gicd},
    {0xd, sizeof(struct madt_msi_frame), take_msi_frame},
    {0xe, sizeof(struct madt_gicr), take_gicr},
    {0xf, sizeof(struct madt_its), take_its},
};

static void read_madt(struct topology *topology, const struct acpi_table *table)
{
    struct {
        struct acpi_header header;
        uint32_t lapic, flags;
    } __attribute__((packed)) madt;
    const uint32_t has_pic = 1;
    struct machine *machine = topology->machine;
    acpi_copy(table, &madt, sizeof(madt));
    machine->lapic = PHYS(madt.lapic);
    machine->has_pic = (madt.flags & has_pic) != 0;
    read_entries(topology, table, MADT_ENTRIES, "MADT", madt_readers, COUNT_OF(madt_readers));
    bool has_redistributors = machine->gic_redist_count != 0 ||
                              (machine->cpu_count != 0 && machine->cpus[0].redistributor.pa != 0);
    if (machine->gic_distributor.pa != 0 && machine->gic_version < 2)
        machine->gic_version = has_redistributors ? 3 : 2;
}

/* SLIT, 5.2.17: a square matrix of bytes, indexed by the domains' numbers. */
static void read_slit(struct machine *machine, const struct acpi_table *table)
{
    struct {
        struct acpi_header header;
        uint64_t domains;
    } __attribute__((packed)) slit;
    acpi_copy(table, &slit, sizeof(slit));
    if (slit.domains > UINT16_MAX || table->size < sizeof(slit) + slit.domains * slit.domains) {
        machine_fault(machine, "SLIT", ERR_truncated);
        return;
    }
    for (uint32_t a = 0; a < machine->node_count; a++) {
        for (uint32_t b = 0; b < machine->node_count; b++) {
            uint64_t from = machine->node_domain[a], to = machine->node_domain[b];
            if (from < slit.domains && to < slit.domains)
                machine->distance[a][b] = table->bytes[sizeof(slit) + from * slit.domains + to];
        }
    }
}

void acpi_read_topology(struct machine *machine, const struct acpi_table *madt,
                        const struct acpi_table *srat, const struct acpi_table *slit)
{
    struct topology topology = {machine, srat, SRAT_ENTRIES};
    read_entries(&topology, srat, SRAT_ENTRIES, "SRAT", srat_readers, COUNT_OF(srat_readers));
    if (madt->bytes != NULL)
        read_madt(&topology, madt);
    else
        machine_fault(machine, "MADT", ERR_not_found);
    if (madt->bytes != NULL && machine->cpu_count == 0)
        machine_fault(machine, "MADT: there is no CPU", ERR_not_found);
    if (slit->bytes != NULL)
        read_slit(machine, slit);
}
