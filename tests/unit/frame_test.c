/* The frame allocator: against its model, and its promises one by one. */
#include "frame_model.h"
#include "host.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/frame_cache.h"
#include "sched/cpu.h"
#include "selftest/check.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define GIB_FRAMES ((uint32_t)1 << 18)

static struct frame_stats stats_of(uint32_t node)
{
    struct frame_stats stats;
    frame_stats(node, &stats);
    return stats;
}

static void random_machines(uint32_t machines, size_t operations)
{
    uint8_t *bytes = malloc(operations);
    REQUIRE(bytes != NULL);
    for (uint32_t i = 0; i < machines; i++) {
        for (size_t j = 0; j < operations; j++)
            bytes[j] = (uint8_t)unit_random();
        bytes[0] &= i % 16 == 0 ? 0xff : 0x7f; /* few of the large machines, they take long */
        frame_model_run(bytes, operations);
    }
    free(bytes);
}

TEST(frame_agrees_with_a_bitmap_on_random_machines)
{
    random_machines(200, 400);
}

TEST(frame_agrees_with_a_bitmap_over_long_sequences)
{
    random_machines(4, 20000);
}

TEST(frame_gives_every_order_aligned)
{
    frame_model_start();
    frame_model_region(3, FRAME_MODEL_FRAMES - 1, 0);
    phys_t frames[FRAME_ORDER_MAX + 1];
    for (uint32_t order = FRAME_ORDER_MAX + 1; order-- > 0;)
        REQUIRE(frame_model_alloc(order, 0, 0, &frames[order]) == OK);
    frame_check();
    for (uint32_t order = 0; order <= FRAME_ORDER_MAX; order++)
        frame_model_free(frames[order], order);
    frame_model_end();
}

/* The one aligned GiB is partly in the lists, partly untouched: it must be found all the same. */
TEST(frame_gives_a_gib_that_was_partly_used_before)
{
    frame_model_start();
    frame_model_region(GIB_FRAMES, 2 * GIB_FRAMES, 0);
    phys_t small[100], large;
    for (uint32_t i = 0; i < COUNT_OF(small); i++)
        REQUIRE(frame_model_alloc(i % 4, 0, 0, &small[i]) == OK);
    EXPECT(frame_model_alloc(FRAME_ORDER_MAX, 0, 0, &large) == ERR_no_memory);
    for (uint32_t i = 0; i < COUNT_OF(small); i++)
        frame_model_free(small[i], i % 4);
    EXPECT(frame_model_alloc(FRAME_ORDER_MAX, 0, 0, &large) == OK);
    EXPECT(large.pa == GIB);
    frame_model_free(large, FRAME_ORDER_MAX);
    frame_model_end();
    EXPECT(stats_of(0).free_blocks[FRAME_ORDER_MAX] == 1);
}

TEST(frame_touches_only_what_it_gives)
{
    frame_model_start();
    frame_model_region(0, FRAME_MODEL_FRAMES, 0);
    EXPECT(stats_of(0).untouched == FRAME_MODEL_FRAMES);
    phys_t frame;
    REQUIRE(frame_model_alloc(0, 0, 0, &frame) == OK);
    EXPECT(stats_of(0).untouched == FRAME_MODEL_FRAMES - (1u << FRAME_CHUNK));
    uint32_t written = 0;
    struct frame rubbish;
    memset(&rubbish, 0x01, sizeof(rubbish));
    for (uint32_t i = 0; i < FRAME_MODEL_FRAMES; i++)
        written +=
            memcmp(frame_of(PHYS((uint64_t)i << PAGE_SHIFT)), &rubbish, sizeof(rubbish)) != 0;
    EXPECT(written <= FRAME_CACHE_SIZE);
    frame_model_free(frame, 0);
    frame_model_end();
}

static uint32_t ring_distance(uint32_t from, uint32_t to)
{
    return (to + 4 - from) % 4; /* each node's nearest is the next one */
}

