/*
 * Pipes: a ring of bytes between readers and writers.
 *
 * A pipe lives as long as open files refer to it; a FIFO's is found through its node in that time.
 * The ring grows up to its size as bytes come, so that an idle pipe costs little.
 */
#ifndef LINUX_PIPE_H
#define LINUX_PIPE_H

#include "file.h"

#define PIPE_SIZE     65536   /* bytes at first; F_SETPIPE_SZ changes it */
#define PIPE_SIZE_MAX 1048576 /* for programs that are not root's */

struct pipe;

/* Both ends of a new pipe, one reference each. -ENOMEM. */
int64_t pipe_make(uint32_t flags, struct file *ends[2]);

/* Opens a FIFO whose pipe, if any, is at `*place`: by fifo(7). May wait. */
int64_t pipe_open(struct call *call, struct pipe **place, struct file *file);

/* F_GETPIPE_SZ, F_SETPIPE_SZ. -EBADF: not a pipe. */
int64_t pipe_size(struct file *file);
int64_t pipe_resize(struct file *file, uint64_t size);

#endif
