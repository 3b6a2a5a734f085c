/*
 * The Limine boot protocol's requests, as one table that the loader fills in.
 *
 * Only limine.c reads the table, and tests, which play the loader, write it.
 */
#pragma once

#include "lib/types.h"

enum limine_feature {
    LIMINE_HHDM,
    LIMINE_MEMORY_MAP,
    LIMINE_FRAMEBUFFER,
    LIMINE_KERNEL_ADDRESS,
    LIMINE_KERNEL_FILE,
    LIMINE_MODULES,
    LIMINE_RSDP,
    LIMINE_DTB,
    LIMINE_FEATURES
};

struct limine_request {
    uint64_t id[4];
    uint64_t revision;
    const void *response; /* written by the loader, NULL if it cannot */
};

struct limine_table {
    uint64_t start[4];
    uint64_t base_revision[3]; /* the loader clears the last if it knows our revision */
    struct limine_request requests[LIMINE_FEATURES];
    uint64_t end[2];
};

extern volatile struct limine_table limine_table;

/*
 * How many bytes of physical memory the loader's direct map shows. The protocol lets us believe
 * all that it points to; tests narrow it to their arena.
 */
extern uint64_t limine_reach;

/* The offset of the loader's direct map, 0 if we were not started by Limine. */
uint64_t limine_hhdm_offset(void);
