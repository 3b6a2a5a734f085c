/* Pieces of mappings taken out of a space: what unmap, move and clear share. For mem/ alone. */
#pragma once

#include "mem/mapping.h"

#define SPACE_CUT_LEAVES 32         /* cleared in one piece: some 10,000 instructions */
#define SPACE_CUT_LARGE  64         /* what clearing one of 2 MiB counts: it may note 512 pages */
#define SPACE_CUT_SIZE   (GIB / 16) /* looked through in one piece: some 5,000 instructions */

/* A piece that is taken out of a mapping. */
struct cut {
    struct mapping *mapping; /* nothing is left of it: to be freed; or NULL */
    struct mapping *spare;   /* for the rest, if the piece comes from the middle */
    struct memory *memory;   /* whose pages it showed, with a reference; NULL: there is no piece */
    uint64_t low, high;
    uint64_t flush_low, flush_high; /* at least [low, high) */
    bool flush;                     /* CPUs may know translations of that */
};

/*
 * Finds the first piece of what is mapped in [low, high), and its mapping, or NULL; the space is
 * locked. no_memory. To be ended in every case.
 */
error_t space_cut_ready_locked(struct space *space, uint64_t low, uint64_t high, struct cut *cut,
                               struct mapping **mapping);

/* Takes it out of tables, tree and list; the object is locked as well. */
void space_cut_apply_locked(struct mapping *mapping, struct cut *cut);

/* Waits until no CPU knows its translations, and frees what is left over. No locks held. */
void space_cut_end(struct space *space, const struct cut *cut);

/* Frees tables that meet [low, high) and show no mapping any more. No locks held. */
void space_prune(struct space *space, uint64_t low, uint64_t high);

/* Is [va, va + size) a range of user addresses in whole pages? */
static inline bool space_range_valid(uaddr_t va, uint64_t size)
{
    return is_aligned(va.va | size, PAGE_SIZE) && va.va >= SPACE_START && va.va < SPACE_END &&
           size > 0 && size <= SPACE_END - va.va;
}

/* How far [low, high) of a mapping can be done in one piece: leaves are few enough up to there. */
uint64_t space_piece_end_locked(const struct space *space, uint64_t low, uint64_t high);
