/*
 * The pages of a memory object by number: a radix tree, as deep as the object is large.
 *
 * Leaves hold entries (struct page), inner nodes point to nodes; both are made when first needed,
 * charged to the object's job, and stay until the tree is taken apart. A small object has a single
 * small leaf, the smallest of all in the struct itself, which is zeroed at first and stays where it
 * is. The object's lock protects all of it.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

#define PAGE_TREE_BITS   6 /* of a page's number, per level */
#define PAGE_TREE_FANOUT ((uint64_t)1 << PAGE_TREE_BITS)
#define PAGE_TREE_FIRST  2 /* entries in the struct */

struct job;

enum page_kind {
    PAGE_EMPTY,   /* never touched: zero or absent, as the object says (memory.empty_absent) */
    PAGE_ZERO,    /* known to be zero */
    PAGE_ABSENT,  /* its pager has it */
    PAGE_FILLING, /* its pager was asked; bits 12..: in which of its reigns (memory.reign) */
    PAGE_PRESENT, /* in the frame */
};

/*
 * word:  0..2 kind   3 busy: one CPU is changing it, others wait   12..51 frame   52..63 pins
 * An all-zero entry is an empty page that was never written.
 */
struct page {
    uint64_t word;
    uint64_t round; /* the last dirty round in which it was written; 0: before tracking */
};

#define PAGE_KIND_MASK ((uint64_t)7)
#define PAGE_BUSY      ((uint64_t)1 << 3)
#define PAGE_FRAME     ((uint64_t)0x000ffffffffff000)
#define PAGE_PIN       ((uint64_t)1 << 52)
#define PAGE_PINS_MAX  4095

static inline enum page_kind page_kind(const struct page *page)
{
    return (enum page_kind)(page->word & PAGE_KIND_MASK);
}

static inline bool page_busy(const struct page *page)
{
    return (page->word & PAGE_BUSY) != 0;
}

static inline phys_t page_frame(const struct page *page)
{
    return PHYS(page->word & PAGE_FRAME);
}

static inline uint64_t page_pins(const struct page *page)
{
    return page->word / PAGE_PIN;
}

struct page_tree {
    void *root;         /* a leaf if height is 0; NULL: no page was ever touched */
    struct page *known; /* the leaf, with PAGE_TREE_FANOUT entries, that was found last */
    uint32_t number;    /* of the first page in `known`, by PAGE_TREE_FANOUT, + 1; 0: none */
    uint16_t height;    /* levels of inner nodes */
    uint16_t root_leaf; /* entries of the root when it is a leaf */
    struct page first[PAGE_TREE_FIRST]; /* that leaf, if it is enough */
};

/* What page_tree_find does when it does not know the leaf. */
struct page *page_tree_walk(const struct page_tree *tree, uint64_t index);

/* The entry of page `index`, if it is in the leaf that was found last; else NULL. */
static inline struct page *page_tree_known(const struct page_tree *tree, uint64_t index)
{
    return (index >> PAGE_TREE_BITS) + 1 == tree->number
               ? &tree->known[index & (PAGE_TREE_FANOUT - 1)]
               : NULL;
}

/* The entry of page `index`; NULL if it has none yet. */
static inline struct page *page_tree_find(const struct page_tree *tree, uint64_t index)
{
    struct page *page = page_tree_known(tree, index);
    return page != NULL ? page : page_tree_walk(tree, index);
}

/* The same, making it. no_memory. */
error_t page_tree_make(struct page_tree *tree, struct job *job, uint64_t index,
                       struct page **result);

/*
 * The first entry that is not all zero in [*index, end); *index becomes its number. NULL: there is
 * none up to what *index has become, at most `end`; so the work of one call is bounded.
 */
struct page *page_tree_next(const struct page_tree *tree, uint64_t *index, uint64_t end);

/*
 * Takes the tree apart: lets `drop` make some entries of one leaf PAGE_EMPTY, which it may refuse,
 * and frees that leaf when all are, or an inner node. True when nothing is left.
 */
bool page_tree_dismantle(struct page_tree *tree, struct job *job,
                         bool (*drop)(void *context, struct page *page), void *context);
