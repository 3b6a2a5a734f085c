/* The invariants of the heap's slabs and lists (mem/heap.h). */
#include "lib/assert.h"
#include "mem/heap_slab.h"
#include "selftest/check.h"

/* Walks the free blocks of a slab: in range, in place, as many as there should be. */
static void slab_check_locked(struct slab *slab, const struct heap_class *class)
{
    assert(slab->magic == SLAB_MAGIC && slab->block_size == class->size);
    assert(slab->used <= slab->fresh && slab->fresh <= slab->capacity);
    uint32_t free = 0;
    for (char *block = slab->free; block != NULL; block = *(void **)(void *)block) {
        uint32_t offset = (uint32_t)(block - (char *)slab) - HEAP_MIN;
        size_t link = sizeof(void *);
        assert(slab_of(block) == slab && offset % class->size == 0);
        assert(offset / class->size < slab->fresh);
        debug_assert(bytes_are(block + link, class->size - link, POISON_BYTE));
        free++;
        assert(free <= slab->capacity);
    }
    assert(free == (uint32_t)slab->fresh - slab->used);
}

static void heap_check_class(struct heap_class *class)
{
    uint64_t used = 0, slabs = 0, empty = 0;
    irq_state_t irq = spinlock_lock(&class->lock);
    LIST_EACH(link, &class->partial)
    {
        struct slab *slab = CONTAINER_OF(link, struct slab, link);
        slab_check_locked(slab, class);
        assert(slab->used < slab->capacity);
        used += slab->used;
        slabs++;
        empty += slab->used == 0;
    }
    LIST_EACH(link, &class->full)
    {
        struct slab *slab = CONTAINER_OF(link, struct slab, link);
        slab_check_locked(slab, class);
        assert(slab->used == slab->capacity);
        used += slab->used;
        slabs++;
    }
    assert(used == class->allocated - class->freed);
    assert(slabs << SLAB_ORDER == class->frames);
    assert(empty == class->empty && empty <= 1);
    spinlock_unlock(&class->lock, irq);
}

void heap_check(void)
{
    for (uint32_t i = 0; i < SLAB_CLASSES; i++)
        heap_check_class(&heap_classes[i]);
}
