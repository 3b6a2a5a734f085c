/*
 * Revoking: deleting all that was derived from a capability, some at a time (slot.h).
 *
 * There is no state of a revoke in progress: each step takes the first descendants that are there
 * now. So revokes of nested capabilities on several CPUs help each other, and one whose own
 * capability goes finds that out.
 */
#include "cap/order.h"

/*
 * Takes out up to `budget` descendants and gathers them in `gone`; returns how many. Who goes
 * first leaves its own descendants to `slot`.
 */
static uint32_t revoke_locked(struct object *object, struct slot *slot, uint32_t budget,
                              struct list *gone)
{
    uint32_t count = 0;
    for (struct slot *child; count < budget && (child = cap_child_locked(slot)) != NULL; count++) {
        cap_remove_locked(object, child);
        /* Out of the list and not yet given back to its table, it is ours alone. */
        list_add_last(gone, &child->open);
    }
    return count;
}

static void bury_all(struct list *gone)
{
    while (!list_empty(gone)) {
        struct slot *slot = CONTAINER_OF(gone->next, struct slot, open);
        list_remove(&slot->open);
        slot_bury(slot);
    }
}

error_t cap_revoke(struct slot *slot, uint32_t budget, bool *done)
{
    irq_state_t state;
    struct list gone = LIST_INIT(gone);
    assert(budget != 0);
    struct object *object = cap_lock(slot, &state);
    if (object == NULL)
        return ERR_bad_slot;
    uint32_t count = revoke_locked(object, slot, budget, &gone);
    *done = cap_child_locked(slot) == NULL;
    spinlock_unlock(&object->lock, state);
    bury_all(&gone);
    if (count != 0)
        cap_gone(object, count);
    return OK;
}
