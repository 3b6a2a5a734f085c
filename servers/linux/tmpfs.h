/*
 * What the in-memory tree holds besides folders: regular files, symbolic links, and special files.
 *
 * A regular file's content is one store (store.h), or, until it is first written or mapped, bytes
 * of the archive that the tree was made from. Between the end of the file and the end of its store
 * everything is zero, unless a program wrote there through a mapping; so growth clears first.
 */
#ifndef LINUX_TMPFS_H
#define LINUX_TMPFS_H

#include "node.h"
#include "store.h"
#include "transfer.h"

struct pipe;
struct socket;

struct regular {
    struct node node;
    uint64_t size; /* of the file, bytes */
    struct store store;
    const uint8_t *archive; /* where the server sees its content; NULL: in the store */
    uint64_t archive_at;    /* offset in the archive's object */
    uint32_t seals;         /* F_SEAL_*; memfds without F_SEAL_SEAL may get more */
};

struct symlink {
    struct node node;
    uint64_t length;
    char text[];
};

/* Devices, FIFOs and sockets: a name for what is elsewhere. */
struct special {
    struct node node;
    struct pipe *pipe;     /* FIFOs: while it is open (pipe.h) */
    struct socket *socket; /* sockets: while it lives (socket_name.h) */
};

/* All have one reference and no entry. NULL: no memory. `mode` with type: regular or special. */
struct node *tmpfs_make(uint32_t mode, uint64_t rdev);
struct node *tmpfs_symlink(const char *text, uint64_t length);
/* A regular file with content of the archive. */
struct node *tmpfs_archived(uint32_t mode, const uint8_t *data, uint64_t size, uint64_t offset);

/* The archive's memory object: programs are mapped from there (node_memory). Before any
 * tmpfs_archived. */
void tmpfs_archive(slot_t archive);

/* NULL: not one. */
struct regular *regular_of(struct node *node);
struct special *special_of(struct node *node);

/* -EFBIG, -ENOSPC, -EPERM (sealed). */
int64_t regular_resize(struct regular *regular, uint64_t size);
int64_t regular_read(struct regular *regular, struct transfer *transfer, uint64_t offset);
int64_t regular_write(struct regular *regular, struct transfer *transfer, uint64_t offset);
/* A hole: pages are given back. */
int64_t regular_punch(struct regular *regular, uint64_t offset, uint64_t size);

/* Bytes in regular files' stores, all in all: for statfs. */
uint64_t tmpfs_used(void);
/* What they may take at most: files shall not take the memory that programs need. -ENOSPC above. */
void tmpfs_limit(uint64_t bytes);

#endif
