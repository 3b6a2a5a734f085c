/* Writers of ACPI tables (blobs.h). */
#include "blobs.h"

#include <stdlib.h>
#include <string.h>

#define RSDP_SIZE   36
#define HEADER_SIZE 36

void acpi_checksum(uint8_t *bytes, uint32_t size, uint32_t at)
{
    uint8_t sum = 0;
    bytes[at] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)(0 - sum);
}

void acpi_checksum_all(uint8_t *bytes, uint32_t size)
{
    static const char signatures[][5] = {"APIC", "SRAT", "SLIT", "FACP", "HPET", "MCFG",
                                         "SPCR", "GTDT", "DSDT", "XSDT", "RSDT"};
    if (size >= 20)
        acpi_checksum(bytes, 20, 8);
    if (size >= RSDP_SIZE)
        acpi_checksum(bytes, RSDP_SIZE, 32);
    for (uint32_t at = 0; at + HEADER_SIZE <= size; at += 4) {
        for (size_t i = 0; i < COUNT_OF(signatures); i++) {
            uint32_t length;
            memcpy(&length, bytes + at + 4, 4);
            if (memcmp(bytes + at, signatures[i], 4) == 0 && length >= HEADER_SIZE &&
                length <= size - at)
                acpi_checksum(bytes + at, length, 9);
        }
    }
}

void acpi_start(struct blob *blob)
{
    blob_init(blob);
    (void)blob_zero(blob, RSDP_SIZE);
}

uint32_t acpi_begin(struct blob *blob, const char *signature, uint8_t revision)
{
    blob_align(blob, 4);
    uint32_t table = blob_put(blob, signature, 4);
    (void)blob_number(blob, 0, 4);
    (void)blob_number(blob, revision, 1);
    (void)blob_number(blob, 0, 1);
    (void)blob_put(blob, "TERN  TERNTEST", 14);
    (void)blob_zero(blob, 12);
    return table;
}

void acpi_end(struct blob *blob, uint32_t table)
{
    blob_patch(blob, table + 4, blob->size - table, 4);
    acpi_checksum(blob->bytes + table, blob->size - table, 9);
    if (blob->table_count == BLOB_TABLES)
        abort();
    blob->tables[blob->table_count++] = table;
}

/* The DSDT is found through the FADT alone. */
static bool in_root(const struct blob *blob, uint32_t table)
{
    return memcmp(blob->bytes + table, "DSDT", 4) != 0;
}

void acpi_finish(struct blob *blob, bool xsdt)
{
    uint32_t root = acpi_begin(blob, xsdt ? "XSDT" : "RSDT", 1);
    for (uint32_t i = 0; i < blob->table_count; i++) {
        if (in_root(blob, blob->tables[i]))
            (void)blob_number(blob, BLOB_BASE + blob->tables[i], xsdt ? 8 : 4);
    }
    acpi_end(blob, root);
    memcpy(blob->bytes, "RSD PTR ", 8);
    memcpy(blob->bytes + 9, "TERN  ", 6);
    blob->bytes[15] = xsdt ? 2 : 0;
    if (xsdt) {
        blob_patch(blob, 20, RSDP_SIZE, 4);
        blob_patch(blob, 24, BLOB_BASE + root, 8);
    } else {
        blob_patch(blob, 16, BLOB_BASE + root, 4);
    }
    acpi_checksum(blob->bytes, 20, 8);
    acpi_checksum(blob->bytes, RSDP_SIZE, 32);
}

uint32_t blob_table(const struct blob *blob, const char *signature)
{
    for (uint32_t i = 0; i < blob->table_count; i++) {
        if (memcmp(blob->bytes + blob->tables[i], signature, 4) == 0)
            return blob->tables[i];
    }
    return 0;
}

/* An entry of MADT or SRAT, from pairs of (number, bytes); type and size come first. */
struct field {
    uint64_t number;
    uint32_t size;
};

static void acpi_entry(struct blob *blob, uint8_t type, const struct field *fields, size_t count)
{
    uint32_t entry = blob_number(blob, type, 2);
    for (size_t i = 0; i < count; i++)
        (void)blob_number(blob, fields[i].number, fields[i].size);
    blob_patch(blob, entry + 1, blob->size - entry, 1);
}

#define ENTRY(blob, type, ...)                                                                     \
    acpi_entry((blob), (type), (const struct field[]){__VA_ARGS__},                                \
               COUNT_OF(((const struct field[]){__VA_ARGS__})))

static void put_address(struct blob *blob, uint8_t space, uint8_t width, uint64_t address)
{
    (void)blob_number(blob, space, 1);
    (void)blob_number(blob, width, 1);
    (void)blob_number(blob, 0, 2);
    (void)blob_number(blob, address, 8);
}

