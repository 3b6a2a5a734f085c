/* The invariants of address spaces (mem/mapping.h). */
#include "lib/assert.h"
#include "mem/mapping.h"
#include "selftest/check.h"

static uint32_t check_below(const struct space *space, const struct mapping *mapping, uint64_t low,
                            uint64_t high)
{
    if (mapping == NULL)
        return 0;
    assert(mapping->space == space && mapping->size > 0);
    assert(is_aligned(mapping->va | mapping->size | mapping->offset, PAGE_SIZE));
    assert(mapping->va >= low && mapping_end(mapping) <= high);
    assert(mapping->left == NULL || mapping->left->node.weight <= mapping->node.weight);
    assert(mapping->right == NULL || mapping->right->node.weight <= mapping->node.weight);
    return 1 + check_below(space, mapping->left, low, mapping->va) +
           check_below(space, mapping->right, mapping_end(mapping), high);
}

void space_check(struct space *space)
{
    irq_state_t irq = spinlock_lock(&space->lock);
    uint32_t count = check_below(space, space->mappings, SPACE_START, SPACE_END);
    assert(count == space->mapping_count);
    spinlock_unlock(&space->lock, irq);
}
