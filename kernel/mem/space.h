/*
 * Address spaces: what a process has mapped where, and the page tables that show it.
 *
 * Mappings name ranges of memory objects (mem/memory.h) and are kept in order of address; pages
 * enter the tables at faults. All user addresses lie in [SPACE_START, SPACE_END): page 0 is never
 * mapped, nor is the last page below the hole, after which a `syscall` would return badly.
 *
 * Locks: `lock` (rank space) for mappings and tables. Tables change under it; then it is dropped,
 * then other CPUs forget (space_flush), then frames are let go.
 *
 * The part that the IPC path uses is here; mem/mapping.h has the rest.
 */
#pragma once

#include "arch/space.h"
#include "lib/error.h"
#include "lib/types.h"
#include "mem/ptab.h"
#include "sync/spinlock.h"
#include <space.h>

struct job;
struct mapping;

struct space {
    struct arch_space arch; /* first: what switching to it needs */
    struct ptab ptab;       /* the lock */
    struct job *job;        /* pays for tables; constant */
    struct spinlock lock;   /* rank space */
    union {
        struct tree_node *tree;   /* of the mappings, by address; the lock */
        struct mapping *mappings; /* the same */
    };
    struct mapping *found; /* what was looked for last, or NULL; the lock */
    uint32_t mapping_count;
    bool write_execute; /* may map write+execute; set at creation */
};

error_t space_init(struct space *space, struct job *job);

/* No thread runs in it any more. Unmaps some `budget` pages, at least a piece; true when nothing is
 * left. */
bool space_clear(struct space *space, uint32_t budget);
void space_free(struct space *space);

/*
 * Makes [va] accessible if its mapping allows that: zero-fill, copy-on-write, or an existing page.
 * OK: try again. bad_address, denied: a fault for the thread's handler. no_memory: no budget.
 * needs_pager: stored in `request` (mem/memory.h).
 */
struct page_request;
error_t space_fault(struct space *space, uaddr_t va, uint32_t access, struct page_request *request);

/*
 * Copies between kernel memory and a process's addresses with that mapping's rights, filling pages
 * on the way. Stores how much was done; errors are those of space_fault for the first page that
 * could not be had. Never touches what is not mapped there.
 */
error_t space_copy_in(struct space *space, void *to, uaddr_t from, uint64_t size, uint64_t *done);
error_t space_copy_out(struct space *space, uaddr_t to, const void *from, uint64_t size,
                       uint64_t *done);
