/* mem/ptab.c against a plain table of what each page should be. */
#include "host.h"
#include "lib/string.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "unit.h"

#include <stdlib.h>

#define ARENA_PAGES 256
#define ARENA_BASE  0x40000000u

static char *arena;
static uint32_t arena_used;
static uint32_t arena_limit;

static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    if (arena_used == arena_limit)
        return ERR_no_memory;
    *table = PHYS(ARENA_BASE + arena_used++ * PAGE_SIZE);
    memset(phys_to_virt(*table), 0, PAGE_SIZE);
    return OK;
}

static struct ptab ptab_make(void)
{
    arena = aligned_alloc(PAGE_SIZE, ARENA_PAGES * PAGE_SIZE);
    host_phys_set(PHYS(ARENA_BASE), arena, ARENA_PAGES * PAGE_SIZE);
    arena_used = 0;
    arena_limit = ARENA_PAGES;
    struct ptab ptab = {.table_alloc = table_alloc};
    REQUIRE(table_alloc(&ptab, &ptab.root) == OK);
    return ptab;
}

static bool maps_to(const struct ptab *ptab, uintptr_t va, uint64_t pa, uint32_t flags, int level)
{
    phys_t page;
    uint32_t found;
    int at = ptab_lookup(ptab, va, &page, &found);
    uint64_t size = PAGE_SIZE << (9 * level);
    return at == level && page.pa + (va & (size - 1)) == pa && found == flags;
}

static bool unmapped(const struct ptab *ptab, uintptr_t va)
{
    phys_t page;
    uint32_t flags;
    return ptab_lookup(ptab, va, &page, &flags) == -1;
}

TEST(ptab_takes_the_largest_pages)
{
    struct ptab ptab = ptab_make();
    /* From one page below a 1 GiB border, over it, to one page above the next. */
    uintptr_t va = 3 * GIB - PAGE_SIZE;
    REQUIRE(ptab_map(&ptab, va, PHYS(va), GIB + 2 * PAGE_SIZE, MAP_WRITE, 2) == OK);
    EXPECT(maps_to(&ptab, va, va, MAP_WRITE, 0));
    EXPECT(maps_to(&ptab, 3 * GIB + 12345, 3 * GIB + 12345, MAP_WRITE, 2));
    EXPECT(maps_to(&ptab, 4 * GIB, 4 * GIB, MAP_WRITE, 0));
    EXPECT(unmapped(&ptab, 4 * GIB + PAGE_SIZE) && unmapped(&ptab, va - PAGE_SIZE));
}

TEST(ptab_honours_the_largest_level)
{
    struct ptab ptab = ptab_make();
    REQUIRE(ptab_map(&ptab, 0, PHYS(0), 4 * MIB, 0, 1) == OK);
    EXPECT(maps_to(&ptab, 3 * MIB, 3 * MIB, 0, 1));
    REQUIRE(ptab_map(&ptab, 4 * MIB, PHYS(4 * MIB), 2 * MIB, 0, 0) == OK);
    EXPECT(maps_to(&ptab, 5 * MIB, 5 * MIB, 0, 0));
    /* Virtual and physical differ by a page: small pages whatever is allowed. */
    REQUIRE(ptab_map(&ptab, 8 * MIB, PHYS(MIB + PAGE_SIZE), 2 * MIB, 0, 2) == OK);
    EXPECT(maps_to(&ptab, 8 * MIB, MIB + PAGE_SIZE, 0, 0));
}

TEST(ptab_refuses_what_is_mapped)
{
    struct ptab ptab = ptab_make();
    REQUIRE(ptab_map(&ptab, 2 * MIB, PHYS(2 * MIB), 2 * MIB, MAP_WRITE, 1) == OK);
    EXPECT(ptab_map(&ptab, 2 * MIB, PHYS(0), 2 * MIB, 0, 1) == ERR_exists);
    EXPECT(ptab_map(&ptab, 3 * MIB, PHYS(0), PAGE_SIZE, 0, 0) == ERR_exists);
    EXPECT(ptab_map(&ptab, 2 * MIB - PAGE_SIZE, PHYS(0), 2 * PAGE_SIZE, 0, 0) == ERR_exists);
    EXPECT(maps_to(&ptab, 3 * MIB, 3 * MIB, MAP_WRITE, 1));
}

TEST(ptab_unmaps_single_pages)
{
    struct ptab ptab = ptab_make();
    REQUIRE(ptab_map(&ptab, MIB, PHYS(MIB), 3 * PAGE_SIZE, MAP_EXECUTE, 2) == OK);
    EXPECT(ptab_unmap_page(&ptab, MIB + PAGE_SIZE));
    EXPECT(!ptab_unmap_page(&ptab, MIB + PAGE_SIZE));
    EXPECT(unmapped(&ptab, MIB + PAGE_SIZE) && !unmapped(&ptab, MIB));
    EXPECT(maps_to(&ptab, MIB + 2 * PAGE_SIZE, MIB + 2 * PAGE_SIZE, MAP_EXECUTE, 0));
}

TEST(ptab_says_when_tables_run_out)
{
    struct ptab ptab = ptab_make();
    arena_limit = 2;
    EXPECT(ptab_map(&ptab, 0, PHYS(0), PAGE_SIZE, 0, 0) == ERR_no_memory);
    EXPECT(unmapped(&ptab, 0));
    arena_limit = ARENA_PAGES;
    EXPECT(ptab_map(&ptab, 0, PHYS(0), PAGE_SIZE, 0, 0) == OK);
}

TEST(ptab_random_against_a_table)
{
    enum { PAGES = 4096 };
    static uint64_t want[PAGES]; /* physical address + 1, 0: unmapped */
    struct ptab ptab = ptab_make();
    const uintptr_t base = 512 * GIB - 8 * MIB; /* tables of the upper levels change inside */
    memset(want, 0, sizeof(want));
    for (int i = 0; i < 400; i++) {
        uint64_t first = unit_random() % PAGES, count = unit_random() % 600 + 1;
        uint64_t pa = (unit_random() % 8192) * PAGE_SIZE;
        count = count > PAGES - first ? PAGES - first : count;
        bool free = true;
        for (uint64_t p = first; p < first + count; p++)
            free = free && want[p] == 0;
        if (free) {
            EXPECT(ptab_map(&ptab, base + first * PAGE_SIZE, PHYS(pa), count * PAGE_SIZE, MAP_WRITE,
                            1) == OK);
            for (uint64_t p = 0; p < count; p++)
                want[first + p] = pa + p * PAGE_SIZE + 1;
        } else if (ptab_unmap_page(&ptab, base + first * PAGE_SIZE)) {
            want[first] = 0;
        }
    }
    for (uint64_t p = 0; p < PAGES; p++) {
        phys_t page;
        uint32_t flags;
        uintptr_t va = base + p * PAGE_SIZE;
        int level = ptab_lookup(&ptab, va, &page, &flags);
        uint64_t offset = level > 0 ? va & ((PAGE_SIZE << (9 * level)) - 1) : 0;
        EXPECT(level < 0 ? want[p] == 0 : want[p] == page.pa + offset + 1);
    }
}
