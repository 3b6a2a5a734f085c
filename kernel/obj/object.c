/*
 * Objects: references, and what becomes of an object when the last one goes (object.h).
 *
 * Memory order of references: taking one orders nothing, since the taker has the object already.
 * Giving one back is a release, and who gives back the last one acquires: so all that anybody did
 * with the object comes before its retirement.
 */
#include "obj/object.h"
#include "lib/assert.h"
#include "obj/job.h"

static _Atomic(uint64_t) identities; /* given out so far */

void object_init(struct object *object, struct job *job, enum object_kind kind, size_t charged)
{
    assert(kind > OBJECT_NONE && kind < OBJECT_KINDS && object_kinds[kind] != NULL);
    assert(charged <= UINT32_MAX);
    object->kind = (uint8_t)kind;
    atomic_init(&object->retiring, false);
    atomic_init(&object->references, 1);
    spinlock_init(&object->lock, LOCK_RANK_object);
    list_init(&object->caps);
    object->job = job;
    object->charged = (uint32_t)charged;
    object->identity = 1 + atomic_fetch_add_explicit(&identities, 1, memory_order_relaxed);
    if (job != NULL)
        object_get(&job->object);
}

error_t object_make(struct job *job, enum object_kind kind, size_t size, struct object **result)
{
    /* The caller may have the job from a lookup only. */
    if (job != NULL && !object_try_get(&job->object))
        return ERR_dead;
    struct object *object = job_alloc(job, size);
    if (object != NULL)
        object_init(object, job, kind, size);
    if (job != NULL)
        object_put(&job->object);
    *result = object;
    return object != NULL ? OK : ERR_no_memory;
}

void object_get(struct object *object)
{
    uint32_t before = atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    /* Each reference takes a slot or a pointer in memory: there is no way to have 2^32 of them. */
    assert(before != 0 && before != UINT32_MAX);
}

bool object_try_get(struct object *object)
{
    uint32_t references = atomic_load_explicit(&object->references, memory_order_relaxed);
    do {
        if (references == 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&object->references, &references,
                                                    references + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    assert(references != UINT32_MAX);
    return true;
}

void object_put(struct object *object)
{
    uint32_t before = atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel);
    assert(before != 0);
    if (before == 1)
        reap_add(object);
}

void object_free_block(struct object *object, void *block)
{
    struct job *job = object->job;
    assert(object->references == 0 && object_retiring(object) && list_empty(&object->caps));
    job_release(job, block, object->charged);
    if (job != NULL)
        object_put(&job->object);
}

void object_free(struct object *object)
{
    object_free_block(object, object);
}
