/* The block device (virtio/block.h). */
#include "virtio/block.h"
#include "lib/string.h"

#define FEATURE_PART_BYTES VIRTIO_FEATURE(1)
#define FEATURE_PARTS      VIRTIO_FEATURE(2)
#define FEATURE_READ_ONLY  VIRTIO_FEATURE(5)
#define FEATURE_BLOCK      VIRTIO_FEATURE(6)
#define FEATURE_FLUSH      VIRTIO_FEATURE(9)

/* The configuration, as far as it is read (section 5.2.4). */
struct config {
    uint64_t sectors;
    uint32_t part_bytes, parts;
    uint8_t geometry[4];
    uint32_t block_bytes;
};

/* A request's own part of the page: what the device reads, and the byte that it writes. */
struct header {
    uint32_t kind, reserved;
    uint64_t sector;
    uint8_t result, unused[15];
};
#define HEADER_BYTES offsetof(struct header, result)
_Static_assert(sizeof(struct header) * VIRTIO_QUEUE_MAX <= PAGE_SIZE, "all are in one page");
enum { RESULT_OK, RESULT_FAILED, RESULT_UNSUPPORTED, RESULT_NONE = 0xff };

static volatile struct header *header_of(const struct block *block, uint32_t n)
{
    return (volatile struct header *)block->headers.bytes + n;
}

/* --- opening --- */

static error_t config_take(struct block *block)
{
    struct config config = {0};
    struct virtio *virtio = block->virtio;
    error_t error = virtio_config_read(virtio, 0, &config, sizeof(config));
    if (error != OK)
        return error;
    block->sectors = config.sectors;
    block->block_bytes = virtio_has(virtio, FEATURE_BLOCK) ? config.block_bytes : BLOCK_SECTOR;
    block->parts_most = virtio_has(virtio, FEATURE_PARTS) ? config.parts : BLOCK_PARTS_MAX;
    block->parts_most = (uint32_t)min_u64(block->parts_most, BLOCK_PARTS_MAX);
    block->part_bytes = virtio_has(virtio, FEATURE_PART_BYTES) ? config.part_bytes : PAGE_SIZE;
    block->part_bytes = (uint32_t)min_u64(block->part_bytes, PAGE_SIZE);
    block->read_only = virtio_has(virtio, FEATURE_READ_ONLY);
    block->flushes = virtio_has(virtio, FEATURE_FLUSH);
    bool sound = block->parts_most != 0 && block->part_bytes >= BLOCK_SECTOR &&
                 block->block_bytes != 0 && block->block_bytes % BLOCK_SECTOR == 0 &&
                 block->sectors <= UINT64_MAX / BLOCK_SECTOR;
    return sound ? OK : ERR_malformed;
}

static error_t parts_make(struct block *block)
{
    struct virtio *virtio = block->virtio;
    error_t error = dma_memory_make(virtio->home, virtio->device, 1, &block->headers);
    if (error != OK)
        return error;
    error = virtio_queue_open(&block->queue, virtio, 0, VIRTIO_QUEUE_MAX);
    if (error == OK && block->queue.size < 3)
        block->parts_most = 0; /* header, data, result */
    else if (error == OK)
        block->parts_most = (uint32_t)min_u64(block->parts_most, block->queue.size - 2u);
    if (error == OK && block->parts_most != 0)
        return OK;
    if (error == OK && virtio_reset(virtio) == OK)
        virtio_queue_close(&block->queue);
    dma_memory_free(virtio->home, &block->headers);
    return error != OK ? error : ERR_malformed;
}

error_t block_open(struct block *block, struct virtio *virtio)
{
    const uint64_t wanted =
        FEATURE_PART_BYTES | FEATURE_PARTS | FEATURE_READ_ONLY | FEATURE_BLOCK | FEATURE_FLUSH;
    *block = (struct block){.virtio = virtio};
    memset(block->free, 0xff, sizeof(block->free));
    error_t error = virtio_begin(virtio, wanted, 0);
    if (error == OK)
        error = config_take(block);
    if (error == OK)
        error = parts_make(block);
    if (error == OK)
        virtio_ready(virtio);
    else
        virtio_fail(virtio);
    return error;
}

