/*
 * Page frames: a buddy allocator per NUMA node, with a small cache of single frames per CPU.
 *
 * Every RAM frame that the allocator ever manages has a `struct frame` in the frame database, a
 * virtual array indexed by frame number at ARCH_FRAME_BASE (arch/mmu.h). Boot touches neither
 * all frames nor all of the database: a region's frames stay untouched until the free lists
 * are empty; then the next piece of them is put into the lists, which writes one entry.
 *
 * Only the entry of a block's first frame (its head) means anything to the allocator. While a
 * block is used, its owner may use `next`, `prev` and `references` of the head and the whole
 * entries of the other frames as it likes.
 *
 * Life cycle of a block: untouched -> free (in a buddy list or a CPU's cache) -> used -> free.
 * Locks: each node has one (rank frame); a CPU's cache is its own, interrupts off.
 * Files: frame.c (this interface, caches, choice of node) over buddy.c (one node's lists).
 */
#pragma once

#include "arch/mmu.h"
#include "lib/error.h"
#include "lib/types.h"
#include <stdatomic.h>

#define FRAME_ORDER_MAX 18 /* 1 GiB */
#define FRAME_CHUNK     9  /* most order of a piece taken from the untouched, unless asked: 2 MiB */
#define FRAME_NONE      UINT32_MAX

enum frame_state {
    FRAME_INNER,  /* inside a block, not its head; also what a zeroed database says */
    FRAME_FREE,   /* head of a free block in a buddy list */
    FRAME_CACHED, /* in a CPU's cache */
    FRAME_USED,   /* head of an allocated block */
};

struct frame {
    uint32_t next, prev; /* neighbours in the free list, as frame numbers; the owner's if used */
    uint32_t references; /* the owner's; 1 when allocated, at most 1 when freed */
    uint8_t order;
    _Atomic(uint8_t) state; /* enum frame_state; see below */
    uint8_t node;           /* constant while it is a head */
    uint8_t region;         /* buddy.c: the region that it lies in */
};

/*
 * A block goes to and from a CPU's cache without a lock, while another CPU that frees the buddy
 * looks, with the node's lock, whether it is free. So `state` is atomic; relaxed is enough, for
 * FRAME_FREE is set and left under the lock only, and all other states say "no" alike.
 */
static inline enum frame_state frame_state(const struct frame *frame)
{
    return atomic_load_explicit(&frame->state, memory_order_relaxed);
}

_Static_assert(sizeof(struct frame) == 16, "the database costs 16 bytes per frame");

enum frame_flags {
    FRAME_ZERO = 1 << 0,      /* filled with zeros */
    FRAME_THIS_NODE = 1 << 1, /* fail rather than go to another node */
};

struct frame_stats {
    uint64_t total;     /* frames managed */
    uint64_t free;      /* frames to be had, untouched and cached ones included */
    uint64_t untouched; /* frames that were never in a list */
    uint64_t cached;    /* frames in caches of CPUs; exact when they are quiet */
    uint64_t free_blocks[FRAME_ORDER_MAX + 1];
};

/*
 * Gives RAM [base, base + size) (page aligned) of `node` to the allocator; the database entries
 * for it are mapped already. Boot only, one caller. full if the region table is, unsupported
 * beyond 16 TiB.
 */
error_t frame_add_region(phys_t base, uint64_t size, uint32_t node);

/*
 * Sets the order in which nodes are tried: nearest first by `distance(from, to)`, equal ones by
 * number. Boot only, after all regions. Without it they are tried in the order of their numbers.
 */
void frame_order_nodes(uint32_t node_count, uint32_t (*distance)(uint32_t from, uint32_t to));

/*
 * Allocates 2^order frames, contiguous and aligned to their size, of `node` or the nearest that
 * has them. no_memory if there are none; the result's reference count is 1. Frames in the caches
 * of other CPUs (2 * FRAME_CACHE_SIZE each at most) are out of reach.
 */
error_t frame_alloc(uint32_t order, uint32_t node, uint32_t flags, phys_t *frame);

/* Frees a block that frame_alloc gave, with the same order. Freeing twice is asserted. */
void frame_free(phys_t frame, uint32_t order);

/* Makes a block that frame_alloc gave one frame and, behind it, blocks of order 0, 1 ... order - 1.
 */
void frame_split(phys_t block, uint32_t order);

/* The same for one frame that is all zero: who asks for such a one gets it as it is. */
void frame_free_zero(phys_t frame);

/* The database entry of frame `number`. */
static inline struct frame *frame_at(uint32_t number)
{
    return arch_frame_base() + number;
}

/* The same of a managed frame by its address. */
static inline struct frame *frame_of(phys_t address)
{
    return frame_at((uint32_t)(address.pa >> PAGE_SHIFT));
}

uint32_t frame_node_count(void);
void frame_stats(uint32_t node, struct frame_stats *stats);

/* Gives the calling CPU's cached frames back to their node. */
void frame_cache_drain(void);

/* Forgets all regions, for a simulated machine that starts anew. CPUs' caches are the caller's. */
void frame_reset(void);
