/*
 * Memory objects: pages by offset. Anonymous (zero until written, copy-on-write when cloned, with
 * or without a pager), or physical (device registers).
 *
 * Life cycle: that of every object (obj/object.h). Mappings hold a reference each. Retiring lets
 * go of all pages and nodes in steps.
 *
 * A page is empty, zero, absent, filling or present (mem/page_tree.h). Clones share frames: a
 * frame's `references` are the objects that show it. Only an object whose frame has one reference
 * writes to it; a write to a shared one copies it first. Each object's job is charged for each
 * page that it shows, shared or not, and for its nodes.
 *
 * Locks (docs/decisions/0012): `lock` (rank memory) for everything here, and for the leaves of
 * page tables that show the object, in whatever space. What other CPUs' TLBs still know is
 * settled without locks:
 *   - who takes rights away from leaves of an object marks the mappings *stale*;
 *   - memory_lock_settled flushes stale mappings and waits for flushes under way (`flushing`);
 *   - a page whose frame is about to go is *busy* from before its leaves are cleared until after
 *     that: nobody else touches it, faults on it come again.
 *
 * Functions that say `done` do a bounded piece of the work and store how many bytes from the
 * start of the range they have finished; the caller calls again with what is left. They make
 * progress or return an error.
 *
 * ERR_would_block from functions named `_locked` means: unlock everything, memory_unshare, try
 * again. It never gets out of mem/.
 */
#pragma once

#include "lib/list.h"
#include "mem/page_tree.h"
#include "mem/ptab.h"
#include "obj/object.h"
#include <space.h>

#define MEMORY_SIZE_MAX ((uint64_t)1 << 40)

#define LARGE_PAGES PTAB_ENTRIES /* that one leaf of level 1 shows */
#define LARGE_SIZE  (LARGE_PAGES * PAGE_SIZE)

struct job;
struct mapping;
struct memory;

/* Who is asked for pages that are absent. */
struct memory_pager {
    struct object *port; /* a reference; NULL: nobody, absent pages cannot be had */
    uint64_t badge;
    bool (*wake)(struct memory *memory); /* absent or filling pages came, or will be asked anew;
                                            called without locks. False: call it again, of a
                                            retiring object */
    void (*put)(struct object *port);    /* gives the reference back */
};

struct memory {
    struct object object;
    struct spinlock lock; /* rank memory: what follows */
    struct page_tree pages;
    uint64_t page_count;   /* the size, in pages; read without the lock by memory_size */
    uint64_t resident;     /* present pages; each is charged; a clock page has one, for good */
    uint64_t large;        /* leaves of 2 MiB that show it */
    uint64_t reserve_next; /* the page that `reserve_frame` is for, + 1, and so on to the block's
                              end (memory_large.c); 0: there is no reserve */
    phys_t reserve_frame;
    uint64_t round;       /* the dirty round that runs; 0: not tracked */
    uint64_t round_last;  /* the last one before tracking ended */
    struct list mappings; /* of struct mapping.shown; stale ones first */
    uint32_t flushing;    /* flushes under way of leaves that were taken away */
    uint32_t reign;       /* counts pagers, so that requests to former ones are void */
    bool empty_absent;    /* empty pages are absent, not zero */
    bool physical;        /* pages are those from `base`, no entries; constant */
    bool clock;           /* the clock page of its job (obj/job_clock.c), physical; constant */
    uint32_t attributes;  /* MAP_DEVICE, MAP_COMBINE; 0: RAM, a boot module or `clock` if physical;
                             constant */
    phys_t base;          /* constant */
    struct memory_pager pager;
    _Atomic(uint64_t) wake_before; /* not 0: whom the reaper wakes (ipc/page_wait.c) */
};

/* A page that has to come from a pager. */
struct page_request {
    struct memory *memory; /* memory until this CPU leaves the kernel */
    uint64_t offset;       /* bytes; of one page */
    bool write;
    bool ask; /* nobody was asked yet; the page is *filling* now */
};

/* What the kernel tells of a page (info). */
struct page_info {
    enum page_kind kind; /* zero, absent, filling or present */
    uint64_t identity;   /* present: equal for pages that share a frame; else 0 */
    uint32_t pins;
    uint64_t round;
};

