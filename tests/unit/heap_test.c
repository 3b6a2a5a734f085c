/* The kernel heap: against its model, at its limits, and when it is misused. */
#include "heap_model.h"
#include "host.h"
#include "lib/config.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "selftest/check.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static uint64_t frames_held(void)
{
    struct heap_stats stats;
    heap_stats(-1, &stats);
    return stats.frames;
}

TEST(heap_agrees_with_a_list_of_blocks)
{
    size_t size = 3 * 2000;
    uint8_t *bytes = malloc(size);
    REQUIRE(bytes != NULL);
    for (uint32_t round = 0; round < 60; round++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)unit_random();
        heap_model_run(bytes, size);
    }
    free(bytes);
}

TEST(heap_gives_every_size)
{
    heap_model_start();
    for (size_t size = 1; size <= HEAP_MAX; size += 1 + size / 37) {
        char *block = kmalloc(size);
        REQUIRE(block != NULL);
        EXPECT((uintptr_t)block % 64 == 0);
        memset(block, 0x5a, size);
        kfree(block);
    }
    char *block = kmalloc(HEAP_MAX);
    REQUIRE(block != NULL);
    memset(block, 0x5a, HEAP_MAX);
    kfree(block);
    heap_check();
}

TEST(heap_classes_ascend_and_cover_the_range)
{
    heap_model_start();
    EXPECT(heap_class_size(0) == HEAP_MIN);
    EXPECT(heap_class_size(heap_class_count() - 1) == HEAP_MAX);
    for (int i = 1; i < heap_class_count(); i++) {
        EXPECT(heap_class_size(i) > heap_class_size(i - 1));
        EXPECT(heap_class_size(i) <= 2 * heap_class_size(i - 1) + 2 * HEAP_MIN);
    }
}

TEST(heap_gives_frames_back)
{
    heap_model_start();
    static void *blocks[4000];
    for (uint32_t i = 0; i < COUNT_OF(blocks); i++)
        REQUIRE((blocks[i] = kmalloc(1000)) != NULL);
    EXPECT(frames_held() >= 4000 * 1000 / PAGE_SIZE);
    for (uint32_t i = 0; i < COUNT_OF(blocks); i++)
        kfree(blocks[i]);
    EXPECT(frames_held() <= 8);
    heap_check();
}

TEST(heap_says_when_memory_is_out_and_recovers)
{
    heap_model_start();
    static void *blocks[HEAP_MODEL_MEMORY / HEAP_MIN];
    for (size_t size = 64; size <= HEAP_MAX; size *= 16) {
        uint32_t count = 0;
        while (count < COUNT_OF(blocks) && (blocks[count] = kmalloc(size)) != NULL)
            count++;
        EXPECT(count < COUNT_OF(blocks));
        EXPECT(count * size > HEAP_MODEL_MEMORY / 3);
        EXPECT(kmalloc(HEAP_MAX) == NULL && kmalloc_zero(HEAP_MAX) == NULL);
        while (count > 0)
            kfree(blocks[--count]);
        heap_check();
    }
}

TEST(heap_counts_leaks_by_class)
{
    heap_model_start();
    void *kept = kmalloc(100), *freed = kmalloc(100), *large = kmalloc(100 * KIB);
    kfree(freed);
    kfree(NULL);
    struct heap_stats all, one;
    heap_stats(-1, &all);
    EXPECT(all.used_blocks == 2 && all.allocated == 3 && all.freed == 1);
    uint64_t found = 0;
    for (int i = 0; i < heap_class_count(); i++) {
        heap_stats(i, &one);
        if (one.used_blocks == 0)
            continue;
        found++;
        EXPECT(one.used_blocks == 1 && one.used_bytes == heap_class_size(i));
    }
    EXPECT(found == 2);
    kfree(kept);
    kfree(large);
    heap_stats(-1, &all);
    EXPECT(all.used_blocks == 0 && all.used_bytes == 0);
}

TEST(heap_block_of_a_class_size_is_not_shared)
{
    heap_model_start();
    for (int i = 0; i < heap_class_count(); i++) {
        size_t size = heap_class_size(i);
        char *a = kmalloc(size), *b = kmalloc(size);
        REQUIRE(a != NULL && b != NULL);
        memset(a, 1, size);
        memset(b, 2, size);
        EXPECT(a[0] == 1 && a[size - 1] == 1 && memcmp(a, a + 1, size - 1) == 0);
        kfree(a);
        EXPECT(b[0] == 2 && b[size - 1] == 2 && memcmp(b, b + 1, size - 1) == 0);
        kfree(b);
    }
}

/* Misuse. */

static void free_twice(void *context)
{
    void *block = kmalloc(*(size_t *)context);
    kfree(block);
    kfree(block);
}

static void free_twice_later(void *context)
{
    void *block = kmalloc(*(size_t *)context), *other = kmalloc(*(size_t *)context);
    kfree(block);
    kfree(other);
    kfree(block);
}

static void overrun(void *context)
{
    size_t size = *(size_t *)context;
    volatile char *block = kmalloc(size);
    block[size] = 1;
    kfree((void *)(uintptr_t)block);
}

static void write_after_free(void *context)
{
    size_t size = *(size_t *)context;
    volatile char *block = kmalloc(size);
    kfree((void *)(uintptr_t)block);
    block[size / 2] ^= 1;
    kmalloc(size);
}

static void free_inside(void *context)
{
    char *block = kmalloc(*(size_t *)context);
    kfree(block + HEAP_MIN);
}

static void free_unaligned(void *context)
{
    char *block = kmalloc(*(size_t *)context);
    kfree(block + 8);
}

static void check_after_overwrite(void *context)
{
    size_t size = *(size_t *)context;
    char *block = kmalloc(size);
    kfree(block);
    block[20] ^= 1;
    heap_check();
}

static void alloc_size(void *context)
{
    kmalloc(*(size_t *)context);
}

TEST(heap_asserts_misuse)
{
    heap_model_start();
    size_t sizes[] = {64, 100, 1000, 16000, 33000, 600000};
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        bool small = sizes[i] <= 16000;
        EXPECT(unit_panics(free_twice, &sizes[i]));
        EXPECT(unit_panics(free_unaligned, &sizes[i]));
        if (!CONFIG_DEBUG)
            continue;
        EXPECT(unit_panics(overrun, &sizes[i]));
        EXPECT(!small || unit_panics(free_twice_later, &sizes[i]));
        EXPECT(!small || unit_panics(write_after_free, &sizes[i]));
        EXPECT(!small || unit_panics(check_after_overwrite, &sizes[i]));
        EXPECT(sizes[i] <= 64 || unit_panics(free_inside, &sizes[i]));
    }
    size_t none = 0, more = HEAP_MAX + 1;
    EXPECT(unit_panics(alloc_size, &none));
    EXPECT(unit_panics(alloc_size, &more));
}
