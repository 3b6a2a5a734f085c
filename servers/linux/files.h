/*
 * A table of descriptors: of a process, or of tasks that share it (CLONE_FILES).
 *
 * The lowest free descriptor is found in two levels of bit maps: a bit per descriptor in use, and a
 * bit per full word of those. The table grows by doubling up to the limit. All is guarded by the
 * server's lock.
 */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include "file.h"

#define FILES_LIMIT     1024  /* RLIMIT_NOFILE at first */
#define FILES_LIMIT_MAX 65536 /* what it can be raised to */

struct files {
    uint32_t references;
    uint32_t room;  /* descriptors that there are places for: a multiple of 64 */
    uint32_t limit; /* RLIMIT_NOFILE, soft: no descriptor at or above it is given */
    struct file **file;
    uint64_t *used, *on_exec; /* a bit each; on_exec: closed by execve */
    uint64_t full[FILES_LIMIT_MAX / 64 / 64];
};

/* Empty, one reference. NULL: no memory. */
struct files *files_make(void);
struct files *files_get(struct files *files);
void files_put(struct files *files);
/* A copy that refers to the same open files (fork). NULL: no memory. */
struct files *files_clone(const struct files *files);

/* NULL: no such descriptor. No reference is given. */
struct file *files_find(struct files *files, int fd);

/* The lowest free descriptor from `low` on gets the file, with its reference: it, or -EMFILE,
 * -ENOMEM; then the reference stays with the caller. */
int64_t files_add(struct files *files, struct file *file, uint32_t low, bool on_exec);
/* The same for a file just made: the reference goes in any case. */
int64_t files_give(struct files *files, struct file *file, bool on_exec);
/* That very descriptor, closing what was there; takes a reference of its own. -EBADF, -ENOMEM. */
int64_t files_set(struct files *files, struct file *file, int fd, bool on_exec);
/* Takes one out: -EBADF. */
int64_t files_close(struct files *files, int fd);
void files_close_on_exec(struct files *files);

bool files_on_exec(const struct files *files, int fd);
void files_set_on_exec(struct files *files, int fd, bool on_exec);

/* The first used descriptor from `fd` on; -1: none. */
int files_next(const struct files *files, int fd);

/* 0, 1, 2 of a new table: references of their own. -ENOMEM. */
int64_t files_standard(struct files *files, struct file *in, struct file *out, struct file *err);

#endif