extern const struct object_ops memory_ops;

/* --- memory.c --- */

/* `bytes` is rounded up to pages: bad_argument for 0 and above MEMORY_SIZE_MAX; no_memory. */
error_t memory_create(struct job *job, uint64_t bytes, struct memory **result);

/* Device memory: never charged by page, never freed. `attributes`: MAP_DEVICE, MAP_COMBINE or 0. */
error_t memory_create_physical(struct job *job, phys_t base, uint64_t bytes, uint32_t attributes,
                               struct memory **result);

uint64_t memory_size(const struct memory *memory);
uint64_t memory_resident(struct memory *memory);

/* bad_argument beyond the end. */
error_t memory_page_info(struct memory *memory, uint64_t offset, struct page_info *info);

/* Zero, absent, filling or present; `page` may be NULL. */
static inline enum page_kind memory_page_kind_locked(const struct memory *memory,
                                                     const struct page *page)
{
    enum page_kind kind = page == NULL ? PAGE_EMPTY : page_kind(page);
    if (kind == PAGE_EMPTY)
        return memory->empty_absent ? PAGE_ABSENT : PAGE_ZERO;
    if (kind == PAGE_FILLING && page->word >> PAGE_SHIFT != memory->reign)
        return PAGE_ABSENT;
    return kind;
}

/* --- memory_page.c: one page --- */

/*
 * The entry of page `index`, present; for `write`, of a frame that no other object shows.
 * bad_address beyond the end or for absent pages without a pager; no_memory; needs_pager;
 * would_block (see above). Not for physical objects. `request` may be NULL: the page then does not
 * become filling, for nobody will ask.
 */
error_t memory_page_locked(struct memory *memory, uint64_t index, bool write,
                           struct page_request *request, struct page **result);

/*
 * What memory_page_locked could not do with locks held: copies a shared page, or waits for who is
 * changing it. OK means: try again. No locks held.
 */
error_t memory_unshare(struct memory *memory, uint64_t index);

/* Lets another CPU finish with a busy page. Always OK: try again. No locks held. */
error_t memory_pause(void);

/* Notes a write by the kernel or by a pager. */
static inline void memory_wrote_locked(const struct memory *memory, struct page *page)
{
    if (memory->round != 0)
        page->round = memory->round;
}

/* The frame of a page, made present and the object's own for `write`: for the kernel's use. It
 * may change at once: pin it to keep it. Errors as above. */
error_t memory_page_get(struct memory *memory, uint64_t offset, bool write,
                        struct page_request *request, phys_t *frame);

/*
 * Keeps a page where it is, present and unshared, until it is unpinned: for DMA and for the
 * kernel's own pointers. Pinned pages always count as dirty, are copied by clones at once, and
 * cannot be taken away (busy). full: pinned too often. The pinner holds a reference.
 */
error_t memory_pin(struct memory *memory, uint64_t offset, struct page_request *request,
                   phys_t *frame);
void memory_unpin(struct memory *memory, uint64_t offset);

/* --- memory_stale.c: translations that other CPUs may know --- */

/* Clears, or write-protects, the leaves of page `index` in all mappings, and marks them stale. */
void memory_hide_locked(struct memory *memory, uint64_t index);
void memory_protect_locked(struct memory *memory, uint64_t index);

/* Takes the leaf of `level` away that shows `va` (mapping_leaf_clear_locked), and marks it stale.
 */
void memory_leaf_hide_locked(struct mapping *mapping, uint64_t va, pte_t *leaf, int level);

/* Write-protects one leaf, or makes it MAP_CLEAN, and marks it stale; not if it is so already. */
void memory_leaf_protect_locked(struct mapping *mapping, uint64_t va, pte_t *leaf, int level);
void memory_leaf_clean_locked(struct mapping *mapping, uint64_t va, pte_t *leaf);

/* True if no CPU knows more than the tables say. */
bool memory_settled_locked(const struct memory *memory);

/* True if no CPU can have a translation of page `index`: none is in a table, none unflushed. */
bool memory_hidden_locked(const struct memory *memory, uint64_t index);

