/*
 * Ordered trees: nodes by `key`, then `order`, then address, as fields of their elements; the tree
 * allocates nothing. A treap: a parent's random weight is not less than a child's, so whoever
 * chooses the keys, whatever the order of coming and going, insert, remove and looking up take some
 * 1.4 log2(n) steps (Seidel, Aragon 1996). Who owns the root owns the nodes in it.
 */
#pragma once

#include "lib/types.h"

struct tree_node {
    struct tree_node *left, *right;
    uint64_t key, order; /* constant while in a tree */
    uint32_t weight;     /* likewise; tree_insert's */
};

/* Does `a` come before `b`? */
static inline bool tree_before(const struct tree_node *a, const struct tree_node *b)
{
    return a->key < b->key ||
           (a->key == b->key && (a->order < b->order || (a->order == b->order && a < b)));
}

/* A node that is in no tree, with its key and order. `stir`: something that nobody can foresee. */
void tree_insert(struct tree_node **root, struct tree_node *node, uint64_t stir);

/* One that is in this tree. */
void tree_remove(struct tree_node **root, struct tree_node *node);

/* The first behind all nodes with that key and order or less, or NULL. */
struct tree_node *tree_behind(struct tree_node *root, uint64_t key, uint64_t order);

static inline struct tree_node *tree_first(struct tree_node *root)
{
    while (root != NULL && root->left != NULL)
        root = root->left;
    return root;
}
