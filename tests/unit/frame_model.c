/* A bitmap of all frames, and the list of blocks handed out (frame_model.h). */
#include "frame_model.h"
#include "arch/mmu.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "sched/cpu.h"
#include "selftest/check.h"

#include <string.h>
#include <sys/mman.h>

#define REGIONS_MAX 16
#define BLOCKS_MAX  4096
#define NODES_MAX   4

struct model_region {
    uint32_t first, end, node;
};

struct model_block {
    uint32_t number, order;
};

static struct model_region regions[REGIONS_MAX];
static uint32_t region_count;
static struct model_block blocks[BLOCKS_MAX];
static uint32_t block_count;
static uint8_t used[FRAME_MODEL_FRAMES]; /* 1: handed out */
static uint64_t used_of_node[NODES_MAX], total_of_node[NODES_MAX];
static struct frame *database;

void frame_model_start(void)
{
    size_t size = FRAME_MODEL_FRAMES * sizeof(struct frame);
    if (database == NULL)
        database = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(database != MAP_FAILED);
    host_frame_base = database;
    frame_reset();
    boot_cpu.frames.count = boot_cpu.clean.count = 0;
    boot_cpu.node = 0;
    for (uint32_t i = 0; i < region_count; i++)
        memset(used + regions[i].first, 0, regions[i].end - regions[i].first);
    region_count = block_count = 0;
    memset(used_of_node, 0, sizeof(used_of_node));
    memset(total_of_node, 0, sizeof(total_of_node));
}

void frame_model_region(uint32_t first, uint32_t end, uint32_t node)
{
    assert(region_count < REGIONS_MAX && end <= FRAME_MODEL_FRAMES && node < NODES_MAX);
    /* What the database holds at first must not matter. */
    memset(database + first, 0x01, (end - first) * sizeof(struct frame));
    regions[region_count++] = (struct model_region){first, end, node};
    total_of_node[node] += end - first;
    error_t error = frame_add_region(PHYS((uint64_t)first << PAGE_SHIFT),
                                     (uint64_t)(end - first) << PAGE_SHIFT, node);
    assert(error == OK);
}

static uint32_t model_distance(uint32_t from, uint32_t to)
{
    return from == to ? 10 : 10 + ((from ^ to) & 3) * 10;
}

static bool is_free(uint32_t first, uint32_t count)
{
    return memchr(used + first, 1, count) == NULL;
}

/* True if a block of that order is to be had somewhere in `node`. */
static bool model_has(uint32_t node, uint32_t order)
{
    uint64_t size = (uint64_t)1 << order;
    for (uint32_t i = 0; i < region_count; i++) {
        if (regions[i].node != node)
            continue;
        uint64_t at = align_up(regions[i].first, size);
        for (; at + size <= regions[i].end; at += size)
            if (is_free((uint32_t)at, (uint32_t)size))
                return true;
    }
    return false;
}

static uint32_t model_node_of(uint32_t number, uint32_t order)
{
    uint32_t i = 0;
    while (number < regions[i].first || number + (1u << order) > regions[i].end) {
        i++;
        assert(i < region_count);
    }
    return regions[i].node;
}

static void model_mark(uint32_t number, uint32_t order, uint8_t value)
{
    uint32_t node = model_node_of(number, order);
    memset(used + number, value, (size_t)1 << order);
    used_of_node[node] += value != 0 ? (uint64_t)1 << order : -((uint64_t)1 << order);
}

static void model_check_counts(void)
{
    for (uint32_t node = 0; node < frame_node_count(); node++) {
        struct frame_stats stats;
        frame_stats(node, &stats);
        assert(stats.total == total_of_node[node]);
        assert(stats.total == stats.free + used_of_node[node]);
        assert(stats.untouched <= stats.free);
    }
}

/* Frames in the CPU's cache are as good as used for who looks at the lists alone. */
static void model_mark_cached(uint8_t value)
{
    for (uint32_t i = 0; i < boot_cpu.frames.count; i++)
        used[boot_cpu.frames.numbers[i]] = value;
}

/* No nearer node could have given the block. */
static void model_check_nearest(uint32_t node, uint32_t got, uint32_t order)
{
    model_mark_cached(1);
    for (uint32_t near = 0; near < frame_node_count(); near++)
        if (model_distance(node, near) < model_distance(node, got))
            assert(!model_has(near, order));
    model_mark_cached(0);
}

