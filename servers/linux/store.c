/* Stores on memory objects (store.h). */
#include "store.h"
#include "sys/call.h"
#include "window.h"
#include <assert.h>
#include <errno.h>
#include <root.h>
#include <space.h>
#include <string.h>

#define COPY_MAX ((uint64_t)16 * KIB) /* bytes of one call */

static slot_t store_job;

void store_start(slot_t job)
{
    store_job = job;
}

static int64_t store_error(error_t error)
{
    return error == OK ? 0 : -ENOSPC;
}

/* Calls that do a bounded piece are made until all is done. */
static void unmap_all(uint64_t base, uint64_t size)
{
    uint64_t done;
    for (uint64_t at = 0; at < size; at += done) {
        if (tern_space_unmap(root_slot(ROOT_SLOT_PROCESS), (uaddr_t){base + at}, size - at,
                             &done) != OK)
            return;
    }
}

static int64_t store_show(struct store *store, uint64_t bytes)
{
    uint64_t size = PAGE_SIZE;
    while (size < bytes)
        size *= 2;
    uint64_t base = window_take(size);
    if (base == 0)
        return -ENOSPC;
    error_t error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), store->memory, 0, (uaddr_t){base},
                                   size, SPACE_READ | SPACE_WRITE | SPACE_OMIT);
    if (error != OK) {
        window_give(base, size);
        return -ENOSPC;
    }
    if (store->window != 0) {
        unmap_all((uintptr_t)store->base, store->window);
        window_give((uintptr_t)store->base, store->window);
    }
    store->base = (uint8_t *)(uintptr_t)base;
    store->window = size;
    return 0;
}

static int64_t store_begin(struct store *store, uint64_t bytes)
{
    if (tern_object_create(store_job, OBJECT_memory, (slot_t){0}, bytes, &store->memory) != OK) {
        store->memory = (slot_t){0};
        return -ENOSPC;
    }
    int64_t result = store_show(store, bytes);
    if (result == 0)
        store->size = bytes;
    else
        store_drop(store);
    return result;
}

int64_t store_grow(struct store *store, uint64_t bytes)
{
    if (bytes > STORE_SIZE_MAX)
        return -EFBIG;
    bytes = align_up(bytes, PAGE_SIZE);
    if (bytes <= store->size)
        return 0;
    if (store->memory.value == 0)
        return store_begin(store, bytes);
    int64_t result = bytes > store->window ? store_show(store, bytes) : 0;
    if (result == 0)
        result = store_error(tern_memory_resize(store->memory, bytes));
    if (result == 0)
        store->size = bytes;
    return result;
}

void store_cut(struct store *store, uint64_t bytes)
{
    bytes = align_up(bytes, PAGE_SIZE);
    assert(bytes != 0);
    if (bytes >= store->size)
        return;
    if (tern_memory_resize(store->memory, bytes) == OK)
        store->size = bytes;
}

/* Programs that have it mapped keep the object; nobody else can reach it. */
void store_drop(struct store *store)
{
    if (store->window != 0) {
        unmap_all((uintptr_t)store->base, store->window);
        window_give((uintptr_t)store->base, store->window);
    }
    if (store->memory.value != 0)
        (void)tern_cap_delete(store->memory);
    *store = (struct store){.memory = {0}};
}

int64_t store_write(struct store *store, uint64_t offset, const void *from, uint64_t size)
{
    assert(offset <= store->size && size <= store->size - offset);
    for (uint64_t at = 0, done; at < size; at += done) {
        uaddr_t buffer = {(uintptr_t)from + at};
        error_t error = tern_memory_write(store->memory, offset + at, buffer,
                                          min_u64(size - at, COPY_MAX), &done);
        if (error != OK)
            return store_error(error);
    }
    return 0;
}

int64_t store_read(const struct store *store, uint64_t offset, void *to, uint64_t size)
{
    assert(offset <= store->size && size <= store->size - offset);
    for (uint64_t at = 0, done; at < size; at += done) {
        uaddr_t buffer = {(uintptr_t)to + at};
        if (tern_memory_read(store->memory, offset + at, buffer, min_u64(size - at, COPY_MAX),
                             &done) != OK)
            return -EIO;
    }
    return 0;
}

static int64_t zero_part(struct store *store, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[PAGE_SIZE];
    assert(size < PAGE_SIZE);
    return size == 0 ? 0 : store_write(store, offset, zeros, size);
}

int64_t store_zero(struct store *store, uint64_t offset, uint64_t size)
{
    assert(offset <= store->size && size <= store->size - offset);
    uint64_t end = offset + size, first = align_up(offset, PAGE_SIZE);
    uint64_t last = align_down(end, PAGE_SIZE);
    if (first > last)
        return zero_part(store, offset, size);
    int64_t result = zero_part(store, offset, first - offset);
    for (uint64_t done; result == 0 && first < last; first += done) {
        error_t error = tern_memory_commit(store->memory, first, last - first, COMMIT_ZERO, &done);
        if (error != OK)
            return store_error(error);
    }
    return result == 0 ? zero_part(store, last, end - last) : result;
}

int64_t store_share(const struct store *store, bool writable, slot_t *memory)
{
    const rights_t rights = {RIGHT_read | RIGHT_execute | RIGHT_map | (writable ? RIGHT_write : 0)};
    return tern_cap_derive(store->memory, rights, 0, memory) == OK ? 0 : -ENOMEM;
}

int64_t store_copy(const struct store *store, uint64_t offset, uint64_t size, slot_t *memory)
{
    assert(is_aligned(offset | size, PAGE_SIZE));
    if (tern_object_create(store_job, OBJECT_memory, (slot_t){0}, size, memory) != OK)
        return -ENOMEM;
    uint64_t there = offset < store->size ? min_u64(size, store->size - offset) : 0;
    for (uint64_t at = 0, done; at < there; at += done) {
        if (tern_memory_clone(store->memory, offset + at, *memory, at, there - at, 0, &done) !=
            OK) {
            (void)tern_cap_delete(*memory);
            return -ENOMEM;
        }
    }
    return 0;
}
