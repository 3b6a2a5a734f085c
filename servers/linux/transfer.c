/* Bytes on their way (transfer.h). */
#include "transfer.h"
#include <string.h>

void transfer_user(struct transfer *transfer, struct task *task, uaddr_t base, uint64_t size)
{
    transfer->bytes = NULL;
    ranges_one(&transfer->ranges, task, base, min_u64(size, TRANSFER_MAX));
}

int64_t transfer_vector(struct transfer *transfer, struct task *task, uaddr_t vector,
                        uint64_t count)
{
    transfer->bytes = NULL;
    int64_t result = ranges_vector(&transfer->ranges, task, vector, count);
    transfer->ranges.left = min_u64(transfer->ranges.left, TRANSFER_MAX);
    return result;
}

void transfer_bytes(struct transfer *transfer, void *bytes, uint64_t size)
{
    static uint8_t none[1];
    transfer->bytes = bytes != NULL ? bytes : none;
    transfer->left = size;
}

uint64_t transfer_left(const struct transfer *transfer)
{
    return transfer->bytes != NULL ? transfer->left : transfer->ranges.left;
}

/* The next `*size` bytes of the server's memory, or fewer: *size says how many. */
static uint8_t *transfer_take(struct transfer *transfer, uint64_t *size)
{
    uint8_t *at = transfer->bytes;
    *size = min_u64(*size, transfer->left);
    transfer->bytes += *size;
    transfer->left -= *size;
    return at;
}

int64_t transfer_put(struct transfer *transfer, const void *from, uint64_t size)
{
    if (transfer->bytes == NULL)
        return ranges_put(&transfer->ranges, from, size);
    uint8_t *to = transfer_take(transfer, &size);
    memcpy(to, from, size);
    return (int64_t)size;
}

int64_t transfer_get(struct transfer *transfer, void *to, uint64_t size)
{
    if (transfer->bytes == NULL)
        return ranges_get(&transfer->ranges, to, size);
    const uint8_t *from = transfer_take(transfer, &size);
    memcpy(to, from, size);
    return (int64_t)size;
}

int64_t transfer_zero(struct transfer *transfer, uint64_t size)
{
    if (transfer->bytes == NULL)
        return ranges_zero(&transfer->ranges, size);
    uint8_t *to = transfer_take(transfer, &size);
    memset(to, 0, size);
    return (int64_t)size;
}

int64_t transfer_skip(struct transfer *transfer, uint64_t size)
{
    if (transfer->bytes == NULL)
        return ranges_skip(&transfer->ranges, size);
    (void)transfer_take(transfer, &size);
    return (int64_t)size;
}
