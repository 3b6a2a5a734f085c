/*
 * Self test: frames and heap on the booted machine.
 *
 * Every order and size class, zeroing, and a node taken to its last frame and given back. The
 * blocks that a test holds are chained through their own first words, as nothing else is left.
 */
#include "lib/print.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "mem/phys.h"
#include "selftest/check.h"
#include "selftest/selftest.h"
#include "trace/console.h"

#define ORDER_SURE 9 /* blocks of this order exist on every machine that we boot */
#define DIRT       0xa5

/* The head of a block that a test holds. */
struct held {
    struct held *next;
    uint32_t order;
};

static uint64_t frames_free(void)
{
    uint64_t sum = 0;
    for (uint32_t node = 0; node < frame_node_count(); node++) {
        struct frame_stats stats;
        frame_stats(node, &stats);
        sum += stats.free;
    }
    return sum;
}

static bool all_zero(const void *memory, size_t size)
{
    const uint64_t *word = memory;
    for (size_t i = 0; i < size / sizeof(*word); i++)
        if (word[i] != 0)
            return false;
    return true;
}

/* A block comes zeroed also if it was dirty before. */
static bool order_test(uint32_t order, uint32_t node)
{
    phys_t frame;
    if (frame_alloc(order, node, 0, &frame) != OK)
        return SELF_EXPECT(order > ORDER_SURE);
    bool passed = SELF_EXPECT(is_aligned(frame.pa, PAGE_SIZE << order));
    passed &= SELF_EXPECT(frame_of(frame)->state == FRAME_USED);
    passed &= SELF_EXPECT(frame_of(frame)->order == order);
    if (order <= ORDER_SURE)
        memset(phys_to_virt(frame), DIRT, PAGE_SIZE << order);
    frame_free(frame, order);
    if (order > ORDER_SURE)
        return passed;
    passed &= SELF_EXPECT(frame_alloc(order, node, FRAME_ZERO, &frame) == OK);
    passed &= SELF_EXPECT(all_zero(phys_to_virt(frame), PAGE_SIZE << order));
    frame_free(frame, order);
    return passed;
}

static bool frame_orders(void)
{
    bool passed = true;
    uint64_t before = frames_free();
    for (uint32_t order = 0; order <= FRAME_ORDER_MAX; order++)
        passed &= order_test(order, 0);
    passed &= SELF_EXPECT(frames_free() == before);
    frame_check();
    return passed;
}

/* Takes all that the node has, the largest blocks first. */
static struct held *node_exhaust(uint32_t node)
{
    struct held *all = NULL;
    for (uint32_t order = FRAME_ORDER_MAX + 1; order-- > 0;) {
        phys_t frame;
        while (frame_alloc(order, node, FRAME_THIS_NODE, &frame) == OK) {
            struct held *block = phys_to_virt(frame);
            *block = (struct held){.next = all, .order = order};
            all = block;
        }
    }
    return all;
}

static uint64_t held_free(struct held *all)
{
    uint64_t frames = 0;
    while (all != NULL) {
        struct held *block = all;
        all = block->next;
        frames += UINT64_C(1) << block->order;
        frame_free(virt_to_phys(block), block->order);
    }
    return frames;
}

static bool node_test(uint32_t node)
{
    struct frame_stats before, empty, after;
    phys_t frame;
    frame_stats(node, &before);
    if (before.total == 0)
        return true;
    struct held *all = node_exhaust(node);
    frame_stats(node, &empty);
    /* Another CPU's cache is its own: no one else gets at what lies there. */
    bool passed = SELF_EXPECT(empty.free == empty.cached);
    passed &= SELF_EXPECT(frame_alloc(0, node, FRAME_THIS_NODE, &frame) == ERR_no_memory);
    if (frame_node_count() > 1 && SELF_EXPECT(frame_alloc(0, node, 0, &frame) == OK)) {
        passed &= SELF_EXPECT(frame_of(frame)->node != node);
        frame_free(frame, 0);
    }
    uint64_t taken = held_free(all);
    frame_cache_drain();
    frame_stats(node, &after);
    passed &= SELF_EXPECT(taken + empty.free == before.free);
    passed &= SELF_EXPECT(after.free == before.free);
    frame_check();
    return passed;
}

static bool frame_exhaustion(void)
{
    bool passed = true;
    for (uint32_t node = 0; node < frame_node_count(); node++)
        passed &= node_test(node);
    return passed;
}

static bool heap_size_test(size_t size)
{
    uint8_t *block = kmalloc(size), *zeroed = kmalloc_zero(size);
    bool passed = SELF_EXPECT(block != NULL && zeroed != NULL && block != zeroed);
    if (block != NULL && zeroed != NULL) {
        passed &= SELF_EXPECT(is_aligned((uintptr_t)block, 64));
        passed &= SELF_EXPECT(all_zero(zeroed, size) && zeroed[size - 1] == 0);
        memset(block, DIRT, size);
        memset(zeroed, 0x5a, size);
        passed &= SELF_EXPECT(block[0] == DIRT && block[size - 1] == DIRT);
    }
    kfree(block);
    kfree(zeroed);
    return passed;
}

static bool heap_classes(void)
{
    struct heap_stats before, after;
    bool passed = true;
    heap_stats(-1, &before);
    for (int i = 0; i < heap_class_count(); i++) {
        passed &= heap_size_test(heap_class_size(i));
        passed &= heap_size_test(heap_class_size(i) - 1);
    }
    for (size_t size = 1; size <= HEAP_MAX; size = size * 3 + 1)
        passed &= heap_size_test(size);
    passed &= heap_size_test(HEAP_MAX);
    heap_stats(-1, &after);
    passed &= SELF_EXPECT(after.used_blocks == before.used_blocks);
    passed &= SELF_EXPECT(after.used_bytes == before.used_bytes);
    passed &= SELF_EXPECT(after.allocated - before.allocated == after.freed - before.freed);
    heap_check();
    return passed;
}

/* Blocks of every class until the heap gives none; the frames come back. */
static bool heap_exhaustion(void)
{
    struct held *all = NULL, *block;
    struct heap_stats before, after;
    heap_stats(-1, &before);
    for (size_t size = HEAP_MAX; size >= HEAP_MIN; size /= 2)
        while ((block = kmalloc(size)) != NULL) {
            block->next = all;
            all = block;
        }
    bool passed = SELF_EXPECT(all != NULL);
    while (all != NULL) {
        block = all;
        all = block->next;
        kfree(block);
    }
    heap_stats(-1, &after);
    passed &= SELF_EXPECT(after.used_blocks == before.used_blocks);
    return passed && heap_size_test(HEAP_MAX);
}

SELF_TEST(frame_orders, frame_orders)
SELF_TEST(frame_exhaustion, frame_exhaustion)
SELF_TEST(heap_classes, heap_classes)
SELF_TEST(heap_exhaustion, heap_exhaustion)