/* Takes the lock when no CPU knows translations that are no longer in the tables. */
irq_state_t memory_lock_settled(struct memory *memory);

/* Around a flush that the caller does itself after having changed leaves. */
void memory_flush_begin_locked(struct memory *memory);
void memory_flush_end(struct memory *memory);

/* --- memory_range.c: long calls over ranges; offsets and sizes in whole pages, bad_argument --- */

error_t memory_commit(struct memory *memory, uint64_t offset, uint64_t size, enum commit_mode mode,
                      struct page_request *request, uint64_t *done);

/* *done: the size is the new one; else pages behind it are left, call again. busy: pinned. */
error_t memory_resize(struct memory *memory, uint64_t bytes, bool *done);

/* --- memory_large.c: blocks of 2 MiB --- */

/* Fills pages from `first`, of [first, end), from a block of frames, if one is there or can be had;
 * how many it did: 0 if they have to be filled one by one. */
uint64_t memory_large_fill(struct memory *memory, uint64_t first, uint64_t end);

/* Lets go of what committing took and did not use. */
void memory_reserve_drop_locked(struct memory *memory);

/* True if one leaf can show the LARGE_PAGES pages from `first`, a multiple: from *block on;
 * *shared: other objects show some of them. Some 4,000 instructions if so, mostly few if not. */
bool memory_large_locked(const struct memory *memory, uint64_t first, phys_t *block, bool *shared);

/* --- memory_copy.c: any offset and size --- */

/* Between kernel memory and the object. Stores how much was done; errors are of the page there. */
error_t memory_read(struct memory *memory, uint64_t offset, void *to, uint64_t size,
                    struct page_request *request, uint64_t *done);
error_t memory_write(struct memory *memory, uint64_t offset, const void *from, uint64_t size,
                     struct page_request *request, uint64_t *done);

/* --- memory_clone.c --- */

/* Of what moves or shows pages of one object in another: whole pages, and no device's. */
error_t memory_pair_check(const struct memory *from, uint64_t from_offset, const struct memory *to,
                          uint64_t to_offset, uint64_t size);

/*
 * Shows the pages of a range in `to` as well, copy on write. Pages of `to` must not be present
 * (exists); zero pages become zero. Absent pages are first asked for (needs_pager), unless flagged.
 * no_memory, unsupported (physical).
 */
error_t memory_clone(struct memory *from, uint64_t from_offset, struct memory *to,
                     uint64_t to_offset, uint64_t size, uint32_t flags,
                     struct page_request *request, uint64_t *done);

/* --- memory_pager.c --- */

/*
 * Sets who is asked (takes over the reference on pager->port); stored is the former one, whose
 * port's reference is the caller's then. Filling pages are asked for anew. Not, and false, if
 * `only` is given and is not the port that is asked now.
 */
bool memory_pager_set(struct memory *memory, const struct object *only,
                      const struct memory_pager *pager, struct memory_pager *former);

/* Tells the pager's side that pages came; no locks held. */
void memory_wake(struct memory *memory);

/* A request could not be delivered: its page is absent again. */
void memory_unasked(struct memory *memory, uint64_t offset);

/*
 * Moves pages: those of the range in `from` become zero, and pages of `to` that are not present
 * become theirs, without a copy. Present ones stay, and what was meant for them is freed. busy:
 * pinned in `from`; needs_pager (of `from`); no_memory; unsupported (physical).
 */
error_t memory_supply(struct memory *to, uint64_t to_offset, struct memory *from,
                      uint64_t from_offset, uint64_t size, struct page_request *request,
                      uint64_t *done);

/* --- memory_dirty.c --- */

/*
 * Sets bit i of `bitmap` for each page i of the range (`pages` at most DIRTY_PAGES_MAX; cut to
 * the object) that was written after round `since`; 0: for each present page. Stores the round to
 * give next time; for a pass over several ranges, that is what the first call stored. The first
 * call of all switches tracking on.
 */
error_t memory_dirty(struct memory *memory, uint64_t since, uint64_t offset, uint32_t pages,
                     uint64_t *bitmap, uint64_t *round);

/* Ends tracking. */
void memory_dirty_end(struct memory *memory);
