/*
 * Page frames: the interface of frame.h, caches of single frames per CPU, and the choice of node.
 *
 * Most requests are for one frame of the caller's own node. They come from the CPU's cache with
 * interrupts off and without a lock; an empty cache is half filled, a full one half emptied, by
 * one visit to the node's lists (buddy.c).
 */
#include "mem/frame.h"
#include "lib/assert.h"
#include "lib/config.h"
#include "lib/string.h"
#include "mem/buddy.h"
#include "mem/phys.h"
#include "sched/cpu.h"
#include "trace/metric.h"

#define CACHE_BATCH (FRAME_CACHE_SIZE / 2)

static uint32_t node_count = 1; /* constant after boot, as is node_near */
static uint8_t node_near[CONFIG_NODE_MAX][CONFIG_NODE_MAX]; /* [from]: others, nearest first */
static bool node_ordered; /* node_near is filled; else by number */

error_t frame_add_region(phys_t base, uint64_t size, uint32_t node)
{
    assert(is_aligned(base.pa, PAGE_SIZE) && is_aligned(size, PAGE_SIZE));
    if (size == 0)
        return OK;
    uint64_t first = base.pa >> PAGE_SHIFT, end = (base.pa + size) >> PAGE_SHIFT;
    if (end >= FRAME_NONE)
        return ERR_unsupported;
    error_t error = buddy_add_region((uint32_t)first, (uint32_t)end, node);
    if (error == OK && node >= node_count)
        node_count = node + 1;
    return error;
}

void frame_order_nodes(uint32_t count, uint32_t (*distance)(uint32_t from, uint32_t to))
{
    assert(count >= node_count && count <= CONFIG_NODE_MAX);
    node_count = count;
    for (uint32_t from = 0; from < count; from++) {
        uint8_t *near = node_near[from];
        uint32_t sorted = 0;
        for (uint32_t to = 0; to < count; to++) {
            if (to == from)
                continue;
            uint32_t at = sorted++;
            for (; at > 0 && distance(from, near[at - 1]) > distance(from, to); at--)
                near[at] = near[at - 1];
            near[at] = (uint8_t)to;
        }
    }
    node_ordered = true;
}

uint32_t frame_node_count(void)
{
    return node_count;
}

/* The count is atomic for readers of statistics; only its CPU writes it. */
static inline uint32_t cache_count(const struct frame_cache *cache)
{
    return atomic_load_explicit(&cache->count, memory_order_relaxed);
}

static inline void cache_set_count(struct frame_cache *cache, uint32_t count)
{
    atomic_store_explicit(&cache->count, count, memory_order_relaxed);
}

static uint32_t cache_refill(struct cpu *cpu)
{
    uint32_t count = buddy_take(cpu->node, 0, FRAME_CACHED, cpu->frames.numbers, CACHE_BATCH);
    cache_set_count(&cpu->frames, count);
    cpu_metric_add(cpu, METRIC_frame_refills, 1);
    return count;
}

/* Gives the `count` frames back that have lain longest, if any. */
static void cache_shrink(struct cpu *cpu, struct frame_cache *cache, uint32_t count)
{
    uint32_t kept = cache_count(cache) - count;
    uint32_t *numbers = cache->numbers;
    if (count == 0)
        return;
    buddy_give(cpu->node, 0, numbers, count);
    memmove(numbers, numbers + count, kept * sizeof(numbers[0]));
    cache_set_count(cache, kept);
    cpu_metric_add(cpu, METRIC_frame_refills, 1);
}

void frame_cache_drain(void)
{
    uint64_t irq = arch_irq_save();
    struct cpu *cpu = cpu_self();
    cache_shrink(cpu, &cpu->frames, cache_count(&cpu->frames));
    cache_shrink(cpu, &cpu->clean, cache_count(&cpu->clean));
    arch_irq_restore(irq);
}

static uint32_t node_take(uint32_t node, uint32_t order)
{
    uint32_t number;
    return buddy_take(node, order, FRAME_USED, &number, 1) == 1 ? number : FRAME_NONE;
}

static uint32_t node_take_nearest(uint32_t node, uint32_t order, uint32_t flags)
{
    uint32_t number = node_take(node, order);
    if ((flags & FRAME_THIS_NODE) != 0)
        return number;
    for (uint32_t i = 0; i + 1 < node_count && number == FRAME_NONE; i++) {
        uint32_t other = node_ordered ? node_near[node][i] : i + (i >= node);
        number = node_take(other, order);
    }
    return number;
}

/* A block from the lists. Interrupts off. */
static uint32_t frame_find(uint32_t order, uint32_t node, uint32_t flags)
{
    const struct cpu *cpu = cpu_self();
    uint32_t number = node_take_nearest(node, order, flags);
    if (number != FRAME_NONE || cache_count(&cpu->frames) + cache_count(&cpu->clean) == 0)
        return number;
    /* Our own cache may hold what is missing, perhaps as a buddy of what is in the lists. */
    frame_cache_drain();
    return node_take_nearest(node, order, flags);
}

/* A frame from one of the CPU's caches, which holds `count` > 0. Interrupts off. */
static inline uint32_t cache_take(struct frame_cache *cache, uint32_t count)
{
    uint32_t number = cache->numbers[count - 1];
    struct frame *frame = frame_at(number);
    debug_assert(frame_state(frame) == FRAME_CACHED && frame->node == cpu_self()->node);
    frame_set_state(frame, FRAME_USED);
    frame->references = 1;
    cache_set_count(cache, count - 1);
    return number;
}

static inline void cache_put(struct frame_cache *cache, uint32_t count, uint32_t number)
{
    frame_set_state(frame_at(number), FRAME_CACHED);
    cache->numbers[count] = number;
    cache_set_count(cache, count + 1);
}

