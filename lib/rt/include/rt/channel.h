/*
 * A channel of bytes between two processes: two rings in shared memory, one each way.
 *
 *     page 0   struct rt_channel: heads, tails, flags       from page 1: bytes `out`, then bytes
 * `in`
 *
 * "out" goes from the client to the server. A ring's producer moves `head`, its consumer `tail`;
 * both count bytes for ever, and wrap. Who finds nothing to do says so (`sleeps`) and looks once
 * more; the other then signals. The other side is not trusted: what it writes is bounded by masks
 * and checked, so it can spoil the bytes but nothing else.
 */
#ifndef RT_CHANNEL_H
#define RT_CHANNEL_H

#include "lib/types.h"
#include <stdatomic.h>

#define RT_RING_BYTES    UINT32_C(0x10000)
#define RT_CHANNEL_BYTES (0x1000 + 2 * (uint64_t)RT_RING_BYTES)

struct rt_ring {
    _Atomic(uint32_t) head;    /* written by the producer */
    _Atomic(uint32_t) closed;  /* by the producer: nothing more will come */
    _Atomic(uint32_t) waiting; /* by the producer: it has found no room */
    uint32_t pad0[13];
    _Atomic(uint32_t) tail;   /* by the consumer */
    _Atomic(uint32_t) sleeps; /* by the consumer: it has found nothing */
    uint32_t pad1[14];
};

struct rt_channel {
    struct rt_ring out, in;
};

/* One end of one ring: which bytes belong to it. */
struct rt_ring_end {
    struct rt_ring *ring;
    uint8_t *bytes;
};

static inline struct rt_ring_end rt_channel_out(void *channel)
{
    return (struct rt_ring_end){&((struct rt_channel *)channel)->out, (uint8_t *)channel + 0x1000};
}

static inline struct rt_ring_end rt_channel_in(void *channel)
{
    return (struct rt_ring_end){&((struct rt_channel *)channel)->in,
                                (uint8_t *)channel + 0x1000 + RT_RING_BYTES};
}

/* Bytes that stand in it; RT_RING_BYTES at most, whatever the other side has written. */
uint32_t rt_ring_used(const struct rt_ring_end *end);

/*
 * Producer: puts up to `size` bytes; how many. With fewer than all, it is told (signal) when there
 * is room. *signal: the consumer is to be signalled.
 */
uint32_t rt_ring_put(struct rt_ring_end *end, const void *from, uint32_t size, bool *signal);
void rt_ring_close(struct rt_ring_end *end);

/*
 * Consumer: takes up to `size` bytes; how many. With 0, it is told when there are some, or when the
 * ring is closed. *signal: the producer is to be signalled.
 */
uint32_t rt_ring_get(struct rt_ring_end *end, void *to, uint32_t size, bool *signal);
/* Closed, and nothing is in it. */
bool rt_ring_ended(const struct rt_ring_end *end);

#endif
