/*
 * The buddy lists of one NUMA node, and the regions of RAM that feed them. Behind frame.h; for
 * frame.c and the checks of selftest/ alone.
 *
 * Life cycle of a region: buddy_add_region at boot; its frontier then moves from `first` to
 * `end`, and never back. Frames below the frontier are tiled by blocks whose heads have valid
 * entries; those above have no entry worth reading.
 */
#pragma once

#include "lib/config.h"
#include "mem/frame.h"
#include "sync/spinlock.h"

#define BUDDY_REGIONS_MAX 256 /* struct frame keeps the index in a byte */

struct buddy_region {
    uint32_t first, end; /* frame numbers; constant */
    uint32_t frontier;   /* [frontier, end) is untouched; lock of the node */
    uint32_t node;       /* constant */
};

struct buddy_node {
    struct spinlock lock;
    uint64_t total;                       /* constant after boot */
    uint64_t free;                        /* frames in the lists; lock */
    uint64_t untouched;                   /* lock */
    uint32_t listed;                      /* bit k: list k is not empty; lock */
    uint32_t first[FRAME_ORDER_MAX + 1];  /* heads of the lists, if listed; lock */
    uint32_t blocks[FRAME_ORDER_MAX + 1]; /* lengths of the lists; lock */
};

extern struct buddy_region buddy_regions[]; /* ascending in time, not address */
extern uint32_t buddy_region_count;         /* constant after boot */
extern struct buddy_node buddy_nodes[];

static inline void frame_set_state(struct frame *frame, enum frame_state state)
{
    atomic_store_explicit(&frame->state, (uint8_t)state, memory_order_relaxed);
}

/* True if the block that starts at `number` is free, of that order, and may join in `region`. */
static inline bool buddy_joins(uint32_t number, uint32_t order, const struct buddy_region *region)
{
    if (number < region->first || number >= region->frontier)
        return false;
    if (region->frontier - number < (1u << order))
        return false;
    const struct frame *frame = frame_at(number);
    return frame_state(frame) == FRAME_FREE && frame->order == order;
}

/* Gives frames [first, end) of `node`. Boot only, one caller. full if the table is. */
error_t buddy_add_region(uint32_t first, uint32_t end, uint32_t node);

/*
 * Takes up to `count` blocks of `node`, puts their heads into `state` (FRAME_USED or
 * FRAME_CACHED) and stores their numbers; returns how many there were.
 */
uint32_t buddy_take(uint32_t node, uint32_t order, enum frame_state state, uint32_t *numbers,
                    uint32_t count);

/* A used block becomes its first frame and blocks of order 0, 1 ... order - 1, used too. */
void buddy_split(uint32_t number, uint32_t order);

/* Gives `count` blocks of `node` back to its lists. */
void buddy_give(uint32_t node, uint32_t order, const uint32_t *numbers, uint32_t count);

/* Fills everything but `cached`, and `free` without it. */
void buddy_stats(uint32_t node, struct frame_stats *stats);

/* Forgets all regions (frame_reset). */
void buddy_reset(void);
