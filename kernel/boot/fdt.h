/*
 * A reader of flattened device trees that never leaves the blob (Devicetree Specification 0.4,
 * chapter 5).
 *
 * Life cycle: fdt_open checks the header once; walks over the opened tree keep their whole state
 * in a struct fdt_walk on the caller's stack, so that a walk can be copied and continued.
 * Rules: every offset is checked where it is used; a broken tree ends the walk with an error.
 * Names and values point into the blob.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

#define FDT_DEPTH_MAX 16 /* deeper nodes are passed over */

struct fdt {
    const uint8_t *structs, *strings, *reservations;
    uint32_t structs_size, strings_size, reservations_size;
    uint32_t size; /* of the whole blob */
};

/* A property's value: big-endian cells or strings. */
struct fdt_value {
    const uint8_t *bytes;
    uint32_t size;
};

/* An open node: its name with the unit address, and the cells that its children's reg has. */
struct fdt_level {
    const char *name;
    uint32_t properties; /* offset of its first property */
    uint32_t address_cells, size_cells;
};

/* A walk through all nodes, parents first. levels[depth] is the current node, levels[0] the root.
 */
struct fdt_walk {
    const struct fdt *fdt;
    struct fdt_level levels[FDT_DEPTH_MAX];
    uint32_t depth;
    uint32_t next;   /* offset of the next token */
    uint32_t opened; /* nodes open at `next` */
    error_t error;   /* why the walk ended, OK: it saw everything */
};

/* A region of the memory that CPUs see. */
struct fdt_region {
    phys_t base;
    uint64_t size;
};

/* Checks the header (5.2): malformed, truncated, or unsupported if it needs a newer reader. */
error_t fdt_open(struct fdt *fdt, phys_t address);

/* Entry `index` of the memory reservation block (5.3). False at its end. */
bool fdt_reservation(const struct fdt *fdt, uint32_t index, struct fdt_region *region);

/* Starts a walk before the root; fdt_walk_next goes to the next node, false at the end (5.4). */
void fdt_walk_start(struct fdt_walk *walk, const struct fdt *fdt);
bool fdt_walk_next(struct fdt_walk *walk);

/* Goes to the node with the absolute path `path`, of `size` bytes, node names in full (2.2.3). */
bool fdt_walk_find(struct fdt_walk *walk, const struct fdt *fdt, const char *path, size_t size);

/* The property `name` of the current node, and of its ancestor or itself at `depth`. */
bool fdt_property(const struct fdt_walk *walk, const char *name, struct fdt_value *value);
bool fdt_property_at(const struct fdt_walk *walk, uint32_t depth, const char *name,
                     struct fdt_value *value);

/* True if the node's name without its unit address is `name`. */
bool fdt_name_is(const struct fdt_walk *walk, uint32_t depth, const char *name);

/* True if `text` is one of the strings in `value` (2.2.4 <stringlist>). */
bool fdt_value_has(const struct fdt_value *value, const char *text);

/* True if `text` is one of the strings of the property `name`. */
bool fdt_property_has(const struct fdt_walk *walk, const char *name, const char *text);

/* False if `status` (2.3.4) says anything else than "okay" (or "ok", as old trees do). */
bool fdt_enabled(const struct fdt_walk *walk);

/* The 32-bit cell `index` of `value`, and the number in `count` (at most 2) cells from it. */
bool fdt_cell(const struct fdt_value *value, uint32_t index, uint32_t *cell);
bool fdt_number(const struct fdt_value *value, uint32_t index, uint32_t count, uint64_t *number);

/* The number of the property `name`, of one or two cells by its size. */
bool fdt_property_number(const struct fdt_walk *walk, const char *name, uint64_t *number);

/* Entry `index` of `reg` (2.3.6), translated by the ranges (2.3.8) of all buses up to the root. */
bool fdt_reg(const struct fdt_walk *walk, uint32_t index, struct fdt_region *region);

/*
 * The memory below 4 GiB that devices behind the current node, a PCI host bridge, can be given (PCI
 * Bus Binding to IEEE 1275, 2.2.1.1). False: none that has one address there and for the CPUs.
 */
bool fdt_pci_memory(const struct fdt_walk *walk, struct fdt_region *region);
