/* Entering pages into the tables of a space. For mem/ alone. */
#pragma once

#include "mem/mapping.h"

/*
 * The memory behind a user address, for who holds the space's and the object's locks: the page is
 * there and may be accessed so.
 */
struct fault {
    struct space *space;
    uint64_t va;
    uint32_t access;              /* enum space_access */
    struct page_request *request; /* NULL: nobody will ask a pager */
    struct mapping *mapping;      /* found; its object is locked */
    struct memory *memory;        /* the same object; memory until this CPU leaves the kernel */
    uint64_t index;               /* of the page in it */
    struct page *page;            /* NULL for physical objects */
    phys_t frame;
    pte_t *entry; /* where the page is entered, if the tables were walked */
};

/*
 * Takes the space's lock and the object's, and makes the page accessible to the kernel, with
 * the mapping's rights. On any error both locks are free again; would_block never comes out.
 */
error_t fault_begin(struct fault *fault);
void fault_end(struct fault *fault);

/* Enters what is present at the front of [va, va + size), which was just mapped, as far as tables
 * can be had. Space and object are locked. */
void space_enter_present_locked(struct space *space, struct mapping *mapping, uint64_t va,
                                uint64_t size);

/* Puts a mapping into its space if nothing is there: exists. */
error_t space_insert(struct space *space, struct mapping *mapping);