/* --- requests --- */

/* Whole sectors, all of them on the device. */
static error_t range_check(const struct block *block, uint64_t sector,
                           const struct virtio_part *parts, uint32_t count)
{
    uint64_t sectors = 0;
    if (count == 0 || count > block->parts_most)
        return ERR_bad_argument;
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].size == 0 || parts[i].size > block->part_bytes ||
            parts[i].size % BLOCK_SECTOR != 0)
            return ERR_bad_argument;
        sectors += parts[i].size / BLOCK_SECTOR;
    }
    return sector <= block->sectors && sectors <= block->sectors - sector ? OK : ERR_bad_argument;
}

static error_t request_check(const struct block *block, enum block_kind kind, uint64_t sector,
                             const struct virtio_part *parts, uint32_t count)
{
    switch (kind) {
    case BLOCK_FLUSH:
        return !block->flushes ? ERR_unsupported : count == 0 ? OK : ERR_bad_argument;
    case BLOCK_WRITE:
        if (block->read_only)
            return ERR_denied;
        return range_check(block, sector, parts, count);
    case BLOCK_READ:
        return range_check(block, sector, parts, count);
    }
    return ERR_bad_argument;
}

/* The number of a request that is free; VIRTIO_QUEUE_MAX: none is. */
static uint32_t free_find(const struct block *block)
{
    for (uint32_t word = 0; word < COUNT_OF(block->free); word++)
        if (block->free[word] != 0)
            return word * 64 + (uint32_t)__builtin_ctzll(block->free[word]);
    return VIRTIO_QUEUE_MAX;
}

/* Header, data, result. */
static error_t request_add(struct block *block, enum block_kind kind, uint32_t n,
                           const struct virtio_part *parts, uint32_t count)
{
    struct virtio_part all[BLOCK_PARTS_MAX + 2];
    uint64_t at = dma_address(&block->headers, n * sizeof(struct header));
    all[0] = (struct virtio_part){at, HEADER_BYTES};
    for (uint32_t i = 0; i < count; i++)
        all[1 + i] = parts[i];
    all[1 + count] = (struct virtio_part){at + HEADER_BYTES, 1};
    uint32_t in = kind == BLOCK_READ ? count + 1 : 1;
    return virtio_queue_add(&block->queue, all, count + 2 - in, in, n);
}

error_t block_submit(struct block *block, enum block_kind kind, uint64_t sector,
                     const struct virtio_part *parts, uint32_t count, uint64_t tag)
{
    error_t error = request_check(block, kind, sector, parts, count);
    uint32_t n = free_find(block);
    if (error == OK && n == VIRTIO_QUEUE_MAX)
        error = ERR_full;
    if (error != OK)
        return error;
    volatile struct header *header = header_of(block, n);
    header->kind = kind;
    header->reserved = 0;
    header->sector = kind == BLOCK_FLUSH ? 0 : sector;
    header->result = RESULT_NONE;
    error = request_add(block, kind, n, parts, count);
    if (error != OK)
        return error;
    block->free[n / 64] &= ~(UINT64_C(1) << n % 64);
    block->tags[n] = tag;
    return OK;
}

error_t block_take(struct block *block, uint64_t *tag, enum block_result *result)
{
    uint64_t n = 0;
    uint32_t written = 0;
    error_t error = virtio_queue_take(&block->queue, &n, &written);
    if (error != OK)
        return error;
    uint8_t said = header_of(block, (uint32_t)n)->result;
    *tag = block->tags[n];
    *result = said == RESULT_OK            ? BLOCK_DONE
              : said == RESULT_UNSUPPORTED ? BLOCK_UNSUPPORTED
                                           : BLOCK_FAILED;
    block->free[n / 64] |= UINT64_C(1) << n % 64;
    return OK;
}

void block_close(struct block *block)
{
    if (virtio_reset(block->virtio) != OK)
        return; /* it may write still: its memory stays its own */
    virtio_queue_close(&block->queue);
    dma_memory_free(block->virtio->home, &block->headers);
}