/* Hands out frame `number`, interrupts as they were in `irq`. */
static inline error_t frame_hand_out(uint32_t number, uint32_t order, uint32_t flags, uint64_t irq,
                                     phys_t *result)
{
    cpu_metric_add(cpu_self(), METRIC_frames_allocated, 1);
    arch_irq_restore(irq);
    *result = PHYS((uint64_t)number << PAGE_SHIFT);
    if ((flags & FRAME_ZERO) != 0 && order == 0)
        arch_page_zero(phys_to_virt(*result));
    else if ((flags & FRAME_ZERO) != 0)
        memset(phys_to_virt(*result), 0, PAGE_SIZE << order);
    return OK;
}

/*
 * What the fast path of frame_alloc cannot do. A function of its own, and never inlined, so that
 * the fast path saves no registers.
 */
__attribute__((noinline)) static error_t
frame_alloc_slow(uint32_t order, uint32_t node, uint32_t flags, uint64_t irq, phys_t *result)
{
    assert(order <= FRAME_ORDER_MAX && node < node_count);
    struct cpu *cpu = cpu_self();
    struct frame_cache *cache = &cpu->frames;
    uint32_t number;
    uint32_t cached = 0;
    if (order == 0 && node == cpu->node) {
        if ((flags & FRAME_ZERO) != 0 && cache_count(&cpu->clean) != 0) {
            cache = &cpu->clean;
            flags &= ~(uint32_t)FRAME_ZERO;
        }
        cached = cache_count(cache) != 0 ? cache_count(cache) : cache_refill(cpu);
    }
    number = cached != 0 ? cache_take(cache, cached) : frame_find(order, node, flags);
    if (number != FRAME_NONE)
        return frame_hand_out(number, order, flags, irq, result);
    arch_irq_restore(irq);
    return ERR_no_memory;
}

/* Hot: one frame of the own node comes without a lock, and in few instructions. */
error_t frame_alloc(uint32_t order, uint32_t node, uint32_t flags, phys_t *result)
{
    uint64_t irq = arch_irq_save();
    struct cpu *cpu = cpu_self();
    uint32_t count = cache_count(&cpu->frames);
    if (order != 0 || node != cpu->node || count == 0 || (flags & FRAME_ZERO) != 0)
        return frame_alloc_slow(order, node, flags, irq, result);
    return frame_hand_out(cache_take(&cpu->frames, count), 0, 0, irq, result);
}

/* What the fast path of frame_free cannot do. */
__attribute__((noinline)) static void frame_free_slow(uint32_t number, uint32_t order, uint64_t irq)
{
    struct cpu *cpu = cpu_self();
    uint32_t node = frame_at(number)->node;
    if (order == 0 && node == cpu->node) {
        cache_shrink(cpu, &cpu->frames, CACHE_BATCH);
        cache_put(&cpu->frames, cache_count(&cpu->frames), number);
    } else {
        buddy_give(node, order, &number, 1);
    }
    arch_irq_restore(irq);
}

/* Hot, as frame_alloc. */
void frame_free(phys_t address, uint32_t order)
{
    uint32_t number = (uint32_t)(address.pa >> PAGE_SHIFT);
    const struct frame *frame = frame_at(number);
    assert(frame_state(frame) == FRAME_USED && frame->order == order);
    assert(frame->references <= 1);
    uint64_t irq = arch_irq_save();
    struct cpu *cpu = cpu_self();
    uint32_t count = cache_count(&cpu->frames);
    cpu_metric_add(cpu, METRIC_frames_freed, 1);
    if (order != 0 || frame->node != cpu->node || count == FRAME_CACHE_SIZE) {
        frame_free_slow(number, order, irq);
        return;
    }
    cache_put(&cpu->frames, count, number);
    arch_irq_restore(irq);
}

static bool frame_is_zero(phys_t address)
{
    const uint64_t *words = phys_to_virt(address);
    uint32_t i = 0;
    while (i < PAGE_SIZE / sizeof(*words) && words[i] == 0)
        i++;
    return i == PAGE_SIZE / sizeof(*words);
}

void frame_free_zero(phys_t address)
{
    uint32_t number = (uint32_t)(address.pa >> PAGE_SHIFT);
    const struct frame *frame = frame_at(number);
    uint64_t irq = arch_irq_save();
    struct cpu *cpu = cpu_self();
    uint32_t count = cache_count(&cpu->clean);
    debug_assert(frame_is_zero(address));
    if (frame->node != cpu->node || count == FRAME_CACHE_SIZE) {
        frame_free(address, 0);
    } else {
        assert(frame_state(frame) == FRAME_USED && frame->order == 0 && frame->references <= 1);
        cpu_metric_add(cpu, METRIC_frames_freed, 1);
        cache_put(&cpu->clean, count, number);
    }
    arch_irq_restore(irq);
}

/* The counters are of allocations and frees, and each of these is freed by itself. */
void frame_split(phys_t block, uint32_t order)
{
    buddy_split((uint32_t)(block.pa >> PAGE_SHIFT), order);
    metric_add(METRIC_frames_allocated, order);
}

void frame_stats(uint32_t node, struct frame_stats *stats)
{
    assert(node < node_count);
    buddy_stats(node, stats);
    uint32_t cpus = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < cpus; i++)
        if (cpu_table[i]->node == node)
            stats->cached += cache_count(&cpu_table[i]->frames) + cache_count(&cpu_table[i]->clean);
    stats->free += stats->cached;
}

void frame_reset(void)
{
    buddy_reset();
    node_count = 1;
    node_ordered = false;
}
