/*
 * Bytes on their way between a file and whoever reads or writes it: a program's memory, or the
 * server's (sendfile, execve).
 *
 * Copies are partial as user.h says: what was copied counts, an error is met first of all.
 */
#ifndef LINUX_TRANSFER_H
#define LINUX_TRANSFER_H

#include "user.h"

#define TRANSFER_MAX UINT64_C(0x7ffff000) /* bytes of one call: Linux's MAX_RW_COUNT */

struct transfer {
    struct user_ranges ranges;
    uint8_t *bytes; /* the server's, if not NULL: then `left` counts */
    uint64_t left;
};

void transfer_user(struct transfer *transfer, struct task *task, uaddr_t base, uint64_t size);
/* -EINVAL, -EFAULT as ranges_vector. */
int64_t transfer_vector(struct transfer *transfer, struct task *task, uaddr_t vector,
                        uint64_t count);
void transfer_bytes(struct transfer *transfer, void *bytes, uint64_t size);

/* Bytes that are still wanted or offered. */
uint64_t transfer_left(const struct transfer *transfer);

/* To the reader; from the writer; zeros to the reader. Up to `size`: bytes copied or an error. */
int64_t transfer_put(struct transfer *transfer, const void *from, uint64_t size);
int64_t transfer_get(struct transfer *transfer, void *to, uint64_t size);
int64_t transfer_zero(struct transfer *transfer, uint64_t size);

/* Passes over bytes that an earlier run copied. */
int64_t transfer_skip(struct transfer *transfer, uint64_t size);

#endif
