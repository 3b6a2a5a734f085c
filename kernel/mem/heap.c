/*
 * The kernel heap.
 *
 * A slab is 32 KiB, aligned to its size: a header of 64 bytes, then blocks of one size class.
 *
 *     +--------+---------+---------+-- -- --+---------+------+
 *     | header | block 0 | block 1 |        | block n | rest |
 *     +--------+---------+---------+-- -- --+---------+------+
 *
 * The sizes are chosen by how many blocks fit, so `rest` is small. Larger requests are blocks of
 * the frame allocator, of 32 KiB at least, and so aligned to 32 KiB. So an address says what it
 * is: a multiple of the slab size is a large block, and its order stands in its struct frame;
 * anything else lies in the slab that starts at the multiple below.
 *
 * Life cycle of a slab: made when its class has no free block; `partial` while it has free and
 * used blocks, or is the one empty slab a class keeps; `full` when it has none free; given back
 * when a second one is empty. Blocks never handed out are not touched (`fresh` counts them).
 *
 * In debug builds the last 8 bytes of a used block hold the size asked for, and the bytes from
 * there on are a red zone; a free block is poison behind the link to the next. Large blocks keep
 * the size in their struct frame, and their red zone is what remains of them, RED_MAX at most.
 */
#include "lib/assert.h"
#include "lib/config.h"
#include "lib/string.h"
#include "mem/heap_slab.h"
#include "mem/phys.h"
#include "sched/cpu.h"

#define RED_BYTE      0xbd
#define RED_MAX       256 /* bytes of red zone checked behind a large block */
#define DEBUG_TRAILER (CONFIG_DEBUG ? 2 * sizeof(uint64_t) : 0) /* red zone and size */

/* Multiples of 64: 511, 255, 170, 127, 85 ... 3, 2 blocks a slab. */
static const uint16_t slab_sizes[SLAB_CLASSES] = {64,   128,  192,  256,  384,   512,
                                                  768,  1024, 1536, 2176, 2688,  3584,
                                                  4672, 5440, 6528, 8128, 10880, 16320};

struct heap_class heap_classes[CLASS_COUNT];
static uint8_t heap_class_of[16320 / HEAP_MIN + 1]; /* by size in units of 64, rounded up */

void heap_init(void)
{
    for (uint32_t i = 0; i < CLASS_COUNT; i++) {
        struct heap_class *class = &heap_classes[i];
        memset(class, 0, sizeof(*class));
        spinlock_init(&class->lock, LOCK_RANK_heap);
        list_init(&class->partial);
        list_init(&class->full);
        class->size =
            i < SLAB_CLASSES ? slab_sizes[i] : (uint32_t)(SLAB_SIZE << (i - SLAB_CLASSES));
    }
    uint32_t class_index = 0;
    for (uint32_t units = 0; units < COUNT_OF(heap_class_of); units++) {
        while (slab_sizes[class_index] < units * HEAP_MIN)
            class_index++;
        heap_class_of[units] = (uint8_t)class_index;
    }
}

/* Debug: what stands in a block. */

static uint64_t *block_asked(void *block, uint32_t block_size)
{
    return (void *)((char *)block + block_size - sizeof(uint64_t));
}

/* A block goes out: its poison must be whole. */
static void block_arm(void *block, uint32_t block_size, size_t asked, bool was_free)
{
    size_t link = sizeof(void *);
    assert(!was_free || bytes_are((char *)block + link, block_size - link, POISON_BYTE));
    memset((char *)block + asked, RED_BYTE, block_size - asked);
    *block_asked(block, block_size) = asked;
}

/* A block comes back: the size asked for must be sound (it is not if freed twice), the red zone
 * whole. */
