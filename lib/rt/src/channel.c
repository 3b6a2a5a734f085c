/* Rings of channels (rt/channel.h). */
#include "rt/channel.h"
#include "lib/string.h"

#define MASK (RT_RING_BYTES - 1)
_Static_assert((RT_RING_BYTES & MASK) == 0, "indices wrap by a mask");
_Static_assert(sizeof(struct rt_channel) <= 0x1000, "the header is a page");

static uint32_t difference(uint32_t head, uint32_t tail)
{
    uint32_t used = head - tail;
    return used <= RT_RING_BYTES ? used : RT_RING_BYTES;
}

uint32_t rt_ring_used(const struct rt_ring_end *end)
{
    return difference(atomic_load_explicit(&end->ring->head, memory_order_acquire),
                      atomic_load_explicit(&end->ring->tail, memory_order_acquire));
}

/* [at, at + size) of the ring, which may go around its end. */
static void copy_in(uint8_t *bytes, uint32_t at, const uint8_t *from, uint32_t size)
{
    uint32_t first = RT_RING_BYTES - (at & MASK);
    first = first < size ? first : size;
    memcpy(bytes + (at & MASK), from, first);
    memcpy(bytes, from + first, size - first);
}

static void copy_out(const uint8_t *bytes, uint32_t at, uint8_t *to, uint32_t size)
{
    uint32_t first = RT_RING_BYTES - (at & MASK);
    first = first < size ? first : size;
    memcpy(to, bytes + (at & MASK), first);
    memcpy(to + first, bytes, size - first);
}

static uint32_t room(const struct rt_ring *ring, uint32_t head, uint32_t size)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t free = RT_RING_BYTES - difference(head, tail);
    return free < size ? free : size;
}

uint32_t rt_ring_put(struct rt_ring_end *end, const void *from, uint32_t size, bool *signal)
{
    struct rt_ring *ring = end->ring;
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t part = room(ring, head, size);
    if (part <
        size) { /* say so, then look once more: whoever made room meanwhile has not seen it */
        atomic_store(&ring->waiting, 1);
        atomic_thread_fence(memory_order_seq_cst);
        part = room(ring, head, size);
    }
    copy_in(end->bytes, head, from, part);
    atomic_store_explicit(&ring->head, head + part, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    *signal = part != 0 && atomic_exchange(&ring->sleeps, 0) != 0;
    return part;
}

void rt_ring_close(struct rt_ring_end *end)
{
    atomic_store(&end->ring->closed, 1);
}

static uint32_t stock(const struct rt_ring *ring, uint32_t tail, uint32_t size)
{
    uint32_t used = difference(atomic_load_explicit(&ring->head, memory_order_acquire), tail);
    return used < size ? used : size;
}

uint32_t rt_ring_get(struct rt_ring_end *end, void *to, uint32_t size, bool *signal)
{
    struct rt_ring *ring = end->ring;
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t part = stock(ring, tail, size);
    if (part == 0) {
        atomic_store(&ring->sleeps, 1);
        atomic_thread_fence(memory_order_seq_cst);
        part = stock(ring, tail, size);
    }
    copy_out(end->bytes, tail, to, part);
    atomic_store_explicit(&ring->tail, tail + part, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    *signal = part != 0 && atomic_exchange(&ring->waiting, 0) != 0;
    return part;
}

bool rt_ring_ended(const struct rt_ring_end *end)
{
    return atomic_load(&end->ring->closed) != 0 && rt_ring_used(end) == 0;
}
