/* Split virtqueues (virtio/queue.h; the ring: virtio 1.1, sections 2.6.5 to 2.6.14). */
#include "virtio/queue.h"
#include <sys_arch.h>

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};
enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 };

struct available {
    uint16_t flags, index;
    uint16_t ring[VIRTIO_QUEUE_MAX];
};
enum { AVAILABLE_QUIET = 1 };

struct used {
    uint16_t flags, index;
    struct {
        uint32_t id, size;
    } ring[VIRTIO_QUEUE_MAX];
};
enum { USED_QUIET = 1 };

/* The parts at their places in the page, each as if there were all entries. */
struct ring {
    struct descriptor descriptors[VIRTIO_QUEUE_MAX];
    struct available available;
    struct used used;
};
_Static_assert(sizeof(struct ring) <= PAGE_SIZE, "a ring is in one page");
_Static_assert(offsetof(struct ring, used) % 4 == 0, "its parts are aligned");

static volatile struct ring *ring_of(const struct virtio_queue *queue)
{
    return (volatile struct ring *)queue->ring.bytes;
}

static error_t ring_make(struct virtio_queue *queue)
{
    error_t error = dma_memory_make(queue->virtio->home, queue->virtio->device, 1, &queue->ring);
    if (error != OK)
        return error;
    uint64_t page = dma_address(&queue->ring, 0);
    const struct virtio_ring ring = {
        .size = queue->size,
        .descriptors = page + offsetof(struct ring, descriptors),
        .available = page + offsetof(struct ring, available),
        .used = page + offsetof(struct ring, used),
    };
    error = queue->virtio->transport->queue_set(queue->virtio, queue->index, &ring);
    if (error != OK)
        virtio_queue_close(queue);
    return error;
}

error_t virtio_queue_open(struct virtio_queue *queue, struct virtio *virtio, uint16_t index,
                          uint32_t size)
{
    uint32_t most = virtio->transport->queue_size(virtio, index), entries = 1;
    if (most == 0)
        return ERR_not_found;
    while (UINT64_C(2) * entries <= min_u64(min_u64(size, most), VIRTIO_QUEUE_MAX))
        entries *= 2;
    *queue = (struct virtio_queue){.virtio = virtio,
                                   .index = index,
                                   .size = (uint16_t)entries,
                                   .free_count = (uint16_t)entries};
    for (uint32_t i = 0; i < entries; i++)
        queue->requests[i].next = (uint16_t)(i + 1);
    return ring_make(queue);
}

void virtio_queue_close(struct virtio_queue *queue)
{
    dma_memory_free(queue->virtio->home, &queue->ring);
}

/* Takes `count` free entries, which are linked already; the first one. */
static uint16_t chain_take(struct virtio_queue *queue, const struct virtio_part *parts,
                           uint32_t out, uint32_t count)
{
    uint16_t first = queue->free_first;
    volatile struct descriptor *descriptors = ring_of(queue)->descriptors;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t at = queue->free_first;
        uint32_t flags = (i + 1 < count ? DESCRIPTOR_NEXT : 0) | (i < out ? 0 : DESCRIPTOR_WRITE);
        queue->free_first = queue->requests[at].next;
        descriptors[at].address = parts[i].address;
        descriptors[at].size = parts[i].size;
        descriptors[at].flags = (uint16_t)flags;
        descriptors[at].next = queue->free_first;
    }
    queue->free_count = (uint16_t)(queue->free_count - count);
    return first;
}

static void chain_free(struct virtio_queue *queue, uint16_t first)
{
    uint16_t count = queue->requests[first].count, last = first;
    for (uint16_t i = 1; i < count; i++)
        last = queue->requests[last].next;
    queue->requests[first].count = 0;
    queue->requests[last].next = queue->free_first;
    queue->free_first = first;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

error_t virtio_queue_add(struct virtio_queue *queue, const struct virtio_part *parts, uint32_t out,
                         uint32_t in, uint64_t tag)
{
    uint32_t count = out + in, room = 0;
    if (count == 0 || out > queue->size || in > queue->size || count > queue->size)
        return ERR_bad_argument;
    if (count > queue->free_count || queue->broken)
        return ERR_full;
    for (uint32_t i = out; i < count; i++)
        room += parts[i].size;
    uint16_t first = chain_take(queue, parts, out, count);
    queue->requests[first].count = (uint16_t)count;
    queue->requests[first].room = room;
    queue->requests[first].tag = tag;
    volatile struct available *available = &ring_of(queue)->available;
    available->ring[queue->added % queue->size] = first;
    queue->added++;
    sys_device_fence(); /* the chain before the count that shows it */
    available->index = queue->added;
    return OK;
}

void virtio_queue_notify(struct virtio_queue *queue)
{
    if (queue->told == queue->added)
        return; /* a device may interrupt whenever it is told, so this could go on for ever */
    queue->told = queue->added;
    sys_device_fence(); /* the count before the look whether it is waited for */
    if ((ring_of(queue)->used.flags & USED_QUIET) == 0)
        queue->virtio->transport->queue_notify(queue->virtio, queue->index);
}

static error_t broken(struct virtio_queue *queue)
{
    queue->broken = true;
    return ERR_malformed;
}

error_t virtio_queue_take(struct virtio_queue *queue, uint64_t *tag, uint32_t *written)
{
    volatile struct used *used = &ring_of(queue)->used;
    uint16_t ready = (uint16_t)(used->index - queue->taken);
    if (queue->broken)
        return ERR_malformed;
    if (ready == 0)
        return ERR_would_block;
    if (ready > (uint16_t)(queue->added - queue->taken))
        return broken(queue);
    sys_device_fence(); /* the count before what it counts, and before the buffers */
    uint32_t id = used->ring[queue->taken % queue->size].id;
    uint32_t size = used->ring[queue->taken % queue->size].size;
    if (id >= queue->size || queue->requests[id].count == 0 || size > queue->requests[id].room)
        return broken(queue);
    *tag = queue->requests[id].tag;
    *written = size;
    chain_free(queue, (uint16_t)id);
    queue->taken++;
    return OK;
}

void virtio_queue_interrupts(struct virtio_queue *queue, bool on)
{
    ring_of(queue)->available.flags = on ? 0 : AVAILABLE_QUIET;
    sys_device_fence();
}
