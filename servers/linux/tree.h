/*
 * The tree of files: in memory, filled from the members below `root/` of the system archive.
 */
#ifndef LINUX_TREE_H
#define LINUX_TREE_H

#include "node.h"
#include <abi.h>

/*
 * Makes the tree from a tar archive that is mapped at `base` and is the object `archive` (for
 * clones of its pages). -EINVAL: not an archive; -ENOMEM.
 */
int64_t tree_start(slot_t archive, const void *base, uint64_t size);

/* No reference is given. */
struct node *tree_root(void);

/* The folder of this path from the root, made if it is not there; NULL: no memory, or it is no
 * folder. No reference is given. */
struct node *tree_folder(const char *path);

/* Puts a node into the tree, instead of what was there; the reference goes. -ENOMEM, -ENOTDIR. */
int64_t tree_place(const char *path, struct node *node);

/* Takes a name out of the tree, if it is there and no folder's. */
void tree_remove(const char *path);

#endif
