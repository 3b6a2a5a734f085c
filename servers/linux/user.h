/*
 * Memory of programs: all of it goes through here, by space_read and space_write, which judge each
 * access as the program's own would be judged. Nothing waits. Errors: -EFAULT, -ENOMEM (the page
 * finds no budget).
 */
#ifndef LINUX_USER_H
#define LINUX_USER_H

#include "call.h"

/* All or an error. Sizes have no bound; parts of up to 16 KiB are copied at a time. */
int64_t user_read(struct task *task, void *to, uaddr_t from, uint64_t size);
int64_t user_write(struct task *task, uaddr_t to, const void *from, uint64_t size);

/* As much as can be: bytes copied, or an error if that is none (and size is not 0). */
int64_t user_read_some(struct task *task, void *to, uaddr_t from, uint64_t size);
int64_t user_write_some(struct task *task, uaddr_t to, const void *from, uint64_t size);
int64_t user_zero_some(struct task *task, uaddr_t to, uint64_t size);

/* A string with its end, into room for `size`: its length. -ENAMETOOLONG: no end within `size`. */
int64_t user_string(struct task *task, char *to, uint64_t size, uaddr_t from);

/* A 32-bit word: read, and compare-and-swap (`old`: what was there). */
int64_t user_word(struct task *task, uaddr_t at, uint32_t *value);
int64_t user_cas(struct task *task, uaddr_t at, uint32_t expected, uint32_t desired, uint32_t *old);

/* --- lists of ranges: readv and its like --- */

#define USER_RANGES 16 /* held at once; longer lists (to IOV_MAX) are read piece by piece */

/* Where the next bytes of a transfer come from or go to. */
struct user_ranges {
    struct task *task;
    uaddr_t vector;   /* of struct iovec, still to be read */
    uint64_t count;   /* of them */
    uint64_t left;    /* bytes in all that is left, at most INT64_MAX */
    uint64_t at, end; /* the present range */
};

void ranges_one(struct user_ranges *ranges, struct task *task, uaddr_t base, uint64_t size);
/* -EINVAL: too many, or a sum above INT64_MAX; -EFAULT. */
int64_t ranges_vector(struct user_ranges *ranges, struct task *task, uaddr_t vector,
                      uint64_t count);
/* Copies up to `size` bytes and goes on; as user_*_some. Zero: zeros. */
int64_t ranges_put(struct user_ranges *ranges, const void *from, uint64_t size);
int64_t ranges_get(struct user_ranges *ranges, void *to, uint64_t size);
int64_t ranges_zero(struct user_ranges *ranges, uint64_t size);
/* Goes on without a copy: what an earlier run of the call has copied already. */
int64_t ranges_skip(struct user_ranges *ranges, uint64_t size);

#endif
