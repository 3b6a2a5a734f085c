/*
 * Inside the ACPI reader: tables that were found, and who reads which (acpi.c, acpi_topology.c,
 * acpi_power.c). Everyone else uses acpi_read (machine.h).
 *
 * Rules: a struct acpi_table has passed its checksum, and `size` bytes of it may be read, no
 * more; its entries have passed nothing.
 */
#pragma once

#include "boot/machine.h"
#include "lib/types.h"

/* ACPI 6.5, table 5.4: the header of every table. */
struct acpi_header {
    char signature[4];
    uint32_t size;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

/* 5.2.3.2: generic address structure. */
struct acpi_address {
    uint8_t space, width, offset, access;
    uint64_t address;
} __attribute__((packed));

/* A table; `bytes` is NULL and `size` 0 if there is none. */
struct acpi_table {
    const uint8_t *bytes;
    uint32_t size;
};

/* The head of the entries of MADT and SRAT. */
struct acpi_entry {
    uint8_t type, size;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");
_Static_assert(sizeof(struct acpi_address) == 12, "ACPI 5.2.3.2");

/* Opens and checks the table at `address`. Its signature is the caller's business. */
error_t acpi_open(phys_t address, struct acpi_table *table);

/* The same for the table `signature`; what is wrong with it is counted. Zeroed if it is. */
bool acpi_open_as(struct machine *machine, phys_t address, const char *signature,
                  struct acpi_table *table);

/*
 * Copies the first `size` bytes of `table` and zeroes what it is too short for: tables of older
 * revisions are shorter.
 */
void acpi_copy(const struct acpi_table *table, void *to, uint32_t size);

/*
 * The entry of `table` at `*offset`, which moves on; NULL behind the last one. An entry that
 * leaves the table is counted, as `what`, and ends it.
 */
const struct acpi_entry *acpi_next(struct machine *machine, const struct acpi_table *table,
                                   uint32_t *offset, const char *what);

/* 5.2.3.2, only the address spaces that we can reach. */
struct machine_register acpi_register(const struct acpi_address *address);

/* 5.2.12, 5.2.16, 5.2.17: CPUs and interrupt controllers, their nodes, distances. */
void acpi_read_topology(struct machine *machine, const struct acpi_table *madt,
                        const struct acpi_table *srat, const struct acpi_table *slit);

/* 5.2.9: power, reset, the PM timer, and the DSDT's \_S5. */
void acpi_read_power(struct machine *machine, const struct acpi_table *fadt);
