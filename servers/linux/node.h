/*
 * What is there: a regular file, folder, symbolic link, device or FIFO of the tree, and what has no
 * name (pipes, eventfds).
 *
 * A node is made by the kind of file system it belongs to and lives as long as it is referred to:
 * by entries of folders, open files, working folders, mappings. A folder holds its parent. All
 * fields are guarded by the server's lock.
 */
#ifndef LINUX_NODE_H
#define LINUX_NODE_H

#include "call.h"
#include "lib/list.h"
#include <sys/stat.h>

struct file;
struct locks;
struct node;

/* Of a folder being listed. False: the reader has no more room, and this name comes again. */
struct lister {
    bool (*take)(struct lister *lister, const char *name, uint64_t length, const struct node *node,
                 uint64_t next);
};

/* NULL: the node cannot. */
struct node_ops {
    /* Folders: finds a name (a reference), -ENOENT. */
    int64_t (*find)(struct node *folder, const char *name, uint64_t length, struct node **found);
    /* Lists entries from position *at on (0: first), and leaves there where to go on. */
    int64_t (*list)(struct node *folder, uint64_t *at, struct lister *lister);
    /* Symbolic links: the text, not ended, cut at `size`; its length. */
    int64_t (*read_link)(struct task *task, struct node *node, char *to, uint64_t size);
    /* Links that lead to a node whatever their text says (/proc/PID/exe): a reference. */
    int64_t (*follow)(struct task *task, struct node *node, struct node **found); /* FOLLOW_TEXT */
    /* Makes `file` its open file: sets ops, own, and what else it needs. May wait (FIFOs). */
    int64_t (*open)(struct call *call, struct node *node, struct file *file);
    int64_t (*truncate)(struct node *node, uint64_t size);
    /* Nodes that no entry names (/proc): their name in their parent; its length, at most 255. */
    uint64_t (*name)(const struct node *node, char *to);
    uint64_t (*size)(struct node *node);
    void (*release)(struct node *node); /* the last reference went: frees it */
};

#define FOLLOW_TEXT 1 /* of `follow`: it is a link like others */

struct node {
    const struct node_ops *ops;
    uint32_t references;
    uint32_t mode; /* type and permissions */
    uint32_t uid, gid;
    uint32_t links;
    uint64_t ino, dev, rdev;
    int64_t accessed, modified, changed; /* nanoseconds since 1970 */
    struct node *parent;                 /* folders: a reference; the root: itself, none */
    struct list entries;                 /* that name it (entry.h) */
    struct locks *locks;                 /* advisory, made when first asked for (lock.h) */
};

/* `st_dev` of each tree. */
enum { DEV_TREE = 1, DEV_PROC, DEV_PIPE, DEV_OTHER, DEV_PTS, DEV_SOCKET };

/* One reference; numbers itself, takes the time. */
void node_init(struct node *node, const struct node_ops *ops, uint32_t mode, uint64_t dev);
struct node *node_get(struct node *node);
void node_put(struct node *node); /* NULL: nothing */

static inline bool node_is(const struct node *node, uint32_t type)
{
    return (node->mode & S_IFMT) == type;
}

enum { MAY_EXECUTE = 1, MAY_WRITE = 2, MAY_READ = 4 };

/* Whether somebody may do all of `wanted` (MAY_*) to it, by its owner and permissions: 0, -EACCES.
 */
int64_t node_permits(const struct node *node, uint32_t wanted, uint32_t uid, uint32_t gid);
/* The same for a task's effective user. */
int64_t node_allows(const struct node *node, uint32_t wanted, const struct task *task);
/* Whether the task may change owner, permissions, times: 0, -EPERM. */
int64_t node_owned(const struct node *node, const struct task *task);

void node_stat(struct node *node, struct stat *told);
uint64_t node_size(struct node *node);

/* --- of regular files; the server reads them for execve --- */

/*
 * All of its bytes where the server sees them, until it is next written or cut. Pages that were
 * never written may be behind: node_read cannot fault. -EACCES: not a regular file of the tree.
 */
int64_t node_content(struct node *node, const void **base, uint64_t *size);
/* Bytes read, fewer at the end of the file. */
int64_t node_read(struct node *node, uint64_t offset, void *to, uint64_t size);
/*
 * The memory object that its pages are in, for mappings, from `*offset` on; what is mapped holds
 * the object. -ENODEV: it has none; -ENOSPC.
 */
int64_t node_memory(struct node *node, slot_t *memory, uint64_t *offset);

#endif
