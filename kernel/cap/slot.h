/*
 * Capabilities: slots, their tables, and the order in which they were derived.
 *
 * A slot is free, reserved (being filled), used, or dead (deleted; free again after a grace
 * period, with its generation raised). A used slot names an object and never changes its object,
 * rights or badge; so a lookup takes no lock and no reference: it loads `object` (acquire), and if
 * that is there, the rest belongs to it until this CPU leaves the kernel.
 *
 * Derivation: a used slot stands in its object's list twice, as an opening and a closing bracket;
 * what was derived from it stands in between:
 *
 *     (A (B (C C) B) (D D) A) (E E)         B and D derived from A, C from B; E came by itself
 *
 * Deleting B takes its brackets away: C is then A's, and nobody else's. A new child goes right
 * behind its parent's opening bracket; moving a capability puts the new slot's brackets in the
 * place of the old one's; one that comes by itself goes to the end. So each is one step, whatever
 * hangs on the capability, and no depths or parents are to be kept right.
 *
 * Locks: the list is under the object's lock (rank object); a table's free list and directory
 * growth under the table's (rank cap_table). Never both: slots are reserved first, filled later;
 * taken out of the list first, given back to their table later.
 */
#pragma once

#include "lib/assert.h"
#include "lib/error.h"
#include "lib/list.h"
#include "obj/object.h"
#include <stdatomic.h>

#define SLOT_CHUNK_SHIFT 6 /* slots per chunk, one page; the first of them is not used */
#define SLOT_CHUNK       (1u << SLOT_CHUNK_SHIFT)
#define SLOT_CHUNKS_MAX  1024 /* chunks per table */
#define SLOT_MAX         (SLOT_CHUNK * SLOT_CHUNKS_MAX)

struct slot_table;

enum slot_state {
    SLOT_FREE,
    SLOT_TAKEN, /* reserved; or used, if `object` is there */
    SLOT_DEAD,
    SLOT_WORN, /* out of use for ever: it ran out of generations, or is the first of its chunk */
};

struct slot {
    _Atomic(struct object *) object; /* NULL: not used */
    union {
        uint64_t handle; /* what names it: both of the following */
        struct {
            uint32_t index;      /* constant */
            uint32_t generation; /* changes while the slot is free */
        };
    };
    union {
        uint64_t badge;           /* constant while used */
        struct slot_table *table; /* the first slot of a chunk has no badge: its table; constant */
    };
    struct list open; /* used: in object.caps, the object's lock; else in the table's lists */
    union {
        struct list close;  /* used: likewise */
        struct object *was; /* dead: what it named, for who looked it up before */
    };
    uint32_t rights; /* constant while used */
    uint32_t state;  /* enum slot_state; the table's lock */
};
_Static_assert(sizeof(struct slot) == 64, "a cache line, and a page holds SLOT_CHUNK");

struct slot_table {
    struct slot *_Atomic *directory; /* constant: SLOT_CHUNKS_MAX chunks, `no_chunk` if not made;
                                        NULL: slot_table_init failed */
    struct job *job;         /* constant: pays for chunks; who owns the table refers to it */
    _Atomic(uint32_t) count; /* no slot has this index or a greater one; only grows */
    struct spinlock lock;    /* rank cap_table: what follows */
    struct list free;        /* of slot.open; first in first out, so that handles age well */
    struct list dead;        /* of slot.open; first in first out */
    uint32_t used;           /* slots that are reserved, used or dead */
    uint32_t dead_count;     /* length of `dead` */
    uint32_t reviving;       /* those at its start wait for the grace period on its way */
    struct reclaim reclaim;  /* of `reviving`, if that is not 0 */
    uint32_t full_chunks;    /* chunks below this one exist */
    bool closed;      /* slot_table_clear was here: nothing is reserved; written by it alone */
    uint32_t cleared; /* slot_table_clear's place; its caller's */
};

/* A chunk is a page, and its first slot knows the table. */
static inline struct slot_table *slot_table_of(const struct slot *slot)
{
    return ((const struct slot *)align_down((uintptr_t)slot, PAGE_SIZE))->table;
}

/* A capability as a lookup found it; valid until the CPU leaves the kernel. */
static inline slot_t slot_handle(const struct slot *slot)
{
    return (slot_t){slot->handle};
}

/*
 * The slot where `handle` may be, in a table's directory. *object is what it names, or NULL if the
 * slot is not used or has another handle. An index beyond the table's is cut: then the handles
 * differ. No lock, no reference.
 */
static inline struct slot *slot_find_in(struct slot *_Atomic *directory, slot_t handle,
                                        struct object **object)
{
    uint32_t index = (uint32_t)handle.value & (SLOT_MAX - 1);
    /* Acquire: a chunk's slots are seen as they were when it was put there. */
    struct slot *chunk =
        atomic_load_explicit(&directory[index >> SLOT_CHUNK_SHIFT], memory_order_acquire);
    struct slot *slot = &chunk[index & (SLOT_CHUNK - 1)];
    *object = atomic_load_explicit(&slot->object, memory_order_acquire);
    /* Looked at also while the slot is free, and may change: it means nothing then. */
    if (__builtin_expect(__atomic_load_n(&slot->handle, __ATOMIC_RELAXED) != handle.value, 0))
        *object = NULL;
    return slot;
}

