/*
 * The pages of a memory object by number: a radix tree, as deep as the object is large.
 *
 * Leaves hold entries (struct page), inner nodes point to nodes; both are made when first needed,
 * charged to the object's job, and stay until the tree is taken apart. A small object has a single
 * small leaf. The object's lock protects all of it.
 */
#ifndef MEM_PAGE_TREE_H
#define MEM_PAGE_TREE_H

#include "lib/error.h"
#include "lib/types.h"

#define PAGE_TREE_BITS   6 /* of a page's number, per level */
#define PAGE_TREE_FANOUT ((uint64_t)1 << PAGE_TREE_BITS)

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
    uint32_t height;    /* levels of inner nodes */
    uint32_t root_leaf; /* entries of the root when it is a leaf */
};

/* The entry of page `index`; NULL if it has none yet. */
struct page *page_tree_find(const struct page_tree *tree, uint64_t index);

/* The same, making it. no_memory. */
error_t page_tree_make(struct page_tree *tree, struct job *job, uint64_t index,
                       struct page **result);

/*
 * The first entry that is not all zero in [*index, end); *index becomes its number. NULL: there is
 * none up to what *index has become, at most `end`; so the work of one call is bounded.
 */
struct page *page_tree_next(const struct page_tree *tree, uint64_t *index, uint64_t end);

/*
 * Takes the tree apart: lets `drop` empty the entries of one leaf, which it may refuse, and frees
 * that leaf, or an inner node. True when nothing is left.
 */
bool page_tree_dismantle(struct page_tree *tree, struct job *job,
                         bool (*drop)(void *context, struct page *page), void *context);

#endif
