/*
 * The entropy device (virtio 1.1, section 5.4): random bytes of the host.
 *
 * A page of it is asked for ahead; reading takes from that, and asks again when it is used up. On
 * an interrupt of the device: virtio_acknowledge, then read again.
 */
#ifndef VIRTIO_ENTROPY_H
#define VIRTIO_ENTROPY_H

#include "virtio/queue.h"

struct entropy {
    struct virtio *virtio;
    struct virtio_queue queue;
    struct dma_memory buffer; /* one page */
    uint32_t have, used;      /* bytes in it */
};

/* Begins the device and asks for bytes. Errors of virtio_begin and of queues. */
error_t entropy_open(struct entropy *entropy, struct virtio *virtio);

/*
 * Up to `size` bytes, at least one. would_block: none now, the device was asked; malformed: the
 * device is broken.
 */
error_t entropy_read(struct entropy *entropy, void *to, uint64_t size, uint64_t *done);

/* Resets the device, and gives its memory back. */
void entropy_close(struct entropy *entropy);

#endif
