/* Address spaces as both sides see them: access, what clones do, lists of ranges and mappings. */
#ifndef ABI_SPACE_H
#define ABI_SPACE_H

#include <abi.h>

/* Of a mapping; also what a page fault's word 2 says of the access. */
enum space_access { SPACE_READ = 1, SPACE_WRITE = 2, SPACE_EXECUTE = 4 };

/* Besides: what space_clone does with the mapping. */
enum mapping_inherit {
    SPACE_PRIVATE = 0 << 4, /* the clone gets its own copy, copy on write */
    SPACE_SHARED = 1 << 4,  /* the clone shows the same object */
    SPACE_OMIT = 2 << 4,    /* the clone has nothing there */
    SPACE_INHERIT = 3 << 4, /* mask */
};

#define SPACE_MAY_SHIFT 8 /* in what is listed: the access that the mapping may ever have */

#define SPACE_START UINT64_C(0x1000)
#define SPACE_END   UINT64_C(0x7ffffffff000)

#define SPACE_RANGES_MAX 8
#define SPACE_COPY_MAX   UINT64_C(16384) /* bytes that one call copies */

/* A range of another process's addresses (space_read, space_write). */
struct space_range {
    uaddr_t va;
    uint64_t size;
};

/* What space_list tells of one mapping. */
struct mapping_info {
    uint64_t va, size, offset;
    uint64_t flags;
    uint64_t memory; /* the object's identity */
};

/* What memory_commit does. */
enum commit_mode {
    COMMIT_FILL,   /* make present: zero-filled, or from the pager (needs_pager) */
    COMMIT_ZERO,   /* give pages back; they are known to be zero. busy: pinned */
    COMMIT_ABSENT, /* give pages back; the pager has them. busy: pinned */
};

/* Flags of memory_clone. */
enum clone_flags {
    CLONE_ABSENT = 1 << 0, /* absent pages stay absent: the target's own pager will be asked */
};

#define DIRTY_PAGES_MAX 128 /* pages that one memory_dirty looks at */

#define WORD_WAKE_MAX 32 /* threads that one word_wake wakes */

#endif
