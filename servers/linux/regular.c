/* Regular files of the in-memory tree (tmpfs.h). */
#include "clock.h"
#include "file.h"
#include "tmpfs.h"
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static slot_t archive_memory;
static uint64_t used_bytes, limit_bytes = UINT64_MAX;

void tmpfs_limit(uint64_t bytes)
{
    limit_bytes = bytes;
}

void tmpfs_archive(slot_t archive)
{
    archive_memory = archive;
}

uint64_t tmpfs_used(void)
{
    return used_bytes;
}

static int64_t regular_grow(struct regular *regular, uint64_t size)
{
    uint64_t before = regular->store.size;
    if (size > before && used_bytes + (size - before) > limit_bytes)
        return -ENOSPC;
    int64_t result = store_grow(&regular->store, size);
    used_bytes += regular->store.size - before;
    return result;
}

/* Its content comes into a store: a copy, for the archive's pages are a boot module's, which cannot
 * be cloned. */
static int64_t regular_own(struct regular *regular)
{
    if (regular->archive == NULL)
        return 0;
    if (used_bytes + regular->size > limit_bytes)
        return -ENOSPC;
    int64_t result = store_grow(&regular->store, regular->size);
    if (result == 0)
        result = store_write(&regular->store, 0, regular->archive, regular->size);
    if (result != 0) {
        store_drop(&regular->store);
        return result;
    }
    used_bytes += regular->store.size;
    regular->archive = NULL;
    return 0;
}

/* What a mapping's writer left behind the end becomes zero, up to `end` or the page's end. */
static int64_t tail_clear(struct regular *regular, uint64_t end)
{
    end = min_u64(end, align_up(regular->size, PAGE_SIZE));
    end = min_u64(end, regular->store.size);
    return end > regular->size ? store_zero(&regular->store, regular->size, end - regular->size)
                               : 0;
}

static void regular_wrote(struct regular *regular)
{
    regular->node.modified = regular->node.changed = (int64_t)clock_real();
    regular->node.mode &= ~(uint32_t)S_ISUID;
}

/* The object stays, however small: programs may have it mapped. */
static int64_t regular_shrink(struct regular *regular, uint64_t size)
{
    uint64_t end = max_u64(align_up(size, PAGE_SIZE), PAGE_SIZE), before = regular->store.size;
    if (before == 0)
        return 0;
    int64_t result = store_zero(&regular->store, size, min_u64(end, before) - size);
    if (result == 0)
        store_cut(&regular->store, end);
    used_bytes -= before - regular->store.size;
    return result;
}

int64_t regular_resize(struct regular *regular, uint64_t size)
{
    bool grows = size > regular->size;
    if ((regular->seals & (grows ? F_SEAL_GROW : F_SEAL_SHRINK)) != 0 && size != regular->size)
        return -EPERM;
    if (size > STORE_SIZE_MAX)
        return -EFBIG;
    if (size == 0)
        regular->archive = NULL;
    int64_t result = regular_own(regular);
    if (result == 0)
        result = grows ? regular_grow(regular, size) : 0;
    if (result == 0)
        result = grows ? tail_clear(regular, size) : regular_shrink(regular, size);
    if (result != 0)
        return result;
    regular->size = size;
    regular_wrote(regular);
    return 0;
}

int64_t regular_read(struct regular *regular, struct transfer *transfer, uint64_t offset)
{
    uint64_t size = offset < regular->size ? regular->size - offset : 0;
    size = min_u64(size, transfer_left(transfer));
    if (regular->node.accessed <= regular->node.modified) /* as relatime: most reads ask no clock */
        regular->node.accessed = (int64_t)clock_real();
    if (size == 0)
        return 0;
    if (regular->archive != NULL)
        return transfer_put(transfer, regular->archive + offset, size);
    if (transfer->bytes == NULL)
        return transfer_put(transfer, regular->store.base + offset, size);
    int64_t result = store_read(&regular->store, offset, transfer->bytes, size);
    return result != 0 ? result : transfer_skip(transfer, size);
}

/* Into pages that are there: the copy says itself if there is no budget for one. */
static int64_t regular_fill(struct regular *regular, struct transfer *transfer, uint64_t offset,
                            uint64_t size)
{
    if (transfer->bytes == NULL)
        return transfer_get(transfer, regular->store.base + offset, size);
    int64_t result = store_write(&regular->store, offset, transfer->bytes, size);
    return result != 0 ? result : transfer_skip(transfer, size);
}

static int64_t write_allowed(const struct regular *regular, uint64_t offset, uint64_t *size)
{
    if (offset >= STORE_SIZE_MAX)
        return -EFBIG;
    *size = min_u64(*size, STORE_SIZE_MAX - offset);
    if ((regular->seals & SEALS_WRITE) != 0)
        return -EPERM;
    return offset + *size > regular->size && (regular->seals & F_SEAL_GROW) != 0 ? -EPERM : 0;
}