static void block_disarm(void *block, uint32_t block_size)
{
    uint64_t asked = *block_asked(block, block_size);
    assert(asked != 0 && asked <= block_size - DEBUG_TRAILER);
    size_t red = block_size - sizeof(uint64_t) - asked;
    assert(bytes_are((char *)block + asked, red, RED_BYTE));
    memset(block, POISON_BYTE, block_size);
}

/* Slabs. */

static void *slab_block(struct slab *slab, uint32_t index)
{
    return (char *)slab + HEAP_MIN + (size_t)index * slab->block_size;
}

/* A new slab in `partial`; NULL if there is no memory. */
static struct slab *slab_make_locked(struct heap_class *class)
{
    phys_t memory;
    if (frame_alloc(SLAB_ORDER, cpu_self()->node, 0, &memory) != OK)
        return NULL;
    struct slab *slab = phys_to_virt(memory);
    *slab = (struct slab){.magic = SLAB_MAGIC,
                          .class_index = (uint16_t)(class - heap_classes),
                          .block_size = (uint16_t)class->size,
                          .capacity = (uint16_t)((SLAB_SIZE - HEAP_MIN) / class->size)};
    list_add_first(&class->partial, &slab->link);
    class->frames += 1u << SLAB_ORDER;
    class->empty++;
    return slab;
}

static void slab_give_back_locked(struct heap_class *class, struct slab *slab)
{
    list_remove(&slab->link);
    slab->magic = 0;
    class->frames -= 1u << SLAB_ORDER;
    class->empty--;
    frame_free(virt_to_phys(slab), SLAB_ORDER);
}

static void *slab_take_locked(struct heap_class *class, struct slab *slab, size_t asked)
{
    debug_assert(slab->magic == SLAB_MAGIC && slab->used < slab->capacity);
    void *block = slab->free;
    bool was_free = block != NULL;
    if (was_free) {
        debug_assert(slab_of(block) == slab);
        slab->free = *(void **)block;
    } else {
        block = slab_block(slab, slab->fresh++);
    }
    if (slab->used++ == 0)
        class->empty--;
    if (slab->used == slab->capacity) {
        list_remove(&slab->link);
        list_add_last(&class->full, &slab->link);
    }
    if (CONFIG_DEBUG)
        block_arm(block, slab->block_size, asked, was_free);
    return block;
}

static void slab_put_locked(struct heap_class *class, struct slab *slab, void *block)
{
    assert(slab->used != 0 && slab->free != block);
    if (CONFIG_DEBUG)
        block_disarm(block, slab->block_size);
    *(void **)block = slab->free;
    slab->free = block;
    if (slab->used-- == slab->capacity) {
        list_remove(&slab->link);
        list_add_first(&class->partial, &slab->link);
    }
    if (slab->used == 0 && ++class->empty > 1)
        slab_give_back_locked(class, slab);
}

static void *heap_alloc_small(size_t asked)
{
    size_t size = asked + DEBUG_TRAILER;
    struct heap_class *class = &heap_classes[heap_class_of[(size + HEAP_MIN - 1) / HEAP_MIN]];
    debug_assert(class->size >= size);
    void *block = NULL;
    irq_state_t irq = spinlock_lock(&class->lock);
    struct slab *slab = list_empty(&class->partial)
                            ? slab_make_locked(class)
                            : CONTAINER_OF(class->partial.next, struct slab, link);
    if (slab != NULL) {
        block = slab_take_locked(class, slab, asked);
        class->allocated++;
    }
    spinlock_unlock(&class->lock, irq);
    return block;
}

static void heap_free_small(void *block)
{
    struct slab *slab = slab_of(block);
    assert(slab->magic == SLAB_MAGIC && slab->class_index < SLAB_CLASSES);
    uint32_t offset = (uint32_t)((uintptr_t)block - (uintptr_t)slab) - HEAP_MIN;
    debug_assert(offset % slab->block_size == 0);
    struct heap_class *class = &heap_classes[slab->class_index];
    irq_state_t irq = spinlock_lock(&class->lock);
    class->freed++;
    slab_put_locked(class, slab, block);
    spinlock_unlock(&class->lock, irq);
}

