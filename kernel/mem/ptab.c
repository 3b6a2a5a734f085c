/* The page-table walker (ptab.h). */
#include "mem/ptab.h"
#include "lib/assert.h"
#include "mem/phys.h"

#define PTAB_ENTRIES 512
#define PTAB_TOP     3

static uint64_t level_size(int level)
{
    return PAGE_SIZE << (9 * level);
}

static pte_t *entry_of(phys_t table, uintptr_t va, int level)
{
    pte_t *entries = phys_to_virt(table);
    return &entries[va >> (PAGE_SHIFT + 9 * level) & (PTAB_ENTRIES - 1)];
}

/* The entry for `va` at `level`, making the tables above it. */
static error_t entry_make(struct ptab *ptab, uintptr_t va, int level, pte_t **result)
{
    phys_t table = ptab->root;
    for (int at = PTAB_TOP; at > level; at--) {
        pte_t *entry = entry_of(table, va, at);
        if (!arch_pte_present(*entry)) {
            phys_t lower;
            error_t error = ptab->table_alloc(&lower);
            if (error != OK)
                return error;
            arch_mmu_barrier(); /* its zeroes before it can be walked */
            *entry = arch_pte_table(lower);
        } else if (arch_pte_is_leaf(*entry, at)) {
            return ERR_exists;
        }
        table = arch_pte_address(*entry, at);
    }
    *result = entry_of(table, va, level);
    return OK;
}

/* The largest level at which one leaf can map the front of the range. */
static int leaf_level(uintptr_t va, phys_t pa, uint64_t size, int max_level)
{
    int level = max_level;
    while (level > 0 && (!is_aligned(va | pa.pa, level_size(level)) || size < level_size(level)))
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
        error_t error = entry_make(ptab, va, level, &entry);
        if (error != OK)
            return error;
        /* Neighbours of the same size follow in the same table without a new walk. */
        do {
            if (arch_pte_present(*entry))
                return ERR_exists;
            *entry++ = arch_pte_leaf(pa, flags, level);
            va += level_size(level);
            pa.pa += level_size(level);
            size -= level_size(level);
        } while (size >= level_size(level) && !is_aligned(va, level_size(level + 1)) &&
                 leaf_level(va, pa, size, max_level) == level);
    }
    arch_mmu_barrier();
    return OK;
}

static int entry_find(const struct ptab *ptab, uintptr_t va, pte_t **result)
{
    phys_t table = ptab->root;
    for (int level = PTAB_TOP; level >= 0; level--) {
        pte_t *entry = entry_of(table, va, level);
        if (!arch_pte_present(*entry))
            return -1;
        if (arch_pte_is_leaf(*entry, level)) {
            *result = entry;
            return level;
        }
        table = arch_pte_address(*entry, level);
    }
    return -1;
}

int ptab_lookup(const struct ptab *ptab, uintptr_t va, phys_t *page, uint32_t *flags)
{
    pte_t *entry = NULL;
    int level = entry_find(ptab, va, &entry);
    if (level >= 0) {
        *page = arch_pte_address(*entry, level);
        *flags = arch_pte_flags(*entry);
    }
    return level;
}

bool ptab_unmap_page(struct ptab *ptab, uintptr_t va)
{
    pte_t *entry = NULL;
    if (entry_find(ptab, va, &entry) != 0)
        return false;
    *entry = 0;
    arch_mmu_barrier();
    return true;
}
