/*
 * A CPU's own stock of single frames of its own node (frame.h). Touched by that CPU alone,
 * interrupts off; others may read `count` for statistics.
 */
#pragma once

#include "lib/types.h"
#include <stdatomic.h>

#define FRAME_CACHE_SIZE 64

struct frame_cache {
    _Atomic(uint32_t) count;
    uint32_t numbers[FRAME_CACHE_SIZE]; /* frame numbers, the last in first out */
};
