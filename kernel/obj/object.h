/*
 * What every kernel object begins with, and how it lives and dies.
 *
 *   made      object_init: one reference, its maker's; charged to a job, which it holds
 *   live      each capability and each pointer kept by another object is a reference
 *   retiring  the last reference went: object_put queued it with the reaper (obj/reclaim.h), which
 *             calls the kind's `retire` in bounded steps: wake who waits, let go of others
 *   freed     after a grace period (every CPU has left the kernel once): the kind's `free`
 *
 * So a pointer that was found without a lock, in a slot or in a thread's wait record, may be
 * read until the CPU leaves the kernel, even if the object is retiring. Who wants to *keep* such
 * a pointer takes a reference by object_try_get, which fails for a retiring object.
 */
#pragma once

#include "lib/error.h"
#include "lib/list.h"
#include "lib/types.h"
#include "obj/reclaim.h"
#include "sync/spinlock.h"
#include <abi.h>

struct job;
struct object;

/* What a kind does; one table per kind, object_kinds[kind] (obj/kinds.c). Any may be NULL. */
struct object_ops {
    const char *name;
    /* A capability with `rights` came to be or went. Under the object's lock; takes none. */
    void (*cap_added)(struct object *object, rights_t rights);
    void (*cap_removed)(struct object *object, rights_t rights);
    /* Called without locks after a capability went, if the object is still live; may be NULL. */
    void (*cap_gone)(struct object *object);
    /*
     * A step of letting go of everything (some 2,000 instructions); true when there is nothing left
     * to do. No locks held, one CPU at a time; false also while it waits for a grace period.
     */
    bool (*retire)(struct object *object);
    /* Gives the memory back. Every CPU has left the kernel since retire was done. */
    void (*free)(struct object *object);
};

struct object {
    uint8_t kind;                 /* enum object_kind; constant */
    _Atomic(bool) retiring;       /* set once */
    _Atomic(uint32_t) references; /* 0: retiring */
    struct spinlock lock;         /* rank object: `caps`, and the chain of slots from it */
    struct list caps;             /* its capabilities, as brackets (cap/slot.h) */
    struct job *job;              /* who pays; a reference; NULL for the first job */
    uint64_t identity;            /* unique since boot; settable by import */
    uint32_t charged;             /* bytes charged to `job` for the struct; constant */
    struct reclaim reclaim;       /* for the reaper and the grace period */
};

/*
 * Allocates `size` zeroed bytes that begin with a struct object, charged to `job`. no_memory.
 * The result has one reference and no capability.
 */
error_t object_make(struct job *job, enum object_kind kind, size_t size, struct object **result);

/*
 * The same for an object somewhere inside a zeroed block that the caller got from job_alloc, and
 * that `charged` bytes were charged for.
 */
void object_init(struct object *object, struct job *job, enum object_kind kind, size_t charged);

/* Takes another reference; the caller has one, or knows that one stays. */
void object_get(struct object *object);

/* The same from a bare pointer found without a lock; false if the object is retiring. */
bool object_try_get(struct object *object);

/* Gives a reference back. Any locks may be held. */
void object_put(struct object *object);

/* For the reaper: what `free` ends with. Gives struct and charge back, and the job's reference. */
void object_free(struct object *object);

/* The same for an object inside `block`. */
void object_free_block(struct object *object, void *block);

static inline bool object_retiring(struct object *object)
{
    return atomic_load_explicit(&object->retiring, memory_order_relaxed);
}

extern const struct object_ops *const object_kinds[OBJECT_KINDS];
extern const struct object_ops job_ops, process_ops, thread_ops, memory_ops, port_ops, reply_ops;
extern const struct object_ops timer_ops, irq_ops, ioport_ops, device_ops;

static inline const struct object_ops *object_ops(const struct object *object)
{
    return object_kinds[object->kind];
}

/* "job", "port" ...; "unknown" for a number that is none. */
const char *object_kind_name(uint32_t kind);

/* The rights that mean something for a kind; capabilities have no others. */
uint32_t object_kind_rights(uint32_t kind);
