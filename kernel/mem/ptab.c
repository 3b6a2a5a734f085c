/* The page-table walker (ptab.h). */
#include "mem/ptab.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/phys.h"

static pte_t *entry_of(phys_t table, uintptr_t va, int level)
{
    pte_t *entries = phys_to_virt(table);
    return &entries[va >> (PAGE_SHIFT + 9 * level) & (PTAB_ENTRIES - 1)];
}

/* How many tables a table of a counted root points to. */
static uint32_t *ptab_below(phys_t table)
{
    return &frame_of(table)->next;
}

void ptab_count(struct ptab *ptab)
{
    ptab->counted = true;
    *ptab_below(ptab->root) = 0;
}

/* Makes the table that a walk for `va` misses at `entry`. */
__attribute__((noinline)) static error_t table_make(struct ptab *ptab, phys_t table, pte_t *entry)
{
    phys_t lower;
    error_t error = ptab->table_alloc(ptab, &lower);
    if (error != OK)
        return error;
    if (ptab->counted) {
        *ptab_below(table) += 1;
        *ptab_below(lower) = 0;
    }
    arch_mmu_barrier(); /* its zeroes before it can be walked */
    pte_write(entry, arch_pte_table(lower));
    return OK;
}

error_t ptab_entry(struct ptab *ptab, uintptr_t va, int level, pte_t **result)
{
    phys_t table = ptab->root;
    for (int at = PTAB_TOP; at > level; at--) {
        pte_t *entry = entry_of(table, va, at);
        pte_t value = pte_read(entry);
        if (!arch_pte_present(value)) {
            error_t error = table_make(ptab, table, entry);
            if (error != OK)
                return error;
            value = pte_read(entry);
        } else if (arch_pte_is_leaf(value, at)) {
            return ERR_exists;
        }
        table = arch_pte_address(value, at);
    }
    if (level == 0)
        ptab_remember(ptab, va, table);
    *result = entry_of(table, va, level);
    return OK;
}

/* The largest level at which one leaf can map the front of the range. */
static int leaf_level(uintptr_t va, phys_t pa, uint64_t size, int max_level)
{
    int level = max_level;
    while (level > 0 && (!is_aligned(va | pa.pa, ptab_span(level)) || size < ptab_span(level)))
        level--;
    return level;
}

error_t ptab_map(struct ptab *ptab, uintptr_t va, phys_t pa, uint64_t size, uint32_t flags,
                 int max_level)
{
    assert(is_aligned(va | pa.pa | size, PAGE_SIZE));
    assert(max_level >= 0 && max_level < PTAB_TOP);
    while (size > 0) {
        int level = leaf_level(va, pa, size, max_level);
        pte_t *entry = NULL;
        error_t error = ptab_entry(ptab, va, level, &entry);
        if (error != OK)
            return error;
        /* Neighbours of the same size follow in the same table without a new walk. */
        do {
            if (arch_pte_present(*entry))
                return ERR_exists;
            pte_write(entry++, arch_pte_leaf(pa, flags, level));
            va += ptab_span(level);
            pa.pa += ptab_span(level);
            size -= ptab_span(level);
        } while (size >= ptab_span(level) && !is_aligned(va, ptab_span(level + 1)) &&
                 leaf_level(va, pa, size, max_level) == level);
    }
    arch_mmu_barrier();
    return OK;
}

/* Where a walk for `va` ends, and at which level: at a leaf or at nothing. */
static pte_t *walk(const struct ptab *ptab, uintptr_t va, int *level)
{
    phys_t table = ptab->root;
    for (int at = PTAB_TOP;; at--) {
        pte_t *entry = entry_of(table, va, at);
        pte_t value = pte_read(entry);
        if (!arch_pte_present(value) || arch_pte_is_leaf(value, at)) {
            *level = at;
            return entry;
        }
        table = arch_pte_address(value, at);
    }
}

pte_t *ptab_find(const struct ptab *ptab, uintptr_t va, int *level)
{
    pte_t *entry = walk(ptab, va, level);
    return arch_pte_present(pte_read(entry)) ? entry : NULL;
}

pte_t *ptab_next(const struct ptab *ptab, uintptr_t *va, uintptr_t end, int *level)
{
    while (*va < end) {
        pte_t *entry = walk(ptab, *va, level);
        /* Through that table, until there is something: a leaf, or a table to walk down. */
        do {
            pte_t value = pte_read(entry);
            if (arch_pte_present(value) && arch_pte_is_leaf(value, *level))
                return entry;
            if (arch_pte_present(value))
                break;
            *va = ptab_behind(*va, *level);
            entry++;
        } while (*va < end && !is_aligned(*va, ptab_span(*level + 1)));
    }
    return NULL;
}

int ptab_lookup(const struct ptab *ptab, uintptr_t va, phys_t *page, uint32_t *flags)
{
    int level = -1;
    const pte_t *entry = ptab_find(ptab, va, &level);
    if (entry == NULL)
        return -1;
    *page = arch_pte_address(*entry, level);
    *flags = arch_pte_flags(*entry);
    return level;
}

bool ptab_unmap_page(struct ptab *ptab, uintptr_t va)
{
    int level = -1;
    pte_t *entry = ptab_find(ptab, va, &level);
    if (entry == NULL || level != 0)
        return false;
    pte_write(entry, 0);
    arch_mmu_barrier();
    return true;
}

/* What ptab_prune looks for. */
struct prune {
    uintptr_t hole_low, hole_high; /* tables within this range */
    phys_t *tables;
    uint32_t count, max;
};

/* Below the entries of `table` at `level` that meet [low, high); false if `max` came first. */
static bool prune_below(struct prune *prune, phys_t table, int level, uintptr_t low, uintptr_t high)
{
    uint64_t span = ptab_span(level);
    uint32_t *below = ptab_below(table);
    for (uintptr_t va = low; va < high && *below != 0; va = ptab_behind(va, level)) {
        pte_t *entry = entry_of(table, va, level);
        pte_t value = pte_read(entry);
        if (!arch_pte_present(value) || arch_pte_is_leaf(value, level))
            continue;
        uintptr_t start = align_down(va, span), end = start + span;
        phys_t lower = arch_pte_address(value, level);
        if (level > 1 && !prune_below(prune, lower, level - 1, va, min_u64(high, end)))
            return false;
        if (start < prune->hole_low || end > prune->hole_high)
            continue;
        /* Others unmapped there as well, and have yet to come for their tables. */
        if (level > 1 && *ptab_below(lower) != 0)
            continue;
        if (prune->count == prune->max)
            return false;
        pte_write(entry, 0);
        *below -= 1;
        prune->tables[prune->count++] = lower;
    }
    return true;
}

bool ptab_prune(struct ptab *ptab, uintptr_t low, uintptr_t high, uintptr_t hole_low,
                uintptr_t hole_high, phys_t *tables, uint32_t max, uint32_t *count)
{
    assert(ptab->counted && hole_low <= low && low <= high && high <= hole_high);
    *count = 0;
    /* Mostly the mappings around share the lowest table. */
    if (max_u64(align_down(low, ptab_span(1)), align_up(hole_low, ptab_span(1))) >=
        min_u64(align_up(high, ptab_span(1)), align_down(hole_high, ptab_span(1))))
        return true;
    struct prune prune = {
        .hole_low = hole_low, .hole_high = hole_high, .tables = tables, .max = max};
    bool done = prune_below(&prune, ptab->root, PTAB_TOP, low, high);
    *count = prune.count;
    if (prune.count > 0)
        ptab->last = 0;
    return done;
}
