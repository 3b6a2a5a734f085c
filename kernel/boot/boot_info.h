/*
 * What the loader told us: one struct, filled by one small file per boot protocol.
 *
 * Life cycle: boot_info_init, then a protocol's reader (pvh.c, multiboot2.c, limine.c, image.c)
 * adds what it finds, then boot_info_normalise once. Read-only from then on.
 * Everything in it is copied: nothing points into the loader's memory, apart from the physical
 * addresses of modules, framebuffer, ACPI and FDT.
 */
#pragma once

#include "lib/config.h"
#include "lib/error.h"
#include "lib/types.h"

/* Kinds of memory. Where two ranges overlap, the later kind in this list wins. */
enum range_kind {
    RANGE_USABLE,       /* free RAM */
    RANGE_LOADER,       /* RAM that the loader used and nobody needs after start-up */
    RANGE_MODULE,       /* RAM that holds a boot module */
    RANGE_FRAMEBUFFER,  /* the framebuffer, RAM or not */
    RANGE_ACPI_RECLAIM, /* RAM that holds ACPI tables */
    RANGE_KERNEL,       /* RAM that holds the kernel's image */
    RANGE_RESERVED,     /* RAM or not, not ours: firmware, devices; mapped cached when read */
    RANGE_ACPI_NVS,     /* firmware's, never touched */
    RANGE_BAD,          /* broken RAM */
    RANGE_KINDS
};

struct boot_range {
    phys_t base;
    uint64_t size;
    enum range_kind kind;
};

struct boot_module {
    phys_t base;
    uint64_t size;
    char name[64]; /* its command line or path, cut to fit */
};

/* 32 bits per pixel, colours 8 bits wide at the given shifts. width 0: there is none. */
struct boot_framebuffer {
    phys_t base;
    uint32_t width, height, pitch; /* pixels, pixels, bytes per line */
    uint8_t red_shift, green_shift, blue_shift;
};

struct boot_info {
    const char *protocol; /* "pvh", "multiboot2", "limine", "image", "host" */
    const char *entry;    /* where the CPU came in: "el1", "el2", "ring0"; set by arch/ */
    char command_line[1024];
    struct boot_range ranges[CONFIG_RANGE_MAX];
    uint32_t range_count;
    struct boot_module modules[CONFIG_MODULE_MAX];
    uint32_t module_count;
    struct boot_framebuffer framebuffer;
    phys_t kernel_base; /* where the image lies, page aligned */
    uint64_t kernel_size;
    phys_t rsdp;          /* ACPI root pointer, 0: none known */
    phys_t fdt;           /* flattened device tree, 0: none */
    uint32_t fault_count; /* malformed pieces of input that were left out */
};

/* What this boot was told; filled by entry code (boot/main.c holds it). */
extern struct boot_info the_boot_info;

void boot_info_init(struct boot_info *info, const char *protocol);

/*
 * Adds a range as the loader gives it (any alignment, any order, overlaps allowed). An empty
 * range is ignored. bad_argument if it wraps around, full if the table is; both count a fault.
 */
error_t boot_info_add_range(struct boot_info *info, phys_t base, uint64_t size,
                            enum range_kind kind);

/* Adds a module and its RANGE_MODULE. `name` need not be ended within `name_size`. */
error_t boot_info_add_module(struct boot_info *info, phys_t base, uint64_t size, const char *name,
                             size_t name_size);

/*
 * The same, with the type as firmware numbers it (ACPI 6.5, table 15.4 "Address range types"),
 * which PVH and Multiboot2 share. Unknown types are reserved.
 */
error_t boot_info_add_firmware_range(struct boot_info *info, phys_t base, uint64_t size,
                                     uint32_t type);

/* Sets the command line to `text`, which need not be ended within `size`; a cut is a fault. */
void boot_info_set_command_line(struct boot_info *info, const char *text, size_t size);

/* A framebuffer as loaders describe it: sizes and shifts of red, green and blue in bits. */
struct boot_framebuffer_source {
    phys_t base;
    uint64_t width, height, pitch;
    uint32_t bits;
    uint8_t size[3], shift[3];
};

/* Takes the framebuffer and its RANGE_FRAMEBUFFER if it has a form that we can draw on. */
void boot_info_set_framebuffer(struct boot_info *info,
                               const struct boot_framebuffer_source *source);

/*
 * Copies the string at physical `from`; `to` is always ended. False if it was cut, by `size` or
 * by the end of the memory that can be seen.
 */
bool boot_string(phys_t from, char *to, size_t size);

/* Notes a malformed piece of input: counts it and logs the sentence. */
void boot_info_fault(struct boot_info *info, const char *what, error_t why);

/*
 * Sorts the ranges, resolves overlaps by kind, rounds them to pages (usable ones inwards, all
 * others outwards) and joins neighbours of one kind. not_found if no usable page remains.
 */
error_t boot_info_normalise(struct boot_info *info);

/* The bytes of all ranges of `kind`. */
uint64_t boot_info_total(const struct boot_info *info, enum range_kind kind);

/*
 * Finds `key=value` (or the bare word `key`) among the words of the command line; copies the
 * value ("" for a bare word). False if it is not there.
 */
bool boot_option(const struct boot_info *info, const char *key, char *value, size_t size);

const char *range_kind_name(enum range_kind kind);

/* True for RAM that the kernel reads or writes: the direct map shows it. */
bool range_is_ram(enum range_kind kind);

/*
 * The readers of the boot protocols. Each fills `info` from what the loader handed over and
 * returns an error only if nothing can be made of it; single malformed pieces are counted
 * (fault_count) and left out. They read memory through phys_window (mem/phys.h) alone.
 */

/* PVH: Xen's hvm_start_info, version 0 or 1 (xen/include/public/arch-x86/hvm/start_info.h). */
error_t pvh_read(struct boot_info *info, phys_t start_info);

/* Multiboot2 specification 2.0, section 3.6 "Boot information format". */
error_t multiboot2_read(struct boot_info *info, phys_t boot_information);

/* Limine boot protocol, base revision 2: the responses to the requests in limine.c. */
error_t limine_read(struct boot_info *info);

/* Device tree handed over by the Linux Image protocol: memory, reservations, /chosen. */
error_t image_read(struct boot_info *info, phys_t fdt);