/* A directory with nothing in it. */
extern struct slot *_Atomic slot_no_directory[SLOT_CHUNKS_MAX];

/*
 * The used slot that `handle` names, or NULL. No lock, no reference.
 */
static inline struct slot *slot_find(const struct slot_table *table, slot_t handle)
{
    struct object *object;
    struct slot *slot = slot_find_in(table->directory, handle, &object);
    return object != NULL ? slot : NULL;
}

/* The same with the error that a user gets: bad_slot, or denied without all of `rights`. */
static inline error_t slot_lookup(const struct slot_table *table, slot_t handle, uint32_t rights,
                                  struct slot **result)
{
    struct slot *slot = slot_find(table, handle);
    if (slot == NULL)
        return ERR_bad_slot;
    if ((slot->rights & rights) != rights)
        return ERR_denied;
    *result = slot;
    return OK;
}

/*
 * The first used slot at or behind *index, whose index is stored; NULL with *index where to go on
 * looking, or SLOT_MAX at the end. Bounded; no lock, no reference.
 */
struct slot *slot_next(const struct slot_table *table, uint32_t *index);

static inline struct object *slot_object(const struct slot *slot)
{
    return atomic_load_explicit(&slot->object, memory_order_relaxed);
}

/* What a lookup of this stay in the kernel found, also if the capability went since. */
static inline struct object *slot_kept(const struct slot *slot)
{
    struct object *object = atomic_load_explicit(&slot->object, memory_order_acquire);
    return object != NULL ? object : __atomic_load_n(&slot->was, __ATOMIC_RELAXED);
}

/* The same with a reference; NULL if the object is on its way out. */
static inline struct object *slot_hold(const struct slot *slot)
{
    struct object *object = slot_kept(slot);
    return object_try_get(object) ? object : NULL;
}

/* --- tables (cap/table.c) --- */

/* An empty table whose pages are charged to `job`. no_memory. The first slot of a chunk
 * is never given out, so none has index 0. */
error_t slot_table_init(struct slot_table *table, struct job *job);

/*
 * The same with the slots that are given: `slots` of the zeroed page `chunk`, its head and what
 * follows; `directory` has one place. Nothing is charged, and slot_table_free is not for it.
 */
void slot_table_init_one(struct slot_table *table, struct slot *_Atomic *directory,
                         struct slot *chunk, uint32_t slots);

/*
 * Closes the table and deletes at most `budget` capabilities; true when none is left, nor any slot
 * that is reserved or waits for its grace period: call it again and again. One caller at a time.
 */
bool slot_table_clear(struct slot_table *table, uint32_t budget);

/*
 * Frees the pages of a cleared table, many of them by and by. Called by the owner's `free`, when no
 * CPU can look into the table any more; the struct itself is not touched afterwards.
 */
void slot_table_free(struct slot_table *table);

/* Forgets the spare directory, for a simulated machine that starts anew. */
void slot_table_forget(void);

/* Reserves a free slot, growing the table. full, no_memory; dead if the table is being cleared. */
error_t slot_reserve(struct slot_table *table, struct slot **result);

/* Reserves exactly this one, for import: bad_argument, exists, no_memory, dead. */
error_t slot_reserve_at(struct slot_table *table, slot_t handle, struct slot **result);

/* Gives a reserved slot back unused. */
void slot_unreserve(struct slot *slot);

/* For cap/: a slot whose capability is gone; it is dead now, and free after a grace period. */
void slot_bury(struct slot *slot);

/* --- capabilities (cap/derive.c, cap/revoke.c) --- */

/* Fills a reserved slot with a first capability of `object`; the slot takes a reference. */
void cap_make(struct slot *slot, struct object *object, rights_t rights, uint64_t badge);

/*
 * Fills a reserved slot with a capability derived from `source`: rights are cut to the source's;
 * a badge can be given once (the source's must be 0 or equal: denied otherwise; 0 keeps it).
 * bad_slot if the source went meanwhile. After an error the slot is still reserved.
 */
error_t cap_derive(struct slot *slot, struct slot *source, rights_t rights, uint64_t badge);

/* Puts the capability of `source` into a reserved slot; `source` is then dead. bad_slot. */
error_t cap_move(struct slot *slot, struct slot *source);

/* Deletes one capability; its descendants stay and become its parent's. bad_slot. */
error_t cap_delete(struct slot *slot);

/*
 * Deletes at most `budget` descendants of `slot`; *done when there are none left. bad_slot if the
 * slot itself went meanwhile. `budget` above the number of CPUs makes progress against any number
 * of CPUs that derive.
 */
error_t cap_revoke(struct slot *slot, uint32_t budget, bool *done);

/* Stores what `slot` was derived from, or NULL; valid until the CPU leaves the kernel. False: that
 * is far, but nearer now; look again. */
bool cap_parent(struct slot *slot, struct slot **parent);
