/* The invariants of capabilities (cap/slot.h). */
#include "cap/slot.h"
#include "selftest/check.h"

/* Slots are cache lines, so an address tells which of its brackets it is. */
static bool bracket_opens(const struct list *bracket)
{
    uintptr_t offset = (uintptr_t)bracket % sizeof(struct slot);
    assert(offset == offsetof(struct slot, open) || offset == offsetof(struct slot, close));
    return offset == offsetof(struct slot, open);
}

/* The bracket that closes what stands before `inner`: brackets in between are in pairs. */
static const struct list *closing_locked(const struct list *inner)
{
    for (uint32_t depth = 0; bracket_opens(inner) || depth != 0; inner = inner->next)
        depth = bracket_opens(inner) ? depth + 1 : depth - 1;
    return inner;
}

static void check_slot_locked(const struct object *object, struct slot *slot)
{
    const struct slot_table *table = slot_table_of(slot);
    assert(slot_object(slot) == object && slot->generation != 0);
    assert((slot->rights & ~(uint32_t)RIGHTS_ALL) == 0);
    assert(slot->index % SLOT_CHUNK != 0 && slot->index < table->count);
    assert(closing_locked(slot->open.next) == &slot->close);
}

void cap_check_object(struct object *object)
{
    uint32_t slots = 0, brackets = 0;
    irq_state_t state = spinlock_lock(&object->lock);
    LIST_EACH(bracket, &object->caps)
    {
        assert(bracket->next->prev == bracket && bracket->prev->next == bracket);
        brackets++;
        if (!bracket_opens(bracket))
            continue;
        check_slot_locked(object, CONTAINER_OF(bracket, struct slot, open));
        slots++;
    }
    assert(brackets == 2 * slots && slots <= object->references);
    spinlock_unlock(&object->lock, state);
}

/* How many slots of a table are in each state; those of chunks that were never made are free. */
struct slot_census {
    uint32_t states[SLOT_WORN + 1];
};

static void census_locked(const struct slot_table *table, struct slot_census *census)
{
    for (uint32_t index = 0; index < table->count; index++) {
        const struct slot *chunk = table->directory[index >> SLOT_CHUNK_SHIFT];
        const struct slot *slot = &chunk[index % SLOT_CHUNK];
        if (chunk->table == NULL || index % SLOT_CHUNK == 0)
            continue;
        assert(slot_table_of(slot) == table && slot->index == index && slot->state <= SLOT_WORN);
        assert(slot->state == SLOT_TAKEN || slot_object(slot) == NULL);
        census->states[slot->state]++;
    }
}

static uint32_t list_length_locked(const struct list *list, enum slot_state slot_state)
{
    uint32_t length = 0;
    LIST_EACH(node, list)
    {
        assert(CONTAINER_OF(node, struct slot, open)->state == slot_state);
        length++;
    }
    return length;
}

void slot_table_check(struct slot_table *table)
{
    struct slot_census census = {0};
    irq_state_t state = spinlock_lock(&table->lock);
    census_locked(table, &census);
    assert(census.states[SLOT_FREE] == list_length_locked(&table->free, SLOT_FREE));
    assert(census.states[SLOT_DEAD] == list_length_locked(&table->dead, SLOT_DEAD));
    assert(census.states[SLOT_DEAD] == table->dead_count && table->reviving <= table->dead_count);
    assert(census.states[SLOT_TAKEN] + census.states[SLOT_DEAD] == table->used);
    spinlock_unlock(&table->lock, state);
}
