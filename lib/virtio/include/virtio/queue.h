/*
 * A split virtqueue (virtio 1.1, section 2.6): requests of buffers in memory that the device
 * reaches, given to it and taken back in any order.
 *
 *     free --add--> with the device --take--> free
 *
 * A request is a chain of buffers: first those that the device reads, then those that it writes;
 * each lies in one page (dma_address). `tag` is the driver's own word for it. All parts of the ring
 * lie in one page, for pages that a device sees are not contiguous.
 *
 * The device sees only the ring. Which requests are with it, and how much room they have, stands in
 * this struct: what it gives back is held against that. After `malformed` the queue gives nothing
 * more; its device has to be reset.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include "virtio/device.h"

struct virtio_part {
    uint64_t address; /* for the device */
    uint32_t size;
};

struct virtio_request {
    uint16_t next;  /* free ones, and the parts of a request: the one behind */
    uint16_t count; /* parts, if it is the first of a request that is with the device; else 0 */
    uint32_t room;  /* what the device may write */
    uint64_t tag;
};

struct virtio_queue {
    struct virtio *virtio;
    struct dma_memory ring;
    uint16_t index; /* of the device's queues */
    uint16_t size;  /* entries: a power of two */
    uint16_t free_first, free_count;
    /* Requests since the queue began, as the ring counts them: */
    uint16_t added, told, taken; /* told: that the device was notified of */
    bool broken;
    struct virtio_request requests[VIRTIO_QUEUE_MAX];
};

/*
 * Of up to `size` entries (at most VIRTIO_QUEUE_MAX), after virtio_begin and before virtio_ready.
 * not_found: the device has no such queue; errors of memory.
 */
error_t virtio_queue_open(struct virtio_queue *queue, struct virtio *virtio, uint16_t index,
                          uint32_t size);

/* After the device's reset: gives the ring's memory back. */
void virtio_queue_close(struct virtio_queue *queue);

/*
 * Gives the device `out` parts to read, then `in` parts to write. full: too few entries are free;
 * bad_argument: no parts, or more than the queue has. It may look only after virtio_queue_notify.
 */
error_t virtio_queue_add(struct virtio_queue *queue, const struct virtio_part *parts, uint32_t out,
                         uint32_t in, uint64_t tag);

/* Tells the device of what was added since it was told last, if it wants to be told. */
void virtio_queue_notify(struct virtio_queue *queue);

/*
 * Takes a request that the device is done with, and how many bytes it wrote (at most the room
 * that it had). would_block: none; malformed: the device gave back what it does not have.
 */
error_t virtio_queue_take(struct virtio_queue *queue, uint64_t *tag, uint32_t *written);

/*
 * Whether the device is to interrupt when it gives something back; it may all the same. After
 * switching on, look once more: what came before is not told.
 */
void virtio_queue_interrupts(struct virtio_queue *queue, bool on);

#endif
