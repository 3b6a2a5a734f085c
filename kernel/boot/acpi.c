/*
 * ACPI: the root tables, and the small tables that need one function each.
 *
 * Rules: a first pass over the root table notes where the tables that we know are, a second one
 * reads them in our order, so that theirs does not matter. Every table is checked before it is
 * looked at (5.2.6); a broken one is counted and left out. No AML is run.
 */
#include "boot/acpi.h"
#include "lib/string.h"
#include "mem/phys.h"

#define RSDP_OLD_SIZE 20

/* 5.2.5.3; the part from `size` on has come with revision 2. */
struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t size;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

enum acpi_known {
    ACPI_MADT,
    ACPI_SRAT,
    ACPI_SLIT,
    ACPI_FADT,
    ACPI_HPET,
    ACPI_MCFG,
    ACPI_SPCR,
    ACPI_GTDT,
    ACPI_KNOWN
};

static const char *const signatures[ACPI_KNOWN] = {
    [ACPI_MADT] = "APIC", [ACPI_SRAT] = "SRAT", [ACPI_SLIT] = "SLIT", [ACPI_FADT] = "FACP",
    [ACPI_HPET] = "HPET", [ACPI_MCFG] = "MCFG", [ACPI_SPCR] = "SPCR", [ACPI_GTDT] = "GTDT",
};

/* All bytes of a structure, its checksum among them, add up to 0. */
static bool checksum_good(const uint8_t *bytes, uint32_t size)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

error_t acpi_open(phys_t address, struct acpi_table *table)
{
    *table = (struct acpi_table){NULL, 0};
    const struct acpi_header *header = phys_window(address, sizeof(*header));
    if (header == NULL)
        return ERR_truncated;
    uint32_t size = header->size;
    if (size < sizeof(*header))
        return ERR_malformed;
    const uint8_t *bytes = phys_window(address, size);
    if (bytes == NULL)
        return ERR_truncated;
    if (!checksum_good(bytes, size))
        return ERR_bad_checksum;
    *table = (struct acpi_table){bytes, size};
    return OK;
}

bool acpi_open_as(struct machine *machine, phys_t address, const char *signature,
                  struct acpi_table *table)
{
    error_t error = acpi_open(address, table);
    if (error == OK && memcmp(table->bytes, signature, 4) != 0)
        error = ERR_malformed;
    if (error == OK)
        return true;
    *table = (struct acpi_table){NULL, 0};
    machine_fault(machine, signature, error);
    return false;
}

void acpi_copy(const struct acpi_table *table, void *to, uint32_t size)
{
    uint32_t copied = table->size < size ? table->size : size;
    memset(to, 0, size);
    if (copied != 0)
        memcpy(to, table->bytes, copied);
}

const struct acpi_entry *acpi_next(struct machine *machine, const struct acpi_table *table,
                                   uint32_t *offset, const char *what)
{
    if (table->bytes == NULL || *offset == table->size)
        return NULL;
    /* A table may even end before its first entry could begin. */
    uint32_t left = *offset < table->size ? table->size - *offset : 0;
    const struct acpi_entry *entry = (const void *)(table->bytes + table->size - left);
    if (left < sizeof(*entry) || entry->size < sizeof(*entry) || entry->size > left) {
        machine_fault(machine, what, ERR_truncated);
        *offset = table->size;
        return NULL;
    }
    *offset += entry->size;
    return entry;
}

struct machine_register acpi_register(const struct acpi_address *address)
{
    struct machine_register none = {SPACE_NONE, 0, 0};
    if (address->address == 0 || address->space > 1)
        return none;
    return (struct machine_register){
        .space = address->space == 0 ? SPACE_MEMORY : SPACE_PORT,
        .address = address->address,
        .width = address->width,
    };
}