static void put_madt_pc(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "APIC", 3);
    (void)blob_number(blob, 0xfee00000, 4);
    (void)blob_number(blob, 1, 4);
    ENTRY(blob, 0, {0, 1}, {0, 1}, {1, 4});
    ENTRY(blob, 0, {1, 1}, {2, 1}, {1, 4});
    ENTRY(blob, 0, {2, 1}, {4, 1}, {2, 4});    /* could be plugged in */
    ENTRY(blob, 0, {3, 1}, {0xff, 1}, {1, 4}); /* no such id */
    ENTRY(blob, 1, {7, 1}, {0, 1}, {0xfec00000, 4}, {0, 4});
    ENTRY(blob, 1, {8, 1}, {0, 1}, {0xfec10000, 4}, {24, 4});
    ENTRY(blob, 2, {0, 1}, {0, 1}, {2, 4}, {0, 2});
    ENTRY(blob, 2, {0, 1}, {9, 1}, {9, 4}, {0xd, 2});
    ENTRY(blob, 2, {0, 1}, {11, 1}, {20, 4}, {0xf, 2});
    ENTRY(blob, 5, {0, 2}, {0xfee10000, 8});
    ENTRY(blob, 4, {0xff, 1}, {0, 2}, {1, 1}); /* NMI: not ours */
    ENTRY(blob, 9, {0, 2}, {300, 4}, {1, 4}, {4, 4});
    ENTRY(blob, 9, {0, 2}, {301, 4}, {0, 4}, {5, 4});
    (void)blob_number(blob, 0x0280, 2); /* nothing but a head, of a type from the future */
    acpi_end(blob, table);
}

/* Domain 5 is told of before 2; CPU 2 has no domain and falls to 0. */
static void put_srat_pc(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "SRAT", 3);
    (void)blob_zero(blob, 12);
    ENTRY(blob, 2, {0, 2}, {5, 4}, {300, 4}, {1, 4}, {0, 8});
    ENTRY(blob, 0, {2, 1}, {0, 1}, {1, 4}, {0, 8});
    ENTRY(blob, 0, {2, 1}, {2, 1}, {0, 4}, {0, 8}); /* not enabled */
    ENTRY(blob, 1, {5, 4}, {0, 2}, {0x40000000, 8}, {0x10000000, 8}, {0, 4}, {1, 4}, {0, 8});
    ENTRY(blob, 1, {2, 4}, {0, 2}, {0, 8}, {0x40000000, 8}, {0, 4}, {1, 4}, {0, 8});
    ENTRY(blob, 1, {9, 4}, {0, 2}, {0x80000000, 8}, {0x1000, 8}, {0, 4}, {0, 4}, {0, 8});
    acpi_end(blob, table);
}

static void put_slit_pc(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "SLIT", 1);
    (void)blob_number(blob, 6, 8);
    for (uint32_t i = 0; i < 36; i++)
        (void)blob_number(blob, i % 7 == 0 ? 10 : 20 + i, 1);
    acpi_end(blob, table);
}

static uint32_t put_dsdt(struct blob *blob)
{
    /* A use of the name, a Name(\_S5_, Package (4) { Zero, 5, ...}) behind it. */
    static const uint8_t aml[] = {0x70, '_',  'S',  '5',  '_',  0x60, 0x08, '\\', '_',  'S', '5',
                                  '_',  0x12, 0x08, 0x04, 0x01, 0x0a, 0x05, 0x00, 0x00, 0xa3};
    uint32_t table = acpi_begin(blob, "DSDT", 2);
    (void)blob_put(blob, aml, sizeof(aml));
    acpi_end(blob, table);
    return table;
}

static void put_fadt_pc(struct blob *blob, uint32_t dsdt)
{
    uint32_t table = acpi_begin(blob, "FACP", 6);
    (void)blob_zero(blob, 276 - HEADER_SIZE);
    blob_patch(blob, table + 40, 0x1234, 4); /* the wide pointer wins */
    blob_patch(blob, table + 64, 0x604, 4);
    blob_patch(blob, table + 68, 0x704, 4);
    blob_patch(blob, table + 76, 0x608, 4);
    blob_patch(blob, table + 89, 2, 1);
    blob_patch(blob, table + 91, 4, 1);
    blob_patch(blob, table + 112, 1u << 10 | 1u << 8, 4);
    blob_patch(blob, table + 116, 0x0801, 4);
    blob_patch(blob, table + 120, 0xcf9, 8);
    blob_patch(blob, table + 128, 0x0f, 1);
    blob_patch(blob, table + 140, BLOB_BASE + dsdt, 8);
    blob_patch(blob, table + 172, 0x1001, 4);
    blob_patch(blob, table + 176, 0xb004, 8);
    acpi_end(blob, table);
}

static void put_hpet(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "HPET", 1);
    (void)blob_number(blob, 0x8086a201, 4);
    put_address(blob, 0, 64, 0xfed00000);
    (void)blob_zero(blob, 4);
    acpi_end(blob, table);
}

static void put_mcfg(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "MCFG", 1);
    (void)blob_zero(blob, 8);
    (void)blob_number(blob, 0xb0000000, 8);
    (void)blob_number(blob, 0, 2);
    (void)blob_number(blob, 0x10, 1);
    (void)blob_number(blob, 0x1f, 1);
    (void)blob_zero(blob, 4);
    acpi_end(blob, table);
}

