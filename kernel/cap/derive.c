/* Making, deriving, moving and deleting capabilities (slot.h). */
#include "cap/order.h"

#define PARENT_LOOKS 1024 /* capabilities that cap_parent passes at once */

struct object *cap_lock(struct slot *slot, irq_state_t *state)
{
    /* Acquire: the object is seen as it was when it got this capability. */
    struct object *object = atomic_load_explicit(&slot->object, memory_order_acquire);
    if (object == NULL)
        return NULL;
    *state = spinlock_lock(&object->lock);
    /* It went, or still is the same: a slot is not used again before this CPU leaves. */
    struct object *now = slot_object(slot);
    assert(now == object || now == NULL);
    if (now == object)
        return object;
    spinlock_unlock(&object->lock, *state);
    return NULL;
}

/*
 * Makes a reserved slot used; its brackets stand in the list. Release: who finds the object finds
 * rights, badge and generation.
 */
static void slot_fill_locked(struct slot *slot, struct object *object, uint32_t rights,
                             uint64_t badge)
{
    debug_assert(spinlock_held(&object->lock));
    assert(slot_object(slot) == NULL);
    slot->rights = rights;
    slot->badge = badge;
    atomic_store_explicit(&slot->object, object, memory_order_release);
}

/* Its brackets are in no list. Who found the object before can go on with it (slot_kept). */
static void slot_empty_locked(struct slot *slot, struct object *object)
{
    debug_assert(spinlock_held(&object->lock));
    assert(slot_object(slot) == object);
    __atomic_store_n(&slot->was, object, __ATOMIC_RELAXED);
    atomic_store_explicit(&slot->object, NULL, memory_order_release);
}

/* A capability more: the opening bracket goes before `place`, the closing one behind that. */
static void cap_add_locked(struct object *object, struct slot *slot, struct list *place,
                           uint32_t rights, uint64_t badge)
{
    object_get(object);
    list_insert(place, &slot->open);
    list_insert(place, &slot->close);
    slot_fill_locked(slot, object, rights, badge);
    if (object_ops(object)->cap_added != NULL)
        object_ops(object)->cap_added(object, (rights_t){rights});
}

void cap_make(struct slot *slot, struct object *object, rights_t rights, uint64_t badge)
{
    assert((rights.bits & ~(uint64_t)RIGHTS_ALL) == 0);
    /* Who finds a kind's own right in a slot takes it for that kind (abi/right.def). */
    uint32_t bits = (uint32_t)rights.bits & object_kind_rights(object->kind);
    irq_state_t state = spinlock_lock(&object->lock);
    cap_add_locked(object, slot, &object->caps, bits, badge);
    spinlock_unlock(&object->lock, state);
}

error_t cap_derive(struct slot *slot, struct slot *source, rights_t rights, uint64_t badge)
{
    irq_state_t state;
    struct object *object = cap_lock(source, &state);
    if (object == NULL)
        return ERR_bad_slot;
    error_t error = OK;
    if (badge == 0)
        badge = source->badge;
    if (source->badge != 0 && source->badge != badge)
        error = ERR_denied;
    else
        cap_add_locked(object, slot, source->open.next, source->rights & (uint32_t)rights.bits,
                       badge);
    spinlock_unlock(&object->lock, state);
    return error;
}

static void bracket_replace(struct list *old, struct list *bracket)
{
    list_insert(old, bracket);
    list_remove(old);
}

/* The reference goes along; for the object nothing has changed. */
error_t cap_move(struct slot *slot, struct slot *source)
{
    irq_state_t state;
    struct object *object = cap_lock(source, &state);
    if (object == NULL)
        return ERR_bad_slot;
    bracket_replace(&source->open, &slot->open);
    bracket_replace(&source->close, &slot->close);
    slot_empty_locked(source, object);
    slot_fill_locked(slot, object, source->rights, source->badge);
    spinlock_unlock(&object->lock, state);
    slot_bury(source);
    return OK;
}

void cap_remove_locked(struct object *object, struct slot *slot)
{
    debug_assert(spinlock_held(&object->lock));
    assert(slot_object(slot) == object);
    list_remove(&slot->open);
    list_remove(&slot->close);
    slot_empty_locked(slot, object);
    if (object_ops(object)->cap_removed != NULL)
        object_ops(object)->cap_removed(object, (rights_t){slot->rights});
}

void cap_gone(struct object *object, uint32_t count)
{
    /* The object is live: the references of what went are still there. */
    if (object_ops(object)->cap_gone != NULL)
        object_ops(object)->cap_gone(object);
    while (count-- > 0)
        object_put(object);
}

error_t cap_delete(struct slot *slot)
{
    irq_state_t state;
    struct object *object = cap_lock(slot, &state);
    if (object == NULL)
        return ERR_bad_slot;
    cap_remove_locked(object, slot);
    spinlock_unlock(&object->lock, state);
    slot_bury(slot);
    cap_gone(object, 1);
    return OK;
}

/* Slots are cache lines, so an address tells which of its brackets it is. */
static bool bracket_closes(const struct list *bracket)
{
    return (uintptr_t)bracket % sizeof(struct slot) == offsetof(struct slot, close);
}

/*
 * Back over those derived later from the same parent, each with what hangs on it, to the parent's
 * opening bracket. After some of them, `slot` is put before these, with what hangs on it: they are
 * all children of one parent, in whatever order, and the next look goes on from there.
 */
bool cap_parent(struct slot *slot, struct slot **parent)
{
    irq_state_t state;
    struct object *object = cap_lock(slot, &state);
    *parent = NULL;
    if (object == NULL)
        return true;
    struct list *at = slot->open.prev;
    uint32_t looks = 0;
    while (looks++ < PARENT_LOOKS && at != &object->caps && bracket_closes(at))
        at = CONTAINER_OF(at, struct slot, close)->open.prev;
    bool found = at == &object->caps || !bracket_closes(at);
    if (!found)
        list_move(&slot->open, &slot->close, at->next);
    else if (at != &object->caps)
        *parent = CONTAINER_OF(at, struct slot, open);
    spinlock_unlock(&object->lock, state);
    return found;
}
