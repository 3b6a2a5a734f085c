/*
 * The kernel heap: slabs of equal blocks up to half a slab, blocks of whole frames above, up to
 * 1 MiB (row M3).
 *
 * Life cycle of a block: kmalloc -> used -> kfree. In debug builds freed blocks are poisoned and
 * checked when they are given out again, and a red zone behind each block is checked at kfree.
 * Locks: one per size class (rank heap), above the frame allocator's.
 */
#pragma once

#include "lib/types.h"

#define HEAP_MIN 64
#define HEAP_MAX MIB

struct heap_stats {
    uint64_t used_blocks, used_bytes; /* bytes rounded to size classes; what is leaked, if quiet */
    uint64_t allocated, freed;        /* blocks, since boot */
    uint64_t frames;                  /* frames that the heap holds */
};

/* Boot, once, before the first kmalloc. */
void heap_init(void);

/* `size` bytes (1 to HEAP_MAX), aligned to 64; NULL if there is no memory. Contents undefined. */
void *kmalloc(size_t size);

/* The same, zeroed. */
void *kmalloc_zero(size_t size);

/*
 * Gives a block back; NULL is allowed. In debug builds a double free or a broken red zone is
 * asserted; in release builds most double frees are.
 */
void kfree(void *block);

/* The whole heap (class < 0) or one size class. */
void heap_stats(int class_index, struct heap_stats *stats);
int heap_class_count(void);
size_t heap_class_size(int class_index);
