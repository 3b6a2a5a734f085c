/*
 * An open file description: what descriptors refer to.
 *
 * Made by open and its like with one reference; descriptors, and a call that waits in open, hold
 * one each. The last one closes it. It holds its node. All fields are guarded by the server's lock.
 */
#ifndef LINUX_FILE_H
#define LINUX_FILE_H

#include "node.h"
#include "polling.h"
#include "transfer.h"
#include <fcntl.h>
#include <poll.h>

struct epoll_item;

/* What mmap asks for: whole pages. */
struct file_range {
    uint64_t offset, size;
    bool shared, write;
};

/* NULL: as said. Reads and writes may wait (call.h); they return bytes, 0 at the end, or an error.
 */
struct file_ops {
    bool seekable; /* has positions; else `offset` means nothing */
    int64_t (*read)(struct call *call, struct file *file, struct transfer *to,
                    uint64_t offset); /* -EINVAL */
    int64_t (*write)(struct call *call, struct file *file, struct transfer *from,
                     uint64_t offset); /* -EINVAL */
    /* What it is ready for: POLLIN, POLLOUT, POLLHUP...; always in and out. */
    uint32_t (*poll)(struct file *file);
    struct pollable *(*pollable)(struct file *file); /* told of changes of that; never */
    int64_t (*ioctl)(struct call *call, struct file *file, uint32_t command,
                     uint64_t argument); /* -ENOTTY */
    int64_t (*memory)(struct file *file, const struct file_range *range, slot_t *memory,
                      uint64_t *place); /* file_memory: -ENODEV */
    void (*close)(struct file *file);
};

struct file {
    const struct file_ops *ops;
    uint32_t references;
    uint32_t flags;    /* O_*: access mode and status; O_PATH: names its node, nothing else */
    uint64_t position; /* bytes; folders: where to go on listing */
    struct node *node;
    void *own;           /* of its ops */
    struct list watches; /* of epolls: epoll_item.of_file (epoll.c) */
};

/* What F_SETFL can change. */
#define FILE_STATUS (O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

/* Not opened yet, or with `ops` for what has no name; takes a reference of the node. NULL. */
struct file *file_make(struct node *node, const struct file_ops *ops, uint32_t flags);
struct file *file_get(struct file *file);
void file_put(struct file *file); /* NULL: nothing */

/* A node that stands for what has no own (eventfd, epoll); no reference is given. */
struct node *file_anonymous_node(void);

/*
 * Opens a node; permissions were checked. O_TRUNC is done. May wait (FIFOs): the file is then kept
 * in task->opening. -ENOMEM, and as the node's kind says.
 */
int64_t file_open(struct call *call, struct node *node, uint32_t flags, struct file **opened);

static inline bool file_reads(const struct file *file)
{
    return (file->flags & O_PATH) == 0 && (file->flags & O_ACCMODE) != O_WRONLY;
}
static inline bool file_writes(const struct file *file)
{
    return (file->flags & O_PATH) == 0 && (file->flags & O_ACCMODE) != O_RDONLY;
}

/*
 * Reads or writes at `*position`, which goes on, or at the file's own if NULL. -EBADF: not open for
 * that. -EISDIR, -EINVAL.
 */
int64_t file_read(struct call *call, struct file *file, struct transfer *to, uint64_t *position);
int64_t file_write(struct call *call, struct file *file, struct transfer *from, uint64_t *position);

/*
 * Memory that shows a range of the file, for mmap: a capability that the caller deletes, and where
 * in it the range is. Shared: the file's own; private: a copy if it is to be written, else the
 * file's own for reading alone. -EACCES: not open for that. -ENODEV, -ENOMEM.
 */
int64_t file_memory(struct file *file, bool shared, bool write, uint64_t offset, uint64_t size,
                    slot_t *memory, uint64_t *place);

/* POLLIN and so on; and what tells of changes (NULL: nothing changes). */
uint32_t file_poll(struct file *file);
struct pollable *file_pollable(struct file *file);

/*
 * A write of a device that takes bytes from memory: `put` says how many of `size` it took. What was
 * written by earlier runs is in progress[0]; waits on `pollable` when it took less than all.
 */
int64_t file_write_pieces(struct call *call, const struct file *file, struct transfer *from,
                          struct pollable *pollable,
                          uint64_t (*put)(void *own, const uint8_t *bytes, uint64_t size),
                          void *own);

/* A waiting read or write of a device: -EAGAIN at once if it must not wait. `done`: bytes so far.
 */
int64_t file_wait(struct call *call, const struct file *file, struct pollable *pollable,
                  uint64_t done);

#endif
