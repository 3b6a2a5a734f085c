/* Ordered trees (tree.h). */
#include "lib/tree.h"
#include "lib/assert.h"

static uint32_t weight_make(const struct tree_node *node, uint64_t stir)
{
    uint64_t x = (uintptr_t)node ^ stir * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(x * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* Cuts a tree in two around `node`: what comes before it becomes its left, the rest its right. */
static void tree_split(struct tree_node *root, struct tree_node *node)
{
    struct tree_node **left = &node->left, **right = &node->right;
    while (root != NULL) {
        if (tree_before(root, node)) {
            *left = root;
            left = &root->right;
            root = root->right;
        } else {
            *right = root;
            right = &root->left;
            root = root->left;
        }
    }
    *left = *right = NULL;
}

void tree_insert(struct tree_node **root, struct tree_node *node, uint64_t stir)
{
    struct tree_node **link = root;
    node->weight = weight_make(node, stir);
    while (*link != NULL && (*link)->weight >= node->weight)
        link = tree_before(node, *link) ? &(*link)->left : &(*link)->right;
    tree_split(*link, node);
    *link = node;
}

void tree_remove(struct tree_node **root, struct tree_node *node)
{
    struct tree_node **link = root;
    while (*link != node) {
        assert(*link != NULL);
        link = tree_before(node, *link) ? &(*link)->left : &(*link)->right;
    }
    struct tree_node *left = node->left, *right = node->right;
    while (left != NULL && right != NULL) {
        struct tree_node **heavier = left->weight >= right->weight ? &left : &right;
        *link = *heavier;
        link = heavier == &left ? &left->right : &right->left;
        *heavier = *link;
    }
    *link = left != NULL ? left : right;
}

struct tree_node *tree_behind(struct tree_node *root, uint64_t key, uint64_t order)
{
    struct tree_node *behind = NULL;
    while (root != NULL) {
        if (root->key > key || (root->key == key && root->order > order)) {
            behind = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    return behind;
}
