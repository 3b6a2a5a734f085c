/* A list of blocks, each filled with bytes that tell which one it is (heap_model.h). */
#include "heap_model.h"
#include "arch/mmu.h"
#include "cap/slot.h"
#include "host.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "sched/cpu.h"
#include "selftest/check.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX   2048
#define MEMORY_BASE  ((uint64_t)MIB)
#define MEMORY_FIRST ((uint32_t)(MEMORY_BASE >> PAGE_SHIFT))
#define MEMORY_END   ((uint32_t)((MEMORY_BASE + HEAP_MODEL_MEMORY) >> PAGE_SHIFT))

struct model_block {
    uint8_t *block;
    size_t size;
    uint8_t fill;
};

static struct model_block blocks[BLOCKS_MAX];
static uint32_t block_count;
static uint8_t next_fill;
static uint64_t allocated;
static char *memory;
static struct frame database[MEMORY_END];

void heap_model_start(void)
{
    if (memory == NULL)
        memory = aligned_alloc(MIB, HEAP_MODEL_MEMORY);
    assert(memory != NULL);
    host_phys_set(PHYS(MEMORY_BASE), memory, HEAP_MODEL_MEMORY);
    host_frame_base = database;
    frame_reset();
    boot_cpu.frames.count = boot_cpu.clean.count = 0;
    boot_cpu.node = 0;
    error_t error = frame_add_region(PHYS(MEMORY_BASE), HEAP_MODEL_MEMORY, 0);
    assert(error == OK);
    heap_init();
    slot_table_forget();
    block_count = 0;
    allocated = 0;
}

static bool all_are(const uint8_t *bytes, size_t size, uint8_t value)
{
    return bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void model_check_block(const struct model_block *block)
{
    assert(all_are(block->block, block->size, block->fill));
}

static void model_alloc(size_t size, bool zero)
{
    if (block_count == BLOCKS_MAX)
        return;
    uint8_t *block = zero ? kmalloc_zero(size) : kmalloc(size);
    if (block == NULL)
        return;
    allocated++;
    assert(is_aligned((uintptr_t)block, HEAP_MIN));
    assert(block >= (uint8_t *)memory && block + size <= (uint8_t *)memory + HEAP_MODEL_MEMORY);
    assert(!zero || all_are(block, size, 0));
    memset(block, next_fill, size);
    blocks[block_count++] = (struct model_block){block, size, next_fill++};
}

static void model_free(uint32_t index)
{
    struct model_block block = blocks[index];
    model_check_block(&block);
    blocks[index] = blocks[--block_count];
    kfree(block.block);
}

static void model_check(void)
{
    struct heap_stats stats;
    heap_stats(-1, &stats);
    assert(stats.used_blocks == block_count && stats.allocated == allocated);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < block_count; i++)
        bytes += blocks[i].size;
    assert(stats.used_bytes >= bytes && stats.frames << PAGE_SHIFT >= stats.used_bytes);
}

/* A size of every magnitude alike: some bits of `bits`, as many as `magnitude` says. */
static size_t model_size(uint8_t magnitude, uint8_t bits)
{
    uint32_t shift = magnitude % 14;
    return min_u64(HEAP_MAX, 1 + ((size_t)bits << shift >> 1));
}

static void model_step(uint8_t what, uint8_t magnitude, uint8_t operand)
{
    if (what == 0) {
        for (uint32_t i = 0; i < block_count; i++)
            model_check_block(&blocks[i]);
    } else if ((what & 15) == 1) {
        for (uint32_t i = 0; i < operand; i++)
            model_alloc(model_size(magnitude % 6, operand), false);
    } else if ((what & 15) == 2) {
        for (uint32_t i = 0; i < operand && block_count != 0; i++)
            model_free((magnitude + i * 13u) % block_count);
    } else if ((what & 1) != 0) {
        model_alloc(model_size(magnitude, operand), (what & 16) != 0);
    } else if (block_count != 0) {
        model_free(operand % block_count);
    }
}

void heap_model_run(const uint8_t *bytes, size_t size)
{
    heap_model_start();
    for (size_t i = 0; i + 2 < size; i += 3) {
        model_step(bytes[i], bytes[i + 1], bytes[i + 2]);
        if (i % 64 == 0)
            model_check();
    }
    heap_check();
    frame_check();
    while (block_count != 0)
        model_free(block_count - 1);
    model_check();
    heap_check();
}
