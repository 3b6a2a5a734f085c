/*
 * Mappings of an address space: ranges of addresses that show ranges of memory objects, in a
 * tree (lib/tree.h) by address; and what can be done with them.
 *
 * Life cycle of a mapping: made by space_map, space_clone or when one is cut in two; each holds a
 * reference on its object, is in its space's tree and in its object's list; ends when all of it is
 * unmapped. Neighbours that continue each other become one.
 * Locks: tree and fields change under the space's lock; fields and `shown` under the object's lock
 * as well, so either is enough to read them.
 *
 * Functions that say `done` work in bounded pieces, as in mem/memory.h.
 */
#pragma once

#include "lib/list.h"
#include "lib/tree.h"
#include "mem/memory.h"
#include "mem/space.h"

#define SPACE_ACCESS    (SPACE_READ | SPACE_WRITE | SPACE_EXECUTE)
#define SPACE_MAY       (SPACE_ACCESS << SPACE_MAY_SHIFT) /* what it can be protected to */
#define MAPPING_FLAGS   (SPACE_ACCESS | SPACE_INHERIT | SPACE_MAY)
#define MAPPING_CLONING (1u << 12) /* space_clone has not entered all pages yet */

struct mapping {
    union {
        struct tree_node node; /* key: va */
        struct {
            struct mapping *left, *right; /* the space's lock */
            uint64_t va;
        };
    };
    uint64_t size;         /* bytes, whole pages */
    struct memory *memory; /* constant; a reference */
    uint64_t offset;       /* of the object, at `va` */
    struct space *space;   /* constant */
    uint32_t flags;        /* enum space_access | enum mapping_inherit */
    bool stale;            /* leaves in [stale_low, stale_high) changed; object's lock */
    struct list shown;     /* in memory->mappings */
    uint64_t stale_low, stale_high;
};

static inline uint64_t mapping_end(const struct mapping *mapping)
{
    return mapping->va + mapping->size;
}

/* The page of the object that is shown at `va`. */
static inline uint64_t mapping_index(const struct mapping *mapping, uint64_t va)
{
    return (mapping->offset + (va - mapping->va)) >> PAGE_SHIFT;
}

/* Notes the pages behind a leaf of a tracked object as written, if they may have been. */
void memory_leaf_wrote_locked(const struct mapping *mapping, uint64_t va, pte_t leaf, int level);

/* Takes the leaf of `level` away that shows `va`. The caller flushes. The object is locked. */
static inline void mapping_leaf_clear_locked(const struct mapping *mapping, uint64_t va,
                                             pte_t *leaf, int level)
{
    struct memory *memory = mapping->memory;
    if (memory->round != 0)
        memory_leaf_wrote_locked(mapping, va, pte_exchange(leaf, 0), level);
    else
        pte_write(leaf, 0);
    if (level > 0)
        memory->large--;
}

/* --- mapping.c: the tree; the space's lock is held --- */

/* The mapping that has `va`, or the first one behind it; NULL. */
struct mapping *mapping_at_locked(const struct space *space, uint64_t va);

/* The mapping that has `va`; NULL. */
static inline struct mapping *mapping_find_locked(const struct space *space, uint64_t va)
{
    struct mapping *mapping = space->mappings;
    while (mapping != NULL && va - mapping->va >= mapping->size)
        mapping = va < mapping->va ? mapping->left : mapping->right;
    return mapping;
}

/* Bounds of the unmapped range around `va`, which is not mapped. */
void mapping_hole_locked(const struct space *space, uint64_t va, uint64_t *low, uint64_t *high);

/* Makes one with a reference on `memory`, in nobody's list; NULL. Charged to the space's job. */
struct mapping *mapping_make(struct space *space, struct memory *memory, uint64_t offset,
                             uint64_t va, uint64_t size, uint32_t flags);

/* Frees one that is in nobody's list. No locks held. */
void mapping_free(struct mapping *mapping);

/* Puts one into the tree and the object's list; joins it with neighbours that it continues, and
 * stores what is then to be freed in `joined`, NULL before. The mapping that shows its range then;
 * NULL, and nothing is done, if it would overlap one. */
struct mapping *mapping_insert_locked(struct mapping *mapping, struct mapping *joined[2]);

/* Lets the mapping before `va` show `size` bytes more, if they continue what it shows, nothing is
 * there, and what is behind does not continue them; NULL: make a new one. The space is locked. */
struct mapping *mapping_extend_locked(struct space *space, const struct memory *memory,
                                      uint64_t offset, uint64_t va, uint64_t size, uint32_t flags);

/* Takes [low, high), within `mapping`, out of it. `spare`, used and set to NULL if the rest is two
 * pieces. Returns true if nothing is left of it: it is in nobody's list then. */
bool mapping_cut_locked(struct mapping *mapping, uint64_t low, uint64_t high,
                        struct mapping **spare);

/* --- space_map.c --- */

/*
 * Shows [offset, offset + size) of the object at `va`: whole pages, bad_argument. exists: something
 * is there. denied: write and execute at once, in a space that may not. no_memory. Pages beyond
 * the object's end fault. The caller may have the object from a lookup only: bad_slot if it ends.
 * Flags that say nothing of what the mapping may have (SPACE_MAY) allow all.
 */
error_t space_map(struct space *space, struct memory *memory, uint64_t offset, uaddr_t va,
                  uint64_t size, uint32_t flags);

/* Unmaps what is in the range. no_memory if a mapping would have to be cut in two. */
error_t space_unmap(struct space *space, uaddr_t va, uint64_t size, uint64_t *done);

/* Gives what is mapped in the range new flags. bad_address: a part is not mapped; denied. */
error_t space_protect(struct space *space, uaddr_t va, uint64_t size, uint32_t flags,
                      uint64_t *done);

/* Moves mappings of [from, from + size), holes too, to `to`, where nothing may be: exists. Ranges
 * that overlap: bad_argument. */
error_t space_move(struct space *space, uaddr_t from, uaddr_t to, uint64_t size, uint64_t *done);

/* Up to `max` mappings from the one that has `va` or follows it; returns how many. */
uint32_t space_list(struct space *space, uaddr_t va, struct mapping_info *infos, uint32_t max);

/* Makes present and enters into the tables what is mapped in the range, as a fault would. */
error_t space_populate(struct space *space, uaddr_t va, uint64_t size, uint32_t access,
                       struct page_request *request, uint64_t *done);

/* The object that shows `va`, memory until this CPU leaves the kernel, and the offset there.
 * bad_address. */
error_t space_memory_at(struct space *space, uaddr_t va, struct memory **memory, uint64_t *offset);

/* --- space_clone.c --- */

/*
 * A piece of cloning all mappings of `from` into the empty `to`. *next is 0 at first, then what the
 * last call stored; SPACE_END when all is done. Errors as of memory_clone and space_map.
 */
error_t space_clone(struct space *from, struct space *to, uint64_t *next,
                    struct page_request *request);
