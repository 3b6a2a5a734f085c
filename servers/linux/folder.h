/*
 * Folders of the in-memory tree.
 *
 * A folder's entries are found by name through the table of names (entry.h), and listed in the
 * order of their making, by a number that each keeps: whoever lists goes on behind the last number
 * it saw, whatever was added or removed in between.
 */
#ifndef LINUX_FOLDER_H
#define LINUX_FOLDER_H

#include "entry.h"
#include "node.h"

struct folder_place {
    uint64_t sequence;
    struct entry *entry; /* NULL: removed */
};

struct folder {
    struct node node;
    struct folder_place *order; /* by sequence */
    uint32_t count, used, room; /* entries; places with those removed; places there are */
    uint64_t next;              /* sequence */
};

/* NULL: no memory. `parent` NULL: a root. */
struct folder *folder_make(struct node *parent, uint32_t mode);
/* NULL: not one that can be changed. */
struct folder *folder_of(struct node *node);

/* A new name for a node. -ENOSPC; -ENOENT: the folder itself was removed. The name is not there. */
int64_t folder_add(struct folder *folder, const char *name, uint64_t length, struct node *node);
/* A name that is there now names another node. */
void folder_replace(struct folder *folder, struct entry *entry, struct node *node);
void folder_remove(struct folder *folder, struct entry *entry);

/*
 * An entry gets another folder or name, and takes the place of `over` there if that is not NULL.
 * -ENOSPC: then nothing has changed.
 */
int64_t folder_move(struct entry *entry, struct folder *to, const char *name, uint64_t length,
                    struct entry *over);

/* Two entries trade their nodes. */
void folder_exchange(struct entry *a, struct entry *b);

/* Whether `node` is `folder` or above it. */
bool folder_within(const struct node *folder, const struct node *node);

/*
 * The path of a node from `root`, ended, written to the end of [buffer, buffer + size): where it
 * begins. NULL: no room. *reached: the node can be reached from the root at all.
 */
char *node_path(const struct node *node, const struct node *root, char *buffer, uint64_t size,
                bool *reached);

#endif