error_t frame_model_alloc(uint32_t order, uint32_t node, uint32_t flags, phys_t *result)
{
    error_t error = frame_alloc(order, node, flags, result);
    if (error != OK) {
        assert(error == ERR_no_memory);
        for (uint32_t i = 0; i < frame_node_count(); i++)
            if (i == node || (flags & FRAME_THIS_NODE) == 0)
                assert(!model_has(i, order));
        return error;
    }
    uint32_t number = (uint32_t)(result->pa >> PAGE_SHIFT);
    assert(is_aligned(result->pa, PAGE_SIZE << order));
    assert(is_free(number, 1u << order));
    uint32_t got = model_node_of(number, order);
    assert(got == node || (flags & FRAME_THIS_NODE) == 0);
    assert(frame_of(*result)->references == 1 && frame_of(*result)->node == got);
    model_check_nearest(node, got, order);
    model_mark(number, order, 1);
    return OK;
}

void frame_model_free(phys_t frame, uint32_t order)
{
    model_mark((uint32_t)(frame.pa >> PAGE_SHIFT), order, 0);
    frame_free(frame, order);
}

static void model_free_block(uint32_t index)
{
    struct model_block block = blocks[index];
    blocks[index] = blocks[--block_count];
    frame_model_free(PHYS((uint64_t)block.number << PAGE_SHIFT), block.order);
}

static void model_alloc_block(uint32_t order, uint32_t node, uint32_t flags)
{
    phys_t frame;
    if (block_count == BLOCKS_MAX || frame_model_alloc(order, node, flags, &frame) != OK)
        return;
    blocks[block_count++] = (struct model_block){(uint32_t)(frame.pa >> PAGE_SHIFT), order};
}

/* Operations by the first byte; most allocations are small ones. */
static void model_step(uint8_t what, uint8_t operand)
{
    uint32_t node = (operand >> 5) % frame_node_count();
    uint32_t flags = (what & 0x80) != 0 ? FRAME_THIS_NODE : 0;
    switch (what & 7) {
    case 0:
    case 1:
        model_alloc_block(0, node, flags);
        break;
    case 2:
        model_alloc_block((operand & 31) % 10, node, flags);
        break;
    case 3:
        model_alloc_block((operand & 31) % (FRAME_ORDER_MAX + 1), node, flags);
        break;
    case 4:
        for (uint32_t i = 0; i < operand; i++)
            model_alloc_block(what >> 3 & 3, node, flags);
        break;
    case 5:
        for (uint32_t i = 0; i < operand && block_count != 0; i++)
            model_free_block((operand * 31u + i * 7u) % block_count);
        break;
    case 6:
        if (block_count != 0)
            model_free_block(operand % block_count);
        break;
    default:
        if (operand % 16 == 0)
            frame_cache_drain();
        break;
    }
}

void frame_model_operate(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        model_step(bytes[i], bytes[i + 1]);
        if (i % 16 == 0)
            model_check_counts();
    }
    frame_check();
}

void frame_model_end(void)
{
    while (block_count != 0)
        model_free_block(block_count - 1);
    frame_cache_drain();
    model_check_counts();
    frame_check();
    for (uint32_t node = 0; node < frame_node_count(); node++) {
        struct frame_stats stats;
        frame_stats(node, &stats);
        assert(stats.free == stats.total && stats.cached == 0);
    }
}

/* A machine: node count, then regions of a gap, a length and a node each, four bytes a region. */
void frame_model_run(const uint8_t *bytes, size_t size)
{
    if (size < 6)
        return;
    frame_model_start();
    uint32_t nodes = 1 + bytes[0] % NODES_MAX, count = 1 + bytes[1] % 8u, at = bytes[1] >> 3;
    uint32_t scale = (bytes[0] & 0x80) != 0 ? 2048 : 1;
    size_t used_bytes = 2;
    for (uint32_t i = 0; i < count && used_bytes + 4 <= size; i++, used_bytes += 4) {
        const uint8_t *four = bytes + used_bytes;
        at += four[0] & 0x3f;
        uint32_t length = 1 + (four[1] | ((uint32_t)four[2] & 15) << 8) * scale / 4;
        if (length > FRAME_MODEL_FRAMES - at)
            break;
        frame_model_region(at, at + length, four[3] % nodes);
        at += length;
    }
    if (region_count == 0)
        return;
    frame_order_nodes(nodes, model_distance);
    frame_model_operate(bytes + used_bytes, size - used_bytes);
    frame_model_end();
}
