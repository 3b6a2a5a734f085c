/* The entropy device (virtio/entropy.h). */
#include "virtio/entropy.h"
#include "lib/string.h"

static error_t ask(struct entropy *entropy)
{
    const struct virtio_part part = {dma_address(&entropy->buffer, 0), PAGE_SIZE};
    error_t error = virtio_queue_add(&entropy->queue, &part, 0, 1, 0);
    if (error == OK)
        virtio_queue_notify(&entropy->queue);
    return error;
}

static error_t parts_make(struct entropy *entropy, struct virtio *virtio)
{
    error_t error = dma_memory_make(virtio->home, virtio->device, 1, &entropy->buffer);
    if (error != OK)
        return error;
    error = virtio_queue_open(&entropy->queue, virtio, 0, 1);
    if (error != OK)
        dma_memory_free(virtio->home, &entropy->buffer);
    return error;
}

error_t entropy_open(struct entropy *entropy, struct virtio *virtio)
{
    *entropy = (struct entropy){.virtio = virtio};
    error_t error = virtio_begin(virtio, 0, 0);
    if (error == OK)
        error = parts_make(entropy, virtio);
    if (error != OK)
        return error;
    virtio_ready(virtio);
    return ask(entropy);
}

/* What the device has written by now, if all before is used up. */
static error_t fetch(struct entropy *entropy)
{
    uint64_t tag;
    uint32_t written = 0;
    if (entropy->used < entropy->have)
        return OK;
    error_t error = virtio_queue_take(&entropy->queue, &tag, &written);
    if (error == OK && written == 0)
        error = ERR_malformed; /* section 5.4.6.2: it has to give some */
    entropy->used = 0;
    entropy->have = error == OK ? written : 0;
    return error;
}

/* Bytes that were given to somebody are nowhere else. */
error_t entropy_read(struct entropy *entropy, void *to, uint64_t size, uint64_t *done)
{
    error_t error = size != 0 ? fetch(entropy) : ERR_bad_argument;
    if (error != OK)
        return error;
    uint32_t part = (uint32_t)min_u64(size, entropy->have - entropy->used);
    uint8_t *from = entropy->buffer.bytes + entropy->used;
    memcpy(to, from, part);
    memset(from, 0, part);
    entropy->used += part;
    *done = part;
    return entropy->used < entropy->have ? OK : ask(entropy);
}

void entropy_close(struct entropy *entropy)
{
    if (virtio_reset(entropy->virtio) != OK)
        return; /* it may write still: its memory stays its own */
    virtio_queue_close(&entropy->queue);
    dma_memory_free(entropy->virtio->home, &entropy->buffer);
}
