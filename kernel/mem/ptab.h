/*
 * Page-table walker: four levels of 512 entries, portable over the form of an entry (arch/mmu.h).
 *
 * The tables of one root are changed under their owner's lock. New table pages come zeroed from
 * the allocator that the caller passes.
 */
#ifndef MEM_PTAB_H
#define MEM_PTAB_H

#include "arch/mmu.h"
#include "lib/error.h"
#include "lib/types.h"

struct ptab {
    phys_t root;
    error_t (*table_alloc)(phys_t *table); /* one zeroed page */
};

/*
 * Maps [va, va + size) to physical memory from `pa` (all page aligned) with the largest pages
 * that alignment, size and `max_level` allow. exists if any part is mapped already (what came
 * before it stays mapped), no_memory if tables cannot be made.
 */
error_t ptab_map(struct ptab *ptab, uintptr_t va, phys_t pa, uint64_t size, uint32_t flags,
                 int max_level);

/*
 * The leaf that translates `va`: its level, or -1 if none. The page's base, flags and size are
 * stored.
 */
int ptab_lookup(const struct ptab *ptab, uintptr_t va, phys_t *page, uint32_t *flags);

/* Clears the 4 KiB leaf of `va`; false if there is none. The caller flushes. */
bool ptab_unmap_page(struct ptab *ptab, uintptr_t va);

#endif