static void put_spcr(struct blob *blob, uint8_t type, uint8_t space, uint64_t address,
                     uint8_t interrupt, uint8_t pic_line, uint32_t line)
{
    uint32_t table = acpi_begin(blob, "SPCR", 2);
    (void)blob_number(blob, type, 4);
    put_address(blob, space, 8, address);
    (void)blob_number(blob, interrupt, 1);
    (void)blob_number(blob, pic_line, 1);
    (void)blob_number(blob, line, 4);
    (void)blob_zero(blob, 22);
    acpi_end(blob, table);
}

void blob_acpi_pc(struct blob *blob)
{
    acpi_start(blob);
    uint32_t dsdt = put_dsdt(blob);
    put_fadt_pc(blob, dsdt);
    put_slit_pc(blob);
    put_madt_pc(blob);
    put_hpet(blob);
    put_mcfg(blob);
    put_spcr(blob, 0, 1, 0x3f8, 3, 4, 0x104);
    put_srat_pc(blob);
    acpi_finish(blob, true);
}

void blob_acpi_old(struct blob *blob)
{
    acpi_start(blob);
    uint32_t table = acpi_begin(blob, "APIC", 1);
    (void)blob_number(blob, 0xfee00000, 4);
    (void)blob_number(blob, 0, 4);
    ENTRY(blob, 0, {0, 1}, {0, 1}, {1, 4});
    acpi_end(blob, table);
    uint32_t dsdt = put_dsdt(blob);
    table = acpi_begin(blob, "FACP", 1);
    (void)blob_zero(blob, 116 - HEADER_SIZE);
    blob_patch(blob, table + 40, BLOB_BASE + dsdt, 4);
    blob_patch(blob, table + 64, 0x604, 4);
    blob_patch(blob, table + 76, 0x608, 4);
    blob_patch(blob, table + 89, 2, 1);
    blob_patch(blob, table + 91, 4, 1);
    acpi_end(blob, table);
    acpi_finish(blob, false);
}

static void put_gicc(struct blob *blob, uint32_t uid, uint64_t mpidr, uint32_t flags)
{
    ENTRY(blob, 0xb, {0, 2}, {uid, 4}, {uid, 4}, {flags, 4}, {0, 8}, {0, 8}, {0x8010000, 8},
          {0, 16 - 8}, {0, 8}, {25, 4}, {0x80a0000 + uid * 0x20000, 8}, {mpidr, 8}, {0, 4});
}

static void put_madt_gic(struct blob *blob)
{
    uint32_t table = acpi_begin(blob, "APIC", 4);
    (void)blob_zero(blob, 8);
    ENTRY(blob, 0xc, {0, 2}, {0, 4}, {0x8000000, 8}, {0, 4}, {3, 1}, {0, 3});
    put_gicc(blob, 0, 0x0, 1);
    put_gicc(blob, 1, 0x100000001, 1);
    put_gicc(blob, 2, 0x2, 0);
    ENTRY(blob, 0xe, {0, 2}, {0x80a0000, 8}, {0xf60000, 4});
    ENTRY(blob, 0xf, {0, 2}, {0, 4}, {0x8080000, 8}, {0, 4});
    ENTRY(blob, 0xd, {0, 2}, {0, 4}, {0x8020000, 8}, {0, 4}, {64, 2}, {80, 2});
    acpi_end(blob, table);
}

void blob_acpi_gic(struct blob *blob)
{
    acpi_start(blob);
    uint32_t dsdt = put_dsdt(blob);
    put_madt_gic(blob);
    uint32_t table = acpi_begin(blob, "FACP", 6);
    (void)blob_zero(blob, 276 - HEADER_SIZE);
    blob_patch(blob, table + 64, 0x604, 4); /* must not count: there is no such hardware */
    blob_patch(blob, table + 112, 1u << 20, 4);
    blob_patch(blob, table + 129, 3, 2);
    blob_patch(blob, table + 140, BLOB_BASE + dsdt, 8);
    blob_patch(blob, table + 244, 0x0800, 4);
    blob_patch(blob, table + 248, 0xfea00200, 8);
    acpi_end(blob, table);
    table = acpi_begin(blob, "GTDT", 2);
    (void)blob_zero(blob, 104 - HEADER_SIZE);
    blob_patch(blob, table + 48, 29, 4);
    blob_patch(blob, table + 56, 30, 4);
    blob_patch(blob, table + 64, 27, 4);
    acpi_end(blob, table);
    put_spcr(blob, 3, 0, 0x9000000, 8, 4, 33);
    table = acpi_begin(blob, "SRAT", 3);
    (void)blob_zero(blob, 12);
    ENTRY(blob, 3, {0, 4}, {0, 4}, {1, 4}, {0, 4});
    ENTRY(blob, 3, {1, 4}, {1, 4}, {1, 4}, {0, 4});
    acpi_end(blob, table);
    acpi_finish(blob, true);
}
