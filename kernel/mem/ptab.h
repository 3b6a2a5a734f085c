/*
 * Page-table walker: four levels of 512 entries, portable over the form of an entry (arch/mmu.h).
 *
 * The tables of one root are changed under their owner's lock: the kernel's under that of vmap.c;
 * those of a space under the space's lock, apart from leaves, which change under the lock of the
 * memory object that they show (mem/mapping.h). So entries are read and written whole, and a
 * walker that holds only a memory object's lock may walk down to that object's leaves.
 * New table pages come zeroed from the allocator that the owner gives.
 */
#pragma once

#include "arch/mmu.h"
#include "lib/error.h"
#include "lib/types.h"

#define PTAB_ENTRIES 512
#define PTAB_TOP     3

struct ptab {
    phys_t root;
    error_t (*table_alloc)(struct ptab *ptab, phys_t *table); /* one zeroed page */
    bool counted;      /* each table's frame counts the tables below it (ptab_count); constant */
    uint64_t last;     /* number of the 2 MiB that `last_table` translates, + 1; 0: none */
    pte_t *last_table; /* the lowest table that ptab_entry found last; the owner's lock */
};

/* An entry, which hardware and other CPUs may read at any time. */
static inline pte_t pte_read(const pte_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

static inline void pte_write(pte_t *entry, pte_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* What was there, marks that hardware made at that instant included. */
static inline pte_t pte_exchange(pte_t *entry, pte_t value)
{
    return __atomic_exchange_n(entry, value, __ATOMIC_ACQ_REL);
}

/* Bytes that an entry of `level` spans. */
static inline uint64_t ptab_span(int level)
{
    return PAGE_SIZE << (9 * level);
}

/* The first address behind what an entry of `level` spans around `va`. */
static inline uint64_t ptab_behind(uint64_t va, int level)
{
    return align_down(va, ptab_span(level)) + ptab_span(level);
}

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

/*
 * The entry for `va` at `level`, present or not, making the tables above it. exists if a larger
 * leaf stands above it, no_memory.
 */
error_t ptab_entry(struct ptab *ptab, uintptr_t va, int level, pte_t **result);

/* The lowest table for `va` was found. */
static inline void ptab_remember(struct ptab *ptab, uintptr_t va, phys_t table)
{
    ptab->last = (va >> (PAGE_SHIFT + 9)) + 1;
    ptab->last_table = phys_to_virt(table);
}

/* The entry for `va` at level 0 without a walk: in the table that was found last, or NULL. */
static inline pte_t *ptab_known(const struct ptab *ptab, uintptr_t va)
{
    if ((va >> (PAGE_SHIFT + 9)) + 1 != ptab->last)
        return NULL;
    return &ptab->last_table[va >> PAGE_SHIFT & (PTAB_ENTRIES - 1)];
}

/* The leaf that translates `va`, and its level; NULL if there is none. */
pte_t *ptab_find(const struct ptab *ptab, uintptr_t va, int *level);

/*
 * The first leaf that translates an address in [*va, end): *va becomes that address, *level the
 * leaf's. NULL if there is none. Costs the tables that are there, not the size of the range.
 */
pte_t *ptab_next(const struct ptab *ptab, uintptr_t *va, uintptr_t end, int *level);

/* Lets tables be counted from now on: the root, a frame (mem/frame.h) as all others will be, has
 * none yet. */
void ptab_count(struct ptab *ptab);

/*
 * Takes tables out that meet [low, high) and lie wholly within [hole_low, hole_high), where no leaf
 * is left; the root is counted. Stores up to `max` of them, to be freed when nobody walks them any
 * more. False if there may be more.
 */
bool ptab_prune(struct ptab *ptab, uintptr_t low, uintptr_t high, uintptr_t hole_low,
                uintptr_t hole_high, phys_t *tables, uint32_t max, uint32_t *count);
