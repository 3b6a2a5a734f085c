/*
 * The block device (virtio 1.1, section 5.2): sectors of 512 bytes, read and written in any order.
 *
 *     submit --> with the device --take--> result
 *
 * The data's pages are the caller's, mapped for the device's DMA (dma_address): nothing is copied.
 * Header and result of each request lie in a page of the driver. On an interrupt of the device:
 * virtio_acknowledge, then take until would_block.
 */
#ifndef VIRTIO_BLOCK_H
#define VIRTIO_BLOCK_H

#include "virtio/queue.h"

#define BLOCK_SECTOR    512
#define BLOCK_PARTS_MAX 32 /* of one request */

enum block_kind { BLOCK_READ = 0, BLOCK_WRITE = 1, BLOCK_FLUSH = 4 };

/* What became of a request; what else a device says counts as failed. */
enum block_result { BLOCK_DONE, BLOCK_FAILED, BLOCK_UNSUPPORTED };

struct block {
    struct virtio *virtio;
    struct virtio_queue queue;
    struct dma_memory headers;            /* one page: a header and a result for each request */
    uint64_t free[VIRTIO_QUEUE_MAX / 64]; /* requests that are not with the device, a bit each */
    uint64_t tags[VIRTIO_QUEUE_MAX];
    uint64_t sectors;        /* the device's size */
    uint32_t block_bytes;    /* what it likes to be written at a time; a multiple of a sector */
    uint32_t parts_most;     /* of a request */
    uint32_t part_bytes;     /* of a part, at most */
    bool read_only, flushes; /* flushes: what was written is safe only after one */
};

/* Begins the device. malformed: its configuration makes no sense; errors of virtio_begin. */
error_t block_open(struct block *block, struct virtio *virtio);

/*
 * `count` parts (1 to parts_most), of whole sectors each, from a sector on; for a flush none. full:
 * take first; bad_argument: not on the device, or no whole sectors; denied: it is read-only.
 * block_notify lets the device begin.
 */
error_t block_submit(struct block *block, enum block_kind kind, uint64_t sector,
                     const struct virtio_part *parts, uint32_t count, uint64_t tag);

static inline void block_notify(struct block *block)
{
    virtio_queue_notify(&block->queue);
}

/* A request that is done. would_block: none; malformed: the device is broken. */
error_t block_take(struct block *block, uint64_t *tag, enum block_result *result);

/* Resets the device, and gives its memory back. What is with it is not taken any more. */
void block_close(struct block *block);

#endif
