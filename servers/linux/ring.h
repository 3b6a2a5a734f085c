/* Bytes first in, first out, in a buffer of fixed size that is a part of something else. */
#ifndef LINUX_RING_H
#define LINUX_RING_H

#include "lib/types.h"

#define RING_SIZE 4096 /* bytes; a power of two */

struct ring {
    uint64_t in, out; /* bytes ever put and taken */
    uint8_t bytes[RING_SIZE];
};

static inline uint32_t ring_used(const struct ring *ring)
{
    return (uint32_t)(ring->in - ring->out);
}

static inline uint32_t ring_free(const struct ring *ring)
{
    return RING_SIZE - ring_used(ring);
}

/* After a look at ring_free. */
static inline void ring_put(struct ring *ring, uint8_t byte)
{
    ring->bytes[ring->in++ & (RING_SIZE - 1)] = byte;
}

/* The first bytes that lie together: where, and how many. Taken by adding to `out`. */
static inline const uint8_t *ring_piece(const struct ring *ring, uint32_t *size)
{
    uint32_t at = (uint32_t)(ring->out & (RING_SIZE - 1));
    *size = (uint32_t)min_u64(ring_used(ring), RING_SIZE - at);
    return ring->bytes + at;
}

/* Puts as many as there is room for: how many. */
static inline uint32_t ring_fill(struct ring *ring, const uint8_t *from, uint64_t size)
{
    uint32_t count = (uint32_t)min_u64(size, ring_free(ring));
    for (uint32_t i = 0; i < count; i++)
        ring_put(ring, from[i]);
    return count;
}

#endif