/* Blocks of whole frames. */

/* Counts a large block that comes (+1) or goes (-1). */
static void large_count(uint32_t order, int change)
{
    struct heap_class *class = &heap_classes[SLAB_CLASSES + order - SLAB_ORDER];
    irq_state_t irq = spinlock_lock(&class->lock);
    class->allocated += change > 0;
    class->freed += change < 0;
    class->frames += change > 0 ? 1u << order : -((uint64_t)1 << order);
    spinlock_unlock(&class->lock, irq);
}

static size_t large_red_size(size_t asked, uint32_t order)
{
    return min_u64((PAGE_SIZE << order) - asked, RED_MAX);
}

static void *heap_alloc_large(size_t asked)
{
    uint32_t order = SLAB_ORDER;
    while (PAGE_SIZE << order < asked)
        order++;
    phys_t memory;
    if (frame_alloc(order, cpu_self()->node, 0, &memory) != OK)
        return NULL;
    char *block = phys_to_virt(memory);
    frame_of(memory)->next = (uint32_t)asked;
    if (CONFIG_DEBUG)
        memset(block + asked, RED_BYTE, large_red_size(asked, order));
    large_count(order, 1);
    return block;
}

static void heap_free_large(char *block)
{
    phys_t memory = virt_to_phys(block);
    const struct frame *frame = frame_of(memory);
    uint32_t order = frame->order, asked = frame->next;
    assert(frame_state(frame) == FRAME_USED && order >= SLAB_ORDER &&
           order < SLAB_ORDER + LARGE_COUNT);
    assert(asked != 0 && asked <= PAGE_SIZE << order);
    debug_assert(bytes_are(block + asked, large_red_size(asked, order), RED_BYTE));
    if (CONFIG_DEBUG)
        memset(block, POISON_BYTE, PAGE_SIZE << order);
    large_count(order, -1);
    frame_free(memory, order);
}

/* The interface. */

void *kmalloc(size_t size)
{
    assert(size != 0 && size <= HEAP_MAX);
    bool small = size + DEBUG_TRAILER <= slab_sizes[SLAB_CLASSES - 1];
    void *block = small ? heap_alloc_small(size) : heap_alloc_large(size);
    if (block != NULL)
        cpu_metric_add(cpu_self(), METRIC_heap_allocated, 1);
    return block;
}

void *kmalloc_zero(size_t size)
{
    void *block = kmalloc(size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

void kfree(void *block)
{
    if (block == NULL)
        return;
    cpu_metric_add(cpu_self(), METRIC_heap_freed, 1);
    assert(is_aligned((uintptr_t)block, HEAP_MIN));
    if (is_aligned((uintptr_t)block, SLAB_SIZE))
        heap_free_large(block);
    else
        heap_free_small(block);
}

int heap_class_count(void)
{
    return CLASS_COUNT;
}

size_t heap_class_size(int class_index)
{
    assert(class_index >= 0 && class_index < (int)CLASS_COUNT);
    return heap_classes[class_index].size;
}

static void heap_stats_add(struct heap_class *class, struct heap_stats *stats)
{
    irq_state_t irq = spinlock_lock(&class->lock);
    uint64_t used = class->allocated - class->freed;
    stats->used_blocks += used;
    stats->used_bytes += used * class->size;
    stats->allocated += class->allocated;
    stats->freed += class->freed;
    stats->frames += class->frames;
    spinlock_unlock(&class->lock, irq);
}

void heap_stats(int class_index, struct heap_stats *stats)
{
    assert(class_index < (int)CLASS_COUNT);
    memset(stats, 0, sizeof(*stats));
    for (int i = 0; i < (int)CLASS_COUNT; i++)
        if (class_index < 0 || class_index == i)
            heap_stats_add(&heap_classes[i], stats);
}
