/* How the heap keeps its blocks (heap.c says it): for heap.c and the checks of selftest/ alone. */
#pragma once

#include "lib/list.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "sync/spinlock.h"

#define SLAB_ORDER   3
#define SLAB_SIZE    (PAGE_SIZE << SLAB_ORDER)
#define SLAB_MAGIC   0x736c6162u
#define SLAB_CLASSES 18
#define LARGE_COUNT  6 /* orders 3 to 8: 32 KiB to 1 MiB */
#define CLASS_COUNT  (SLAB_CLASSES + LARGE_COUNT)
#define POISON_BYTE  0xde

struct slab {
    struct list link; /* in partial or full of its class */
    void *free;       /* blocks that were freed, linked by their first word */
    uint32_t magic;
    uint16_t class_index;
    uint16_t block_size;
    uint16_t capacity; /* blocks that fit */
    uint16_t used;
    uint16_t fresh; /* blocks 0 .. fresh - 1 were handed out before */
};
_Static_assert(sizeof(struct slab) <= HEAP_MIN, "the header has the room of the smallest block");

struct heap_class {
    struct spinlock lock;      /* all below, and the slabs of the class */
    uint32_t size;             /* constant */
    uint32_t empty;            /* slabs without a used block: 0 or 1 */
    struct list partial, full; /* slabs */
    uint64_t allocated, freed, frames;
};

extern struct heap_class heap_classes[];

static inline struct slab *slab_of(const void *block)
{
    return (struct slab *)align_down((uintptr_t)block, SLAB_SIZE);
}

static inline bool bytes_are(const void *from, size_t size, uint8_t byte)
{
    const uint8_t *bytes = from;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}