int64_t regular_write(struct regular *regular, struct transfer *transfer, uint64_t offset)
{
    uint64_t size = transfer_left(transfer);
    if (size == 0)
        return 0;
    int64_t result = write_allowed(regular, offset, &size);
    if (result == 0)
        result = regular_own(regular);
    if (result == 0)
        result = regular_grow(regular, offset + size);
    if (result == 0 && offset > regular->size)
        result = tail_clear(regular, offset);
    if (result == 0)
        result = regular_fill(regular, transfer, offset, size);
    uint64_t end = result > 0 ? offset + (uint64_t)result : 0;
    if (end > regular->size)
        regular->size = end;
    if (result > 0)
        regular_wrote(regular);
    return result == -ENOMEM ? -ENOSPC : result;
}

int64_t regular_punch(struct regular *regular, uint64_t offset, uint64_t size)
{
    if ((regular->seals & F_SEAL_WRITE) != 0)
        return -EPERM;
    int64_t result = regular_own(regular);
    if (result != 0 || offset >= regular->store.size)
        return result;
    regular_wrote(regular);
    return store_zero(&regular->store, offset, min_u64(size, regular->store.size - offset));
}

static int64_t regular_truncate(struct node *node, uint64_t size)
{
    return regular_resize(regular_of(node), size);
}

static uint64_t regular_size(struct node *node)
{
    return regular_of(node)->size;
}

static void regular_release(struct node *node)
{
    struct regular *regular = regular_of(node);
    used_bytes -= regular->store.size;
    store_drop(&regular->store);
    free(regular);
}

/* --- an open one --- */

static int64_t file_regular_read(struct call *call, struct file *file, struct transfer *transfer,
                                 uint64_t offset)
{
    (void)call;
    return regular_read(regular_of(file->node), transfer, offset);
}

static int64_t file_regular_write(struct call *call, struct file *file, struct transfer *transfer,
                                  uint64_t offset)
{
    (void)call;
    return regular_write(regular_of(file->node), transfer, offset);
}

static int64_t file_regular_memory(struct file *file, const struct file_range *range,
                                   slot_t *memory, uint64_t *place)
{
    struct regular *regular = regular_of(file->node);
    int64_t result =
        regular_own(regular); /* behind its end are zeros, not the archive's next file */
    if (result == 0 && regular->store.memory.value == 0)
        result = regular_grow(regular, 1);
    if (result != 0)
        return result;
    if (range->shared && range->write && (regular->seals & SEALS_WRITE) != 0)
        return -EPERM;
    *place = 0;
    if (!range->shared && range->write)
        return store_copy(&regular->store, range->offset, range->size, memory);
    *place = range->offset;
    return store_share(&regular->store,
                       range->shared && file_writes(file) && (regular->seals & SEALS_WRITE) == 0,
                       memory);
}

static const struct file_ops regular_file_ops = {.seekable = true,
                                                 .read = file_regular_read,
                                                 .write = file_regular_write,
                                                 .memory = file_regular_memory};

static int64_t regular_open(struct call *call, struct node *node, struct file *file)
{
    (void)call, (void)node;
    file->ops = &regular_file_ops;
    return 0;
}

static const struct node_ops regular_ops = {.open = regular_open,
                                            .truncate = regular_truncate,
                                            .size = regular_size,
                                            .release = regular_release};

struct regular *regular_of(struct node *node)
{
    return node->ops == &regular_ops ? CONTAINER_OF(node, struct regular, node) : NULL;
}

struct node *tmpfs_archived(uint32_t mode, const uint8_t *data, uint64_t size, uint64_t offset)
{
    struct regular *regular = calloc(1, sizeof(*regular));
    if (regular == NULL)
        return NULL;
    node_init(&regular->node, &regular_ops, mode, DEV_TREE);
    regular->archive = size != 0 ? data : NULL;
    regular->archive_at = offset;
    regular->size = size;
    regular->seals = F_SEAL_SEAL;
    return &regular->node;
}

/* --- what execve and mmap ask (node.h) --- */

int64_t node_content(struct node *node, const void **base, uint64_t *size)
{
    struct regular *regular = regular_of(node);
    if (regular == NULL)
        return -EACCES;
    *base = regular->archive != NULL ? regular->archive : regular->store.base;
    *size = regular->size;
    return 0;
}

int64_t node_read(struct node *node, uint64_t offset, void *to, uint64_t size)
{
    struct regular *regular = regular_of(node);
    struct transfer transfer;
    transfer_bytes(&transfer, to, size);
    return regular != NULL ? regular_read(regular, &transfer, offset) : -EACCES;
}

int64_t node_memory(struct node *node, slot_t *memory, uint64_t *offset)
{
    struct regular *regular = regular_of(node);
    if (regular == NULL)
        return -ENODEV;
    if (regular->archive != NULL && is_aligned(regular->archive_at, PAGE_SIZE)) {
        *memory = archive_memory;
        *offset = regular->archive_at;
        return 0;
    }
    int64_t result = regular_own(regular);
    if (result == 0 && regular->store.memory.value == 0)
        result = regular_grow(regular, 1); /* empty: a page that the file does not have yet */
    *memory = regular->store.memory;
    *offset = 0;
    return result;
}
