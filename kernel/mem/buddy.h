/*
 * The buddy lists of one NUMA node, and the regions of RAM that feed them. Behind frame.h; for
 * frame.c alone.
 *
 * Life cycle of a region: buddy_add_region at boot; its frontier then moves from `first` to
 * `end`, and never back. Frames below the frontier are tiled by blocks whose heads have valid
 * entries; those above have no entry worth reading.
 */
#ifndef MEM_BUDDY_H
#define MEM_BUDDY_H

#include "mem/frame.h"

static inline void frame_set_state(struct frame *frame, enum frame_state state)
{
    atomic_store_explicit(&frame->state, (uint8_t)state, memory_order_relaxed);
}

/* Gives frames [first, end) of `node`. Boot only, one caller. full if the table is. */
error_t buddy_add_region(uint32_t first, uint32_t end, uint32_t node);

/*
 * Takes up to `count` blocks of `node`, puts their heads into `state` (FRAME_USED or
 * FRAME_CACHED) and stores their numbers; returns how many there were.
 */
uint32_t buddy_take(uint32_t node, uint32_t order, enum frame_state state, uint32_t *numbers,
                    uint32_t count);

/* Gives `count` blocks of `node` back to its lists. */
void buddy_give(uint32_t node, uint32_t order, const uint32_t *numbers, uint32_t count);

/* Fills everything but `cached`, and `free` without it. */
void buddy_stats(uint32_t node, struct frame_stats *stats);

void buddy_check(uint32_t node);

/* Forgets all regions (frame_reset). */
void buddy_reset(void);

#endif
