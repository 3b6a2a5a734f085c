/*
 * The bytes of a file of the in-memory tree: one memory object, shown whole in the server's own
 * space.
 *
 * A store begins empty, without an object; the first growth makes one. The window that shows it is
 * larger than the object, by powers of two, so that most growth moves nothing. Pages take budget
 * when they are first written; what lacks budget is -ENOSPC.
 *
 * The server does not write through `base` itself: without budget that would be a fault of its own.
 * It writes by store_write and store_zero, and lets user_read write there, which say so instead.
 * Nor does it read where holes may be; store_read does.
 */
#ifndef LINUX_STORE_H
#define LINUX_STORE_H

#include "lib/types.h"
#include <abi.h>

struct store {
    slot_t memory;   /* 0: none yet */
    uint8_t *base;   /* where the server sees it */
    uint64_t size;   /* bytes of the object, whole pages */
    uint64_t window; /* bytes shown, a power of two */
};

#define STORE_SIZE_MAX ((uint64_t)1 << 40) /* what the kernel makes at most */

/* What stores are charged to. Before any other. */
void store_start(slot_t job);

/* Makes it at least `bytes` large. -ENOSPC, -EFBIG; then nothing has changed. `base` may move. */
int64_t store_grow(struct store *store, uint64_t bytes);
/* Cuts it to the pages of `bytes`, at least one: those behind are let go. */
void store_cut(struct store *store, uint64_t bytes);
void store_drop(struct store *store);

/* Within the object. A write that meets the end of the budget may have begun: -ENOSPC. */
int64_t store_write(struct store *store, uint64_t offset, const void *from, uint64_t size);
int64_t store_read(const struct store *store, uint64_t offset, void *to, uint64_t size);
/* Whole pages are given back. */
int64_t store_zero(struct store *store, uint64_t offset, uint64_t size);

/* What a mapping needs of it: a capability that the caller deletes. -ENOMEM. */
int64_t store_share(const struct store *store, bool writable, slot_t *memory);
/* A copy of its own of [offset, offset + size), copy on write, with zeros behind the store's end.
 */
int64_t store_copy(const struct store *store, uint64_t offset, uint64_t size, slot_t *memory);

#endif
