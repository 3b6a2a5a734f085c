/* The pages of a memory object by number (page_tree.h). */
#include "mem/page_tree.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "obj/job.h"

#define LEAF_SMALL 4  /* entries of the smallest leaf that is made */
#define NEXT_NODES 32 /* looked through by page_tree_next */
#define DROPS_MAX  16 /* entries emptied by page_tree_dismantle */

struct inner {
    void *nodes[PAGE_TREE_FANOUT];
};

/* Number of pages that a tree of that height can hold. */
static inline uint64_t capacity(uint32_t height)
{
    return PAGE_TREE_FANOUT << (PAGE_TREE_BITS * height);
}

static inline uint64_t slot_at(uint64_t index, uint32_t level)
{
    return index >> (PAGE_TREE_BITS * level) & (PAGE_TREE_FANOUT - 1);
}

static size_t leaf_size(const struct page_tree *tree)
{
    return (tree->height == 0 ? tree->root_leaf : PAGE_TREE_FANOUT) * sizeof(struct page);
}

struct page *page_tree_walk(const struct page_tree *tree, uint64_t index)
{
    void *node = tree->root;
    if (node == NULL)
        return NULL;
    if (tree->height == 0 && tree->root_leaf < PAGE_TREE_FANOUT)
        return index < tree->root_leaf ? (struct page *)node + index : NULL;
    if (index >= capacity(tree->height))
        return NULL;
    for (uint32_t level = tree->height; level > 0; level--) {
        node = ((struct inner *)node)->nodes[slot_at(index, level)];
        if (node == NULL)
            return NULL;
    }
    struct page_tree *noted = (struct page_tree *)(uintptr_t)tree;
    noted->known = node;
    noted->number = (uint32_t)(index >> PAGE_TREE_BITS) + 1;
    return noted->known + slot_at(index, 0);
}

static void leaf_free(struct page_tree *tree, struct job *job, struct page *leaf)
{
    if (leaf != tree->first)
        job_release(job, leaf, leaf_size(tree));
}

/* Makes the root leaf, or a larger one in its place, so that it has `index`. */
static error_t leaf_grow(struct page_tree *tree, struct job *job, uint64_t index)
{
    assert(tree->height == 0 && index < PAGE_TREE_FANOUT);
    uint32_t entries = LEAF_SMALL;
    while (entries <= index)
        entries *= 4;
    if (tree->root != NULL && entries <= tree->root_leaf)
        return OK;
    bool first = tree->root == NULL && index < PAGE_TREE_FIRST;
    if (first)
        entries = PAGE_TREE_FIRST;
    struct page *leaf = first ? tree->first : job_alloc(job, entries * sizeof(struct page));
    if (leaf == NULL)
        return ERR_no_memory;
    if (tree->root != NULL) {
        memcpy(leaf, tree->root, leaf_size(tree));
        leaf_free(tree, job, tree->root);
    }
    tree->root = leaf;
    tree->root_leaf = (uint16_t)entries;
    return OK;
}

/* Puts an inner node above the root. */
static error_t root_raise(struct page_tree *tree, struct job *job)
{
    if (tree->root != NULL && tree->height == 0) {
        error_t error = leaf_grow(tree, job, PAGE_TREE_FANOUT - 1);
        if (error != OK)
            return error;
    }
    struct inner *inner = job_alloc(job, sizeof(struct inner));
    if (inner == NULL)
        return ERR_no_memory;
    inner->nodes[0] = tree->root;
    tree->root = inner;
    tree->height++;
    return OK;
}

/* Makes the nodes down to the leaf of `index`, in a tree that is high enough. */
static error_t nodes_make(struct page_tree *tree, struct job *job, uint64_t index)
{
    void **link = &tree->root;
    for (uint32_t level = tree->height;; level--) {
        if (*link == NULL) {
            size_t size = level > 0 ? sizeof(struct inner) : PAGE_TREE_FANOUT * sizeof(struct page);
            *link = job_alloc(job, size);
        }
        if (*link == NULL)
            return ERR_no_memory;
        if (level == 0)
            return OK;
        link = &((struct inner *)*link)->nodes[slot_at(index, level)];
    }
}

__attribute__((noinline)) static error_t make_slowly(struct page_tree *tree, struct job *job,
                                                     uint64_t index)
{
    while (index >= capacity(tree->height)) {
        error_t error = root_raise(tree, job);
        if (error != OK)
            return error;
    }
    return tree->height == 0 ? leaf_grow(tree, job, index) : nodes_make(tree, job, index);
}

error_t page_tree_make(struct page_tree *tree, struct job *job, uint64_t index,
                       struct page **result)
{
    *result = page_tree_find(tree, index);
    if (*result != NULL)
        return OK;
    error_t error = make_slowly(tree, job, index);
    if (error == OK)
        *result = page_tree_find(tree, index);
    return error;
}

/* The leaf that has `index`, and how many entries it has; or NULL and how many pages lack one. */
static struct page *leaf_or_gap(const struct page_tree *tree, uint64_t index, uint64_t *count)
{
    void *node = tree->root;
    if (tree->height == 0) {
        *count = tree->root_leaf;
        return node;
    }
    for (uint32_t level = tree->height; level > 0; level--) {
        *count = capacity(level - 1);
        node = ((struct inner *)node)->nodes[slot_at(index, level)];
        if (node == NULL)
            return NULL;
    }
    return node;
}

/* Number of pages from 0 that the tree, as it is, has room for. */
static uint64_t tree_room(const struct page_tree *tree)
{
    if (tree->root == NULL)
        return 0;
    return tree->height == 0 ? tree->root_leaf : capacity(tree->height);
}

struct page *page_tree_next(const struct page_tree *tree, uint64_t *index, uint64_t end)
{
    uint64_t room = tree_room(tree);
    for (uint32_t i = 0; i < NEXT_NODES && *index < end; i++) {
        if (*index >= room) {
            *index = end;
            break;
        }
        uint64_t count = 0;
        struct page *leaf = leaf_or_gap(tree, *index, &count);
        uint64_t stop = min_u64(align_down(*index, count) + count, end);
        if (leaf == NULL)
            *index = stop;
        for (; *index < stop; ++*index) {
            struct page *page = &leaf[*index & (count - 1)];
            if ((page->word | page->round) != 0)
                return page;
        }
    }
    return NULL;
}

static bool leaf_dismantle(struct page_tree *tree, struct job *job, void **link,
                           bool (*drop)(void *context, struct page *page), void *context)
{
    struct page *leaf = *link;
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < leaf_size(tree) / sizeof(struct page); i++)
        if (leaf[i].word != PAGE_EMPTY && (dropped++ == DROPS_MAX || !drop(context, &leaf[i])))
            return false;
    *link = NULL;
    tree->number = 0;
    leaf_free(tree, job, leaf);
    return true;
}

bool page_tree_dismantle(struct page_tree *tree, struct job *job,
                         bool (*drop)(void *context, struct page *page), void *context)
{
    void **link = &tree->root;
    uint32_t level = tree->height;
    while (*link != NULL && level > 0) {
        struct inner *inner = *link;
        uint64_t i = 0;
        while (i < PAGE_TREE_FANOUT && inner->nodes[i] == NULL)
            i++;
        if (i == PAGE_TREE_FANOUT) {
            *link = NULL;
            job_release(job, inner, sizeof(*inner));
            break;
        }
        link = &inner->nodes[i];
        level--;
    }
    if (*link != NULL && level == 0)
        (void)leaf_dismantle(tree, job, link, drop, context);
    return tree->root == NULL;
}