TEST(frame_goes_to_the_nearest_node)
{
    frame_model_start();
    for (uint32_t node = 0; node < 4; node++)
        frame_model_region(1000 * node + 8, 1000 * node + 16, node);
    frame_order_nodes(4, ring_distance);
    phys_t frame;
    for (uint32_t i = 0; i < 4; i++) {
        REQUIRE(frame_alloc(3, 2, 0, &frame) == OK);
        EXPECT(frame_of(frame)->node == (2 + i) % 4);
        EXPECT(frame_alloc(3, 2, FRAME_THIS_NODE, &frame) == ERR_no_memory);
    }
    EXPECT(frame_alloc(0, 1, 0, &frame) == ERR_no_memory);
}

TEST(frame_uses_nodes_by_number_without_distances)
{
    frame_model_start();
    frame_model_region(8, 16, 0);
    frame_model_region(24, 32, 2);
    phys_t frame;
    REQUIRE(frame_alloc(3, 1, 0, &frame) == OK);
    EXPECT(frame_of(frame)->node == 0);
    REQUIRE(frame_alloc(3, 1, 0, &frame) == OK);
    EXPECT(frame_of(frame)->node == 2);
    EXPECT(frame_alloc(3, 1, 0, &frame) == ERR_no_memory);
    EXPECT(stats_of(1).total == 0 && frame_node_count() == 3);
}

TEST(frame_never_merges_across_regions)
{
    frame_model_start();
    frame_model_region(8, 12, 0);
    frame_model_region(12, 16, 0);
    phys_t frame;
    EXPECT(frame_alloc(3, 0, 0, &frame) == ERR_no_memory);
    EXPECT(frame_alloc(2, 0, 0, &frame) == OK);
    frame_free(frame, 2);
    frame_check();
    EXPECT(stats_of(0).free_blocks[2] == 2);
}

/* Memory for the frames of [1 MiB, 2 MiB), which is all of node 0's. */
static char *megabyte_make(void)
{
    frame_model_start();
    frame_model_region(256, 512, 0);
    char *memory = aligned_alloc(PAGE_SIZE, MIB);
    memset(memory, 0xff, MIB);
    host_phys_set(PHYS(MIB), memory, MIB);
    return memory;
}

TEST(frame_zeroes_when_asked)
{
    char *memory = megabyte_make();
    for (uint32_t order = 0; order < 5; order++) {
        phys_t frame;
        REQUIRE(frame_model_alloc(order, 0, FRAME_ZERO, &frame) == OK);
        const char *block = memory + (frame.pa - MIB);
        uint64_t size = PAGE_SIZE << order;
        EXPECT(block[0] == 0 && memcmp(block, block + 1, size - 1) == 0);
        frame_model_free(frame, order);
    }
    uint64_t zeroed = 0;
    for (uint64_t i = 0; i < MIB; i++)
        zeroed += memory[i] == 0;
    EXPECT(zeroed <= PAGE_SIZE * (1 + 2 + 4 + 8 + 16));
    free(memory);
}

TEST(frame_that_is_zero_comes_back_to_who_wants_one)
{
    char *memory = megabyte_make();
    phys_t zero, other, again;
    REQUIRE(frame_alloc(0, 0, FRAME_ZERO, &zero) == OK && frame_alloc(0, 0, 0, &other) == OK);
    frame_free_zero(zero);
    frame_free(other, 0);
    EXPECT(frame_alloc(0, 0, 0, &again) == OK && again.pa == other.pa);
    EXPECT(frame_alloc(0, 0, FRAME_ZERO, &again) == OK && again.pa == zero.pa);
    /* Each is had when nothing else is left. */
    frame_free_zero(again);
    uint32_t count = 0;
    while (frame_alloc(0, 0, FRAME_THIS_NODE, &again) == OK)
        count++;
    EXPECT(count == MIB / PAGE_SIZE - 1 && stats_of(0).free == 0);
    free(memory);
}

static void free_as_zero(void *context)
{
    (void)context;
    phys_t frame;
    char *memory = megabyte_make();
    frame_alloc(0, 0, FRAME_ZERO, &frame);
    memory[frame.pa - MIB + PAGE_SIZE - 1] = 1;
    frame_free_zero(frame);
}

