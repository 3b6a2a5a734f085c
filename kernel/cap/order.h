/*
 * For cap/ alone: from a slot to its object's lock, and out of the object's list (slot.h).
 */
#pragma once

#include "cap/slot.h"

/*
 * Locks the object that `slot` names and returns it, if the slot is still used then; else NULL,
 * without a lock. The slot was found in this stay in the kernel, or does not go.
 */
struct object *cap_lock(struct slot *slot, irq_state_t *state);

/* Takes a used slot out of the list and from its object: lookups do not find it any more. */
void cap_remove_locked(struct object *object, struct slot *slot);

/* Lets the object's kind know that `count` > 0 capabilities went, and puts their references. No
 * locks held. */
void cap_gone(struct object *object, uint32_t count);

/* The first that was derived from `slot` directly, or NULL. The object's lock is held. */
static inline struct slot *cap_child_locked(struct slot *slot)
{
    struct list *inner = slot->open.next;
    return inner == &slot->close ? NULL : CONTAINER_OF(inner, struct slot, open);
}
