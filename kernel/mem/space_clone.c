/*
 * Cloning all mappings of a space, as fork does (mapping.h).
 *
 * A private mapping gets a new object of its size in the target, mapped at once, and the pages that
 * the source shows are cloned into that, a piece at a time: what was done so far is a valid state,
 * and the next address says all. While pages are missing, the target's mapping is marked, so that
 * going on cannot be made to write into any other object; who changes the mapping takes the mark
 * off.
 */
#include "lib/assert.h"
#include "mem/fault.h"
#include "mem/mapping.h"
#include "obj/job.h"

/* What the source has at an address. */
struct source {
    struct memory *memory; /* with a reference; NULL: there is nothing more */
    uint64_t va, end, offset;
    uint32_t flags;
};

static void source_find(struct space *from, uint64_t va, struct source *source)
{
    *source = (struct source){.memory = NULL};
    spinlock_enter(&from->lock);
    struct mapping *mapping = mapping_at_locked(from, va);
    if (mapping != NULL) {
        source->memory = mapping->memory;
        object_get(&mapping->memory->object);
        source->va = max_u64(va, mapping->va);
        source->end = mapping_end(mapping);
        source->offset = mapping->offset + (source->va - mapping->va);
        source->flags = mapping->flags & MAPPING_FLAGS;
    }
    spinlock_exit(&from->lock);
}

/* A new object, mapped where the source's is; as long as what the source can show. A reference. */
static error_t target_make(struct space *to, const struct source *source, struct memory **result)
{
    struct memory *memory;
    uint64_t size = memory_size(source->memory);
    uint64_t shown = size > source->offset ? size - source->offset : PAGE_SIZE;
    error_t error = memory_create(to->job, min_u64(shown, source->end - source->va), &memory);
    if (error != OK)
        return error;
    struct mapping *mapping = mapping_make(to, memory, 0, source->va, source->end - source->va,
                                           source->flags | MAPPING_CLONING);
    error = mapping == NULL ? ERR_no_memory : space_insert(to, mapping);
    if (error == OK) {
        *result = memory;
        return OK;
    }
    mapping_free(mapping);
    object_put(&memory->object);
    return error;
}

/* The object that an earlier piece made for the source's address; a reference, or NULL. */
static struct memory *target_find(struct space *to, const struct source *source, uint64_t *offset,
                                  uint64_t *end)
{
    struct memory *memory = NULL;
    spinlock_enter(&to->lock);
    const struct mapping *mapping = mapping_find_locked(to, source->va);
    if (mapping != NULL && (mapping->flags & MAPPING_CLONING) != 0) {
        memory = mapping->memory;
        object_get(&memory->object);
        *offset = mapping->offset + (source->va - mapping->va);
        *end = min_u64(source->end, mapping_end(mapping));
    }
    spinlock_exit(&to->lock);
    return memory;
}

static void target_done(struct space *to, uint64_t va)
{
    spinlock_enter(&to->lock);
    struct mapping *mapping = mapping_find_locked(to, va);
    if (mapping != NULL) {
        spinlock_enter(&mapping->memory->lock);
        mapping->flags &= MAPPING_FLAGS;
        spinlock_exit(&mapping->memory->lock);
    }
    spinlock_exit(&to->lock);
}

/* Pages that both objects have; behind the source's end nothing is cloned. */
static error_t pages_clone(const struct source *source, struct memory *memory, uint64_t offset,
                           uint64_t size, struct page_request *request, uint64_t *done)
{
    uint64_t from_end = memory_size(source->memory), to_end = memory_size(memory);
    uint64_t left = from_end > source->offset ? from_end - source->offset : 0;
    left = min_u64(left, to_end > offset ? to_end - offset : 0);
    if (left == 0) {
        *done = size;
        return OK;
    }
    return memory_clone(source->memory, source->offset, memory, offset, min_u64(left, size), 0,
                        request, done);
}

static error_t clone_private(struct space *to, const struct source *source, uint64_t *next,
                             struct page_request *request)
{
    uint64_t offset = 0, end = 0, done = 0;
    struct memory *memory = target_find(to, source, &offset, &end);
    error_t error = OK;
    if (memory == NULL) {
        end = source->end;
        error = target_make(to, source, &memory);
        if (error != OK)
            return error;
    }
    error = pages_clone(source, memory, offset, end - source->va, request, &done);
    object_put(&memory->object);
    if (error != OK)
        return error;
    *next = source->va + done;
    if (*next == source->end)
        target_done(to, source->va);
    return OK;
}

static error_t clone_mapping(struct space *to, const struct source *source, uint64_t *next,
                             struct page_request *request)
{
    uint32_t inherit = source->flags & SPACE_INHERIT;
    error_t error = OK;
    if (inherit == SPACE_PRIVATE && !source->memory->physical)
        return clone_private(to, source, next, request);
    if (inherit != SPACE_OMIT)
        error = space_map(to, source->memory, source->offset, (uaddr_t){source->va},
                          source->end - source->va, source->flags);
    if (error == OK)
        *next = source->end;
    return error;
}

error_t space_clone(struct space *from, struct space *to, uint64_t *next,
                    struct page_request *request)
{
    struct source source;
    assert(from != to);
    source_find(from, *next, &source);
    if (source.memory == NULL) {
        *next = SPACE_END;
        return OK;
    }
    error_t error = clone_mapping(to, &source, next, request);
    object_put(&source.memory->object);
    return error;
}
