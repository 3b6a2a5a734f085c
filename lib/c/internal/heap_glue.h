/*
 * In place of mallocng's glue.h, which it has to be adapted by: included before each of its files,
 * so that its own has no effect. Memory, the lock and the secret come from lib/c/src/heap.c.
 */
#define MALLOC_GLUE_H

#include "atomic.h"
#include "heap.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#undef assert
#define assert(x)                                                                                  \
    do {                                                                                           \
        if (!(x))                                                                                  \
            a_crash();                                                                             \
    } while (0)

#ifndef PAGESIZE
#define PAGESIZE 4096
#endif

#define size_classes __malloc_size_classes
#define ctx          __malloc_context
#define alloc_meta   __malloc_alloc_meta
#define is_allzero   __malloc_allzerop

static inline void *piece_map(size_t size)
{
    void *piece = __heap_map(size);
    if (piece == MAP_FAILED)
        errno = ENOMEM;
    return piece;
}

/* What is mapped is there, all of it, to be read and written, until it is unmapped as a whole. */
#define brk(address)                                     ((uintptr_t)-1)
#define mmap(address, size, protection, flags, file, at) piece_map(size)
#define munmap(piece, size)                              __heap_unmap(piece, size)
#define mremap(piece, size, new_size, flags)             MAP_FAILED
#define mprotect(piece, size, protection)                0
#define madvise(piece, size, advice)                     ((void)0)
#define get_random_secret                                __heap_secret
#define DISABLE_ALIGNED_ALLOC                            0

#define MT                  1
#define RDLOCK_IS_EXCLUSIVE 1
#define LOCK_OBJ_DEF        struct heap_lock_is_elsewhere
#define rdlock()            __heap_enter()
#define wrlock()            __heap_enter()
#define unlock()            __heap_leave()
#define upgradelock()       ((void)0)
