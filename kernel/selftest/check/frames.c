/* The invariants of the frame allocator: lists, orders, counts, the CPU's caches (mem/frame.h). */
#include "lib/assert.h"
#include "mem/buddy.h"
#include "sched/cpu.h"
#include "selftest/check.h"

/* Every entry of a list is what it should be, and could not have joined its buddy. */
static void buddy_check_list_locked(const struct buddy_node *node, uint32_t order)
{
    uint32_t length = 0, prev = FRAME_NONE;
    bool listed = ((node->listed >> order) & 1) != 0;
    uint32_t number = listed ? node->first[order] : FRAME_NONE;
    while (number != FRAME_NONE) {
        const struct frame *frame = frame_at(number);
        const struct buddy_region *region = &buddy_regions[frame->region];
        assert(frame_state(frame) == FRAME_FREE && frame->order == order && frame->prev == prev);
        assert(is_aligned(number, (uint64_t)1 << order));
        assert(number >= region->first && number < region->frontier);
        assert(frame->node == region->node && &buddy_nodes[region->node] == node);
        assert(order == FRAME_ORDER_MAX || !buddy_joins(number ^ (1u << order), order, region));
        prev = number;
        number = frame->next;
        length++;
    }
    assert(length == node->blocks[order] && listed == (length != 0));
}

/* The blocks of a region tile it up to the frontier; returns how many of its frames are free. */
static uint64_t buddy_check_region_locked(const struct buddy_region *region)
{
    uint64_t free = 0;
    uint32_t number = region->first;
    assert(region->frontier >= region->first && region->frontier <= region->end);
    while (number < region->frontier) {
        const struct frame *frame = frame_at(number);
        assert(frame_state(frame) != FRAME_INNER && frame->order <= FRAME_ORDER_MAX);
        assert(&buddy_regions[frame->region] == region && frame->node == region->node);
        assert(is_aligned(number, (uint64_t)1 << frame->order));
        if (frame_state(frame) == FRAME_FREE)
            free += 1u << frame->order;
        number += 1u << frame->order;
    }
    assert(number == region->frontier);
    return free;
}

static void buddy_check(uint32_t node_index)
{
    struct buddy_node *node = &buddy_nodes[node_index];
    if (node->total == 0)
        return;
    irq_state_t irq = spinlock_lock(&node->lock);
    for (uint32_t order = 0; order <= FRAME_ORDER_MAX; order++)
        buddy_check_list_locked(node, order);
    uint64_t free = 0, untouched = 0, total = 0;
    for (uint32_t i = 0; i < buddy_region_count; i++) {
        if (buddy_regions[i].node != node_index)
            continue;
        free += buddy_check_region_locked(&buddy_regions[i]);
        untouched += buddy_regions[i].end - buddy_regions[i].frontier;
        total += buddy_regions[i].end - buddy_regions[i].first;
    }
    assert(free == node->free && untouched == node->untouched && total == node->total);
    spinlock_unlock(&node->lock, irq);
}

static void cache_check(const struct frame_cache *cache, uint32_t node)
{
    uint32_t count = atomic_load(&cache->count);
    assert(count <= FRAME_CACHE_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        const struct frame *frame = frame_at(cache->numbers[i]);
        assert(frame_state(frame) == FRAME_CACHED && frame->order == 0 && frame->node == node);
    }
}

void frame_check(void)
{
    for (uint32_t node = 0; node < frame_node_count(); node++)
        buddy_check(node);
    uint64_t irq = arch_irq_save();
    const struct cpu *cpu = cpu_self();
    cache_check(&cpu->frames, cpu->node);
    cache_check(&cpu->clean, cpu->node);
    arch_irq_restore(irq);
}
