/*
 * Memory before the frame allocator.
 *
 * The usable ranges of the boot map are kept as pieces [base, end). Each request is cut out of
 * the piece with the highest fitting address; a cut in the middle makes two pieces of one.
 */
#include "mem/boot_alloc.h"
#include "lib/assert.h"

/* A range becomes two pieces by a cut in its middle; such cuts are few, at a node's end. */
#define PIECES_MAX (CONFIG_RANGE_MAX + 2 * CONFIG_NODE_MAX)

struct piece {
    uint64_t base, end; /* page aligned; base < end */
};

static struct piece pieces[PIECES_MAX]; /* in no order */
static uint32_t piece_count;
static uint64_t alloc_floor, alloc_ceiling;
static bool alloc_open;

static void piece_add(uint64_t base, uint64_t end)
{
    assert(piece_count < PIECES_MAX);
    if (base < end)
        pieces[piece_count++] = (struct piece){.base = base, .end = end};
}

void boot_alloc_init(const struct boot_info *info, phys_t floor, phys_t ceiling)
{
    piece_count = 0;
    alloc_floor = align_up(floor.pa, PAGE_SIZE);
    alloc_ceiling = align_down(ceiling.pa, PAGE_SIZE);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *range = &info->ranges[i];
        if (range->kind != RANGE_USABLE)
            continue;
        assert(range->base.pa <= UINT64_MAX - PAGE_SIZE);
        assert(range->size <= UINT64_MAX - range->base.pa);
        uint64_t base = max_u64(alloc_floor, align_up(range->base.pa, PAGE_SIZE));
        piece_add(base, align_down(range->base.pa + range->size, PAGE_SIZE));
    }
    alloc_open = true;
}

void boot_alloc_limit(phys_t ceiling)
{
    assert(alloc_open && ceiling.pa >= alloc_ceiling);
    alloc_ceiling = align_down(ceiling.pa, PAGE_SIZE);
}

/* True if a cut of [start, end) out of `piece` leaves no more pieces than there is room for. */
static bool piece_cut_fits(const struct piece *piece, uint64_t start, uint64_t end)
{
    return piece->base == start || piece->end == end || piece_count < PIECES_MAX;
}

static void piece_cut(struct piece *piece, uint64_t start, uint64_t end)
{
    debug_assert(piece->base <= start && start < end && end <= piece->end);
    uint64_t rest = piece->end;
    piece->end = start;
    if (piece->base == piece->end) {
        *piece = (struct piece){.base = end, .end = rest};
        if (end == rest)
            *piece = pieces[--piece_count];
    } else if (end < rest) {
        piece_add(end, rest);
    }
}

error_t boot_alloc_within(uint64_t size, phys_t low, phys_t high, phys_t *result)
{
    assert(alloc_open);
    if (size == 0)
        return ERR_bad_argument;
    if (size > UINT64_MAX - PAGE_SIZE)
        return ERR_no_memory;
    size = align_up(size, PAGE_SIZE);
    struct piece *best = NULL;
    uint64_t best_end = 0;
    for (struct piece *piece = pieces; piece < pieces + piece_count; piece++) {
        uint64_t base = max_u64(piece->base, align_up(low.pa, PAGE_SIZE));
        uint64_t top = min_u64(alloc_ceiling, align_down(high.pa, PAGE_SIZE));
        uint64_t end = min_u64(piece->end, top);
        bool fits = base < end && end - base >= size && piece_cut_fits(piece, end - size, end);
        if (fits && end > best_end) {
            best = piece;
            best_end = end;
        }
    }
    if (best == NULL)
        return ERR_no_memory;
    piece_cut(best, best_end - size, best_end);
    *result = PHYS(best_end - size);
    return OK;
}

error_t boot_alloc(uint64_t size, phys_t *result)
{
    return boot_alloc_within(size, PHYS(0), PHYS(UINT64_MAX), result);
}

void boot_alloc_end(void (*give)(phys_t base, uint64_t size))
{
    assert(alloc_open);
    alloc_open = false;
    for (uint32_t i = 0; i < piece_count; i++)
        give(PHYS(pieces[i].base), pieces[i].end - pieces[i].base);
    piece_count = 0;
}
