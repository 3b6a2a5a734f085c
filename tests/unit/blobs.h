/*
 * Well-formed input for the boot parsers, made in code: the unit tests read and break it, the
 * fuzzers start from it.
 *
 * A blob is what firmware or a loader puts into memory at BLOB_BASE; addresses in it are
 * physical. blob_load shows a copy of it, of exactly its size, to phys_window, so that the
 * address sanitizer sees whoever reads past it.
 */
#ifndef BLOBS_H
#define BLOBS_H

#include "boot/machine.h"
#include "lib/types.h"

#define BLOB_BASE   0x100000u
#define BLOB_MAX    32768u
#define BLOB_TABLES 16

struct blob {
    uint32_t size;
    uint32_t tables[BLOB_TABLES]; /* where ACPI tables begin */
    uint32_t table_count;
    uint8_t bytes[BLOB_MAX];
};

/* Writing: each appends, and returns the offset of what it wrote. */
void blob_init(struct blob *blob);
uint32_t blob_put(struct blob *blob, const void *bytes, uint32_t size);
uint32_t blob_number(struct blob *blob, uint64_t number, uint32_t size);
uint32_t blob_big(struct blob *blob, uint64_t number, uint32_t size);
uint32_t blob_text(struct blob *blob, const char *text);
uint32_t blob_zero(struct blob *blob, uint32_t size);
void blob_align(struct blob *blob, uint32_t power_of_two);

/* Overwrites `size` bytes at `offset` by a little-endian number. */
void blob_patch(struct blob *blob, uint32_t offset, uint64_t number, uint32_t size);

/* Shows the first `size` bytes of `bytes` at BLOB_BASE until the next load. */
uint8_t *blob_load_bytes(const uint8_t *bytes, size_t size);
uint8_t *blob_load(const struct blob *blob);
void blob_unload(void);

/* ACPI: root pointer at offset 0. */
void blob_acpi_pc(struct blob *blob);  /* revision 2, XSDT, the tables of a PC with 2 nodes */
void blob_acpi_old(struct blob *blob); /* revision 0, RSDT, FADT of revision 1 */
void blob_acpi_gic(struct blob *blob); /* hardware-reduced, GICv3, PSCI */

/* Building others: a table from begin to end; the root pointer and the XSDT come last. */
void acpi_start(struct blob *blob);
uint32_t acpi_begin(struct blob *blob, const char *signature, uint8_t revision);
void acpi_end(struct blob *blob, uint32_t table);
void acpi_finish(struct blob *blob, bool xsdt);

/* Where the table `signature` begins, 0 if there is none; sets a table's checksum right. */
uint32_t blob_table(const struct blob *blob, const char *signature);
void acpi_checksum(uint8_t *bytes, uint32_t size, uint32_t at);

/* Sets the checksums of the root pointer and of all tables whose signatures are found right. */
void acpi_checksum_all(uint8_t *bytes, uint32_t size);

/* Flattened device trees, GICv3 with 2 nodes, and GICv2. */
void blob_fdt_gic3(struct blob *blob);
void blob_fdt_gic2(struct blob *blob);

/* Building others. The cells are big-endian 32-bit numbers. */
struct fdt_writer {
    struct blob structs, strings;
    uint64_t reserved_base, reserved_size;
};
void fdt_write_start(struct fdt_writer *writer);
void fdt_write_begin(struct fdt_writer *writer, const char *name);
void fdt_write_end(struct fdt_writer *writer);
void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *bytes, uint32_t size);
void fdt_write_text(struct fdt_writer *writer, const char *name, const char *text);
void fdt_write_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells,
                     uint32_t count);
void fdt_write_finish(struct fdt_writer *writer, struct blob *blob);

#define FDT_CELLS(writer, name, ...)                                                               \
    fdt_write_cells((writer), (name), (const uint32_t[]){__VA_ARGS__},                             \
                    sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* Loaders: command line, two modules, framebuffer where the protocol has it, memory map. */
void blob_pvh(struct blob *blob);
void blob_multiboot2(struct blob *blob);

/*
 * Limine: the blob begins with LIMINE_FEATURES words, the pointers to the answers. A pointer is
 * BLOB_HHDM + offset in the blob; limine_load copies the blob and makes them real.
 */
#define BLOB_HHDM 0xffff800000000000u
void blob_limine(struct blob *blob);
uint8_t *limine_load(const uint8_t *bytes, size_t size);

#endif