/* IA-PC HPET specification 1.0a, 3.2.4. */
static void read_hpet(struct machine *machine, const struct acpi_table *table)
{
    struct {
        struct acpi_header header;
        uint32_t block;
        struct acpi_address address;
    } __attribute__((packed)) hpet;
    acpi_copy(table, &hpet, sizeof(hpet));
    struct machine_register place = acpi_register(&hpet.address);
    if (place.space == SPACE_MEMORY)
        machine->hpet = PHYS(place.address);
    else
        machine_fault(machine, "HPET", ERR_malformed);
}

/* PCI Firmware Specification 3.3, 4.1.2: the base is that of bus 0, wherever the buses start. */
static void read_mcfg(struct machine *machine, const struct acpi_table *table)
{
    struct mcfg_window {
        uint64_t base;
        uint16_t segment;
        uint8_t first_bus, last_bus;
        uint32_t reserved;
    } __attribute__((packed));
    const uint32_t bus_shift = 20;
    uint32_t offset = sizeof(struct acpi_header) + 8;
    for (; offset + sizeof(struct mcfg_window) <= table->size; offset += 16) {
        const struct mcfg_window *window = (const void *)(table->bytes + offset);
        uint64_t start = (uint64_t)window->first_bus << bus_shift;
        uint64_t size = ((uint64_t)window->last_bus + 1 - window->first_bus) << bus_shift;
        if (window->last_bus < window->first_bus || window->base > UINT64_MAX - start - size) {
            machine_fault(machine, "MCFG", ERR_malformed);
            continue;
        }
        if (machine_add_region(machine, machine->pcie, &machine->pcie_count, MACHINE_PCIE_MAX,
                               (struct machine_region){PHYS(window->base + start), size}))
            machine->pcie_first[machine->pcie_count - 1] = window->first_bus;
    }
}

/* Microsoft's Serial Port Console Redirection Table, interface types by its DBG2 list. */
static enum machine_uart spcr_uart(uint8_t type)
{
    switch (type) {
    case 0x00: /* 16550 */
    case 0x01: /* 16450 */
    case 0x12: /* 16550 with a generic address */
        return UART_16550;
    case 0x03: /* PL011 */
    case 0x0d: /* its generic subset, 32-bit accesses alone */
    case 0x0e: /* its generic subset */
        return UART_PL011;
    default:
        return UART_NONE;
    }
}

static void read_spcr(struct machine *machine, const struct acpi_table *table)
{
    struct {
        struct acpi_header header;
        uint8_t type, reserved[3];
        struct acpi_address address;
        uint8_t interrupt_type, pic_line;
        uint32_t line;
    } __attribute__((packed)) spcr;
    const uint8_t is_pic = 1; /* the only bit of interrupt_type that makes pic_line count */
    acpi_copy(table, &spcr, sizeof(spcr));
    struct machine_register place = acpi_register(&spcr.address);
    if (place.space == SPACE_NONE)
        return; /* 0: redirection is switched off */
    machine->uart = spcr_uart(spcr.type);
    machine->uart_register = place;
    machine->uart_irq = spcr.interrupt_type == is_pic ? spcr.pic_line : spcr.line;
}

/* 5.2.25. */
static void read_gtdt(struct machine *machine, const struct acpi_table *table)
{
    struct {
        struct acpi_header header;
        uint64_t counter;
        uint32_t reserved;
        uint32_t secure, secure_flags, physical, physical_flags, virtual, virtual_flags;
    } __attribute__((packed)) gtdt;
    if (table->size < sizeof(gtdt)) {
        machine_fault(machine, "GTDT", ERR_truncated);
        return;
    }
    acpi_copy(table, &gtdt, sizeof(gtdt));
    machine->timer_physical_irq = gtdt.physical;
    machine->timer_virtual_irq = gtdt.virtual;
}

