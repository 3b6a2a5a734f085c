/*
 * An address space of programs: a Tern process, shared by tasks (CLONE_VM).
 *
 * What is mapped where only the kernel knows (space_list). This keeps what Linux adds: the break,
 * where the next mapping goes, and where arguments stand.
 *
 *     STACK_TOP  0x7ff000000000  stack (8 MiB, zero-filled on demand)
 *     MAP_TOP    0x7fe000000000  mappings, downwards
 *     message pages of threads: from PAGES_BASE 0x7ff100000000 upwards (they are no part of Linux)
 */
#ifndef LINUX_MM_H
#define LINUX_MM_H

#include "call.h"
#include "lib/error.h"

struct node;

#define STACK_TOP   UINT64_C(0x7ff000000000)
#define STACK_BYTES UINT64_C(0x800000)
#define MAP_TOP     UINT64_C(0x7fe000000000)
#define MAP_FLOOR   UINT64_C(0x10000)
#define PAGES_BASE  UINT64_C(0x7ff100000000)

struct mm {
    uint32_t references;
    slot_t process;
    uint64_t break_start, break_now, break_mapped; /* mapped: page-aligned end */
    uint64_t map_next;                             /* mappings go below; all above was used */
    uint64_t pages_used;                           /* message pages given to threads */
    uint64_t arguments, arguments_end, environment, environment_end; /* /proc */
    struct node *program;                                            /* /proc/PID/exe */
};

/* An empty one, or NULL. */
struct mm *mm_make(void);
/* A copy, as fork makes it. */
int64_t mm_clone(struct mm *from, struct mm **made);
struct mm *mm_get(struct mm *mm);
/* The last one ends the Tern process with all its threads. */
void mm_put(struct mm *mm);

/* Where a range of `size` is free, near `hint` if that is not 0. 0: nowhere. */
uint64_t mm_place(struct mm *mm, uint64_t hint, uint64_t size);

/*
 * Maps memory of ours. `access`: enum space_access and mapping_inherit. -EEXIST: something is
 * there.
 */
int64_t mm_map(struct mm *mm, slot_t memory, uint64_t offset, uint64_t va, uint64_t size,
               uint64_t access);
/* New zero-filled memory. */
int64_t mm_map_zero(struct mm *mm, uint64_t va, uint64_t size, uint64_t access);
int64_t mm_unmap(struct mm *mm, uint64_t va, uint64_t size);

/*
 * New access for mappings from `va` on: a piece; says how much. File pages that were mapped for
 * reading alone become copies of their own when they are to be written. bad_address: nothing is
 * there.
 */
error_t mm_protect(struct mm *mm, uint64_t va, uint64_t size, uint64_t access, uint64_t *done);

/* An address for another thread's message page. */
uint64_t mm_page_place(struct mm *mm);

/* Error numbers for what the kernel says. */
int64_t error_number(error_t error);

#endif
