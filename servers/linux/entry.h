/*
 * Names in folders: an entry joins a folder, a name and a node.
 *
 * All entries are in one hash table by folder and name, so that a name is found in one step however
 * large its folder is. An entry holds its node, and its node's list names it: the path of a node is
 * read from there.
 */
#ifndef LINUX_ENTRY_H
#define LINUX_ENTRY_H

#include "lib/list.h"
#include "lib/types.h"

#define NAME_SIZE_MAX 255 /* bytes of a name, without an end */

struct node;

struct entry {
    struct entry *chain; /* of its bucket */
    struct list of_node;
    struct node *folder; /* not a reference: a folder outlives its entries */
    struct node *node;   /* a reference */
    uint64_t sequence;   /* its place in its folder */
    uint64_t hash;
    uint32_t length;
    char name[]; /* not ended */
};

/* Makes one and puts it into the table. NULL: no memory. */
struct entry *entry_make(struct node *folder, const char *name, uint64_t length, struct node *node);
/* NULL: there is none. */
struct entry *entry_find(const struct node *folder, const char *name, uint64_t length);
/* Takes it out of the table, and lets its node go. */
void entry_free(struct entry *entry);

#endif