/* Notes the table at `address` if it is one that we know. */
static void collect_table(struct machine *machine, phys_t address,
                          struct acpi_table tables[ACPI_KNOWN])
{
    const struct acpi_header *header = phys_window(address, sizeof(*header));
    if (header == NULL) {
        machine_fault(machine, "acpi: the address of a table", ERR_truncated);
        return;
    }
    for (unsigned i = 0; i < ACPI_KNOWN; i++) {
        if (memcmp(header->signature, signatures[i], sizeof(header->signature)) != 0)
            continue;
        if (tables[i].bytes != NULL)
            machine_fault(machine, signatures[i], ERR_exists);
        else
            (void)acpi_open_as(machine, address, signatures[i], &tables[i]);
        return;
    }
}

/* 5.2.7, 5.2.8: behind the header, nothing but addresses of `width` bytes. */
static void collect_tables(struct machine *machine, const struct acpi_table *root, uint32_t width,
                           struct acpi_table tables[ACPI_KNOWN])
{
    uint32_t offset = sizeof(struct acpi_header);
    for (; offset + width <= root->size; offset += width) {
        uint64_t address = 0;
        memcpy(&address, root->bytes + offset, width); /* ACPI is little-endian, and so are we */
        if (address != 0)
            collect_table(machine, PHYS(address), tables);
    }
}

/* Reads the root pointer; the part that an old one lacks is zero. */
static error_t read_rsdp(phys_t address, struct acpi_rsdp *rsdp)
{
    const uint8_t *bytes = phys_window(address, RSDP_OLD_SIZE);
    memset(rsdp, 0, sizeof(*rsdp));
    if (bytes == NULL)
        return ERR_truncated;
    memcpy(rsdp, bytes, RSDP_OLD_SIZE);
    if (memcmp(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature)) != 0)
        return ERR_malformed;
    if (!checksum_good(bytes, RSDP_OLD_SIZE))
        return ERR_bad_checksum;
    if (rsdp->revision < 2)
        return OK;
    bytes = phys_window(address, sizeof(*rsdp));
    if (bytes == NULL)
        return ERR_truncated;
    if (!checksum_good(bytes, sizeof(*rsdp)))
        return ERR_bad_checksum;
    memcpy(rsdp, bytes, sizeof(*rsdp));
    return OK;
}

/* Finds the tables by the XSDT, or by the RSDT if there is no good XSDT. */
static error_t open_root(struct machine *machine, const struct acpi_rsdp *rsdp,
                         struct acpi_table tables[ACPI_KNOWN])
{
    struct acpi_table root;
    if (rsdp->xsdt != 0 && acpi_open_as(machine, PHYS(rsdp->xsdt), "XSDT", &root)) {
        collect_tables(machine, &root, sizeof(uint64_t), tables);
        return OK;
    }
    if (rsdp->rsdt != 0 && acpi_open_as(machine, PHYS(rsdp->rsdt), "RSDT", &root)) {
        collect_tables(machine, &root, sizeof(uint32_t), tables);
        return OK;
    }
    return ERR_not_found;
}

error_t acpi_read(struct machine *machine, phys_t rsdp)
{
    static void (*const readers[ACPI_KNOWN])(struct machine *, const struct acpi_table *) = {
        [ACPI_FADT] = acpi_read_power, [ACPI_HPET] = read_hpet, [ACPI_MCFG] = read_mcfg,
        [ACPI_SPCR] = read_spcr,       [ACPI_GTDT] = read_gtdt,
    };
    struct acpi_table tables[ACPI_KNOWN] = {{NULL, 0}};
    struct acpi_rsdp root;
    error_t error = read_rsdp(rsdp, &root);
    if (error == OK)
        error = open_root(machine, &root, tables);
    if (error != OK)
        return error;
    acpi_read_topology(machine, &tables[ACPI_MADT], &tables[ACPI_SRAT], &tables[ACPI_SLIT]);
    for (unsigned i = 0; i < ACPI_KNOWN; i++) {
        if (readers[i] != NULL && tables[i].bytes != NULL)
            readers[i](machine, &tables[i]);
    }
    machine->from_acpi = true;
    return OK;
}