TEST(frame_cache_takes_its_frames_from_one_visit)
{
    frame_model_start();
    frame_model_region(0, 1024, 0);
    phys_t frames[FRAME_CACHE_SIZE * 2];
    uint64_t before = metric_total(METRIC_frame_refills);
    for (uint32_t i = 0; i < COUNT_OF(frames); i++)
        REQUIRE(frame_model_alloc(0, 0, 0, &frames[i]) == OK);
    EXPECT(metric_total(METRIC_frame_refills) - before == 4);
    before = metric_total(METRIC_frame_refills);
    for (uint32_t i = 0; i < COUNT_OF(frames); i++)
        frame_model_free(frames[i], 0);
    EXPECT(metric_total(METRIC_frame_refills) - before == 2);
    EXPECT(stats_of(0).cached == FRAME_CACHE_SIZE);
    frame_model_end();
}

TEST(frame_refuses_what_it_has_no_room_for)
{
    frame_model_start();
    EXPECT(frame_add_region(PHYS(0), 0, 0) == OK);
    EXPECT(frame_add_region(PHYS((uint64_t)1 << 44), PAGE_SIZE, 0) == ERR_unsupported);
    error_t error = OK;
    uint32_t added = 0;
    for (; added < 1000 && error == OK; added++)
        error = frame_add_region(PHYS(2 * added * PAGE_SIZE), PAGE_SIZE, 0);
    EXPECT(error == ERR_full && added == 257);
}

/* Broken invariants. */

static void free_twice(void *context)
{
    uint32_t order = *(uint32_t *)context;
    phys_t frame, other;
    frame_alloc(order, 0, 0, &frame);
    frame_alloc(order, 0, 0, &other);
    frame_free(frame, order);
    frame_free(frame, order);
}

static void free_with_other_order(void *context)
{
    phys_t frame;
    frame_alloc(*(uint32_t *)context, 0, 0, &frame);
    frame_free(frame, *(uint32_t *)context + 1);
}

static void free_inner(void *context)
{
    phys_t frame;
    frame_alloc(*(uint32_t *)context, 0, 0, &frame);
    frame_free(PHYS(frame.pa + PAGE_SIZE), 0);
}

static void free_shared(void *context)
{
    phys_t frame;
    frame_alloc(*(uint32_t *)context, 0, 0, &frame);
    frame_of(frame)->references = 2;
    frame_free(frame, *(uint32_t *)context);
}

static void alloc_order(void *context)
{
    phys_t frame;
    frame_alloc(*(uint32_t *)context, 0, 0, &frame);
}

static void alloc_node(void *context)
{
    phys_t frame;
    frame_alloc(0, *(uint32_t *)context, 0, &frame);
}

static void overlap_regions(void *context)
{
    (void)context;
    frame_model_region(1023, 1025, 0);
}

static void break_list(void *context)
{
    (void)context;
    phys_t frame;
    frame_alloc(0, 0, 0, &frame);
    struct frame *entry = frame_of(frame);
    frame_free(frame, 0);
    frame_cache_drain();
    while (entry->state != FRAME_FREE)
        entry--;
    entry->order ^= 1;
    frame_check();
}

TEST(frame_asserts_misuse)
{
    frame_model_start();
    frame_model_region(0, 1024, 0);
    uint32_t orders[] = {0, 3, FRAME_ORDER_MAX + 1, 1};
    EXPECT(unit_panics(free_twice, &orders[0]));
    EXPECT(unit_panics(free_twice, &orders[1]));
    EXPECT(unit_panics(free_with_other_order, &orders[0]));
    EXPECT(unit_panics(free_with_other_order, &orders[1]));
    EXPECT(unit_panics(free_inner, &orders[1]));
    EXPECT(unit_panics(free_shared, &orders[0]));
    EXPECT(unit_panics(alloc_order, &orders[2]));
    EXPECT(unit_panics(alloc_node, &orders[3]));
    EXPECT(unit_panics(overlap_regions, NULL));
    EXPECT(unit_panics(break_list, NULL));
    EXPECT(unit_panics(free_as_zero, NULL));
}
