/* Memory before the frame allocator: against a map of pages, and its limits. */
#include "mem/boot_alloc.h"
#include "unit.h"

#include <string.h>

#define PAGES 512 /* of the little machine that the random test has */

static struct boot_info info;
static uint8_t page_state[PAGES]; /* 0: not ours, 1: free, 2: given */
static uint64_t given_pages;

static void range_add(uint64_t base, uint64_t size, enum range_kind kind)
{
    info.ranges[info.range_count++] = (struct boot_range){PHYS(base), size, kind};
}

static void machine_start(void)
{
    memset(&info, 0, sizeof(info));
    range_add(0, 640 * KIB, RANGE_USABLE);
    range_add(640 * KIB, 384 * KIB, RANGE_RESERVED);
    range_add(MIB, 15 * MIB, RANGE_USABLE);
    range_add(16 * MIB, MIB, RANGE_KERNEL);
    range_add(17 * MIB, 15 * MIB, RANGE_USABLE);
    range_add(4 * GIB, GIB, RANGE_USABLE);
}

static void count_given(phys_t base, uint64_t size)
{
    EXPECT(base.pa % PAGE_SIZE == 0 && size % PAGE_SIZE == 0 && size != 0);
    EXPECT(base.pa >= MIB);
    given_pages += size / PAGE_SIZE;
}

TEST(boot_alloc_gives_from_below_the_ceiling)
{
    machine_start();
    boot_alloc_init(&info, PHYS(MIB), PHYS(24 * MIB));
    phys_t a, b, c;
    REQUIRE(boot_alloc(1, &a) == OK);
    EXPECT(a.pa == 24 * MIB - PAGE_SIZE);
    REQUIRE(boot_alloc(PAGE_SIZE + 1, &b) == OK);
    EXPECT(b.pa == 24 * MIB - 3 * PAGE_SIZE);
    EXPECT(boot_alloc(20 * MIB, &c) == ERR_no_memory);
    boot_alloc_limit(PHYS(8 * GIB));
    REQUIRE(boot_alloc(20 * MIB, &c) == OK);
    EXPECT(c.pa == 5 * GIB - 20 * MIB);
    REQUIRE(boot_alloc_within(MIB, PHYS(0), PHYS(4 * GIB), &c) == OK);
    EXPECT(c.pa == 31 * MIB);
    boot_alloc_end(count_given);
    EXPECT(given_pages == (15 * MIB + 15 * MIB + GIB - 21 * MIB) / PAGE_SIZE - 3);
}

TEST(boot_alloc_refuses_what_cannot_be)
{
    machine_start();
    boot_alloc_init(&info, PHYS(MIB), PHYS(32 * MIB));
    phys_t result = PHYS(77);
    EXPECT(boot_alloc(0, &result) == ERR_bad_argument);
    EXPECT(boot_alloc(UINT64_MAX, &result) == ERR_no_memory);
    EXPECT(boot_alloc(UINT64_MAX - PAGE_SIZE, &result) == ERR_no_memory);
    EXPECT(boot_alloc(15 * MIB + 1, &result) == ERR_no_memory);
    EXPECT(boot_alloc_within(PAGE_SIZE, PHYS(0), PHYS(MIB), &result) == ERR_no_memory);
    EXPECT(boot_alloc_within(PAGE_SIZE, PHYS(20 * MIB), PHYS(19 * MIB), &result) == ERR_no_memory);
    EXPECT(boot_alloc_within(PAGE_SIZE, PHYS(4 * GIB), PHYS(5 * GIB), &result) == ERR_no_memory);
    EXPECT(result.pa == 77);
}

static void alloc_after_end(void *context)
{
    (void)context;
    phys_t result;
    boot_alloc_end(count_given);
    boot_alloc(1, &result);
}

TEST(boot_alloc_ends_once)
{
    machine_start();
    boot_alloc_init(&info, PHYS(MIB), PHYS(32 * MIB));
    EXPECT(unit_panics(alloc_after_end, NULL));
}

/* Allocates in the model; returns the highest page at which `pages` fit in [low, high). */
static uint64_t model_find(uint64_t pages, uint64_t low, uint64_t high)
{
    for (uint64_t at = high; at >= low + pages; at--)
        if (memchr(page_state + at - pages, 0, pages) == NULL &&
            memchr(page_state + at - pages, 2, pages) == NULL)
            return at - pages;
    return UINT64_MAX;
}

static void machine_random(void)
{
    memset(&info, 0, sizeof(info));
    memset(page_state, 0, sizeof(page_state));
    uint64_t at = unit_random() % 8;
    while (at < PAGES - 64) {
        uint64_t pages = 1 + unit_random() % 48;
        bool usable = unit_random() % 4 != 0;
        range_add(at * PAGE_SIZE, pages * PAGE_SIZE, usable ? RANGE_USABLE : RANGE_RESERVED);
        memset(page_state + at, usable, pages);
        at += pages;
        /* A hole, so that what lies on both sides does not count as one piece. */
        at++;
    }
}

static void give_to_model(phys_t base, uint64_t size)
{
    for (uint64_t page = base.pa / PAGE_SIZE; page < (base.pa + size) / PAGE_SIZE; page++) {
        EXPECT(page_state[page] == 1);
        page_state[page] = 0;
    }
}

TEST(boot_alloc_agrees_with_a_map_of_pages)
{
    for (uint32_t machine = 0; machine < 300; machine++) {
        machine_random();
        uint64_t floor = unit_random() % 64, ceiling = 300 + unit_random() % 200;
        memset(page_state, 0, floor);
        boot_alloc_init(&info, PHYS(floor * PAGE_SIZE), PHYS(ceiling * PAGE_SIZE));
        for (uint32_t i = 0; i < 60; i++) {
            uint64_t pages = 1 + unit_random() % 16, low = unit_random() % 200;
            uint64_t high = low + unit_random() % 400;
            uint64_t expected = model_find(pages, low, min_u64(high, ceiling));
            phys_t got;
            error_t error = boot_alloc_within(pages * PAGE_SIZE - unit_random() % PAGE_SIZE,
                                              PHYS(low * PAGE_SIZE), PHYS(high * PAGE_SIZE), &got);
            REQUIRE((error == OK) == (expected != UINT64_MAX));
            if (error != OK)
                continue;
            REQUIRE(got.pa == expected * PAGE_SIZE);
            memset(page_state + expected, 2, pages);
        }
        boot_alloc_end(give_to_model);
        EXPECT(memchr(page_state, 1, PAGES) == NULL);
    }
}
