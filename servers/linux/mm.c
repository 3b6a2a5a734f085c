/* Address spaces (mm.h). */
#include "mm.h"
#include "node.h"
#include "sys/call.h"
#include "worker.h"
#include <space.h>
#include <stdlib.h>

#define PAGE_STEP  (2 * UINT64_C(4096))
#define LIST_PIECE 16

int64_t error_number(error_t error)
{
    switch (error) {
    case OK:
        return 0;
    case ERR_no_memory:
    case ERR_full:
        return -ENOMEM;
    case ERR_exists:
        return -EEXIST;
    case ERR_bad_address:
        return -EFAULT;
    case ERR_denied:
        return -EACCES;
    default:
        return -EINVAL;
    }
}

struct mm *mm_make(void)
{
    struct mm *mm = calloc(1, sizeof(*mm));
    if (mm == NULL)
        return NULL;
    mm->references = 1;
    mm->map_next = MAP_TOP;
    if (tern_object_create(programs_job, OBJECT_process, (slot_t){0}, 0, &mm->process) == OK)
        return mm;
    free(mm);
    return NULL;
}

struct mm *mm_get(struct mm *mm)
{
    mm->references++;
    return mm;
}

void mm_put(struct mm *mm)
{
    if (--mm->references > 0)
        return;
    (void)tern_object_kill(mm->process);
    (void)tern_cap_delete(mm->process);
    if (mm->program != NULL)
        node_put(mm->program);
    free(mm);
}

int64_t mm_clone(struct mm *from, struct mm **made)
{
    struct mm *mm = mm_make();
    if (mm == NULL)
        return -ENOMEM;
    uint64_t next = 0;
    error_t error = OK;
    while (error == OK && next != SPACE_END)
        error = tern_space_clone(from->process, mm->process, next, &next);
    if (error != OK) {
        mm_put(mm);
        return -ENOMEM;
    }
    slot_t process = mm->process;
    *mm = *from;
    mm->process = process;
    mm->references = 1;
    if (mm->program != NULL)
        node_get(mm->program);
    *made = mm;
    return 0;
}

uint64_t mm_page_place(struct mm *mm)
{
    return PAGES_BASE + PAGE_STEP * mm->pages_used++;
}

/* The mappings from `va` on: how many of LIST_PIECE. */
static uint64_t list_from(struct mm *mm, uint64_t va, struct mapping_info *mappings)
{
    uint64_t listed = 0;
    error_t error = tern_space_list(mm->process, (uaddr_t){va}, (uaddr_t){(uintptr_t)mappings},
                                    LIST_PIECE, &listed);
    return error == OK ? listed : 0;
}

/* The highest hole of `size` below MAP_TOP: only when what lies below map_next is used up. */
static uint64_t search(struct mm *mm, uint64_t size)
{
    struct mapping_info list[LIST_PIECE];
    uint64_t at = MAP_FLOOR, best = 0, listed;
    while (at < MAP_TOP && (listed = list_from(mm, at, list)) > 0)
        for (uint64_t i = 0; i < listed && at < MAP_TOP; i++) {
            uint64_t end = list[i].va < MAP_TOP ? list[i].va : MAP_TOP;
            if (end > at && end - at >= size)
                best = end - size;
            at = list[i].va + list[i].size;
        }
    if (at < MAP_TOP && MAP_TOP - at >= size)
        best = MAP_TOP - size;
    return best;
}

static bool is_free(struct mm *mm, uint64_t va, uint64_t size)
{
    struct mapping_info list[LIST_PIECE];
    uint64_t listed = list_from(mm, va, list);
    return listed == 0 || list[0].va >= va + size;
}

uint64_t mm_place(struct mm *mm, uint64_t hint, uint64_t size)
{
    if (size > MAP_TOP - MAP_FLOOR)
        return 0;
    if (hint >= MAP_FLOOR && hint <= MAP_TOP - size && is_free(mm, hint, size))
        return hint;
    uint64_t below = mm->map_next > size ? mm->map_next - size : 0;
    if (below < MAP_TOP / 2 || !is_free(mm, below, size))
        return search(mm, size);
    mm->map_next = below;
    return below;
}

int64_t mm_map(struct mm *mm, slot_t memory, uint64_t offset, uint64_t va, uint64_t size,
               uint64_t access)
{
    return error_number(tern_space_map(mm->process, memory, offset, (uaddr_t){va}, size, access));
}

int64_t mm_map_zero(struct mm *mm, uint64_t va, uint64_t size, uint64_t access)
{
    slot_t memory;
    error_t error = tern_object_create(programs_job, OBJECT_memory, (slot_t){0}, size, &memory);
    if (error != OK)
        return -ENOMEM;
    int64_t result = mm_map(mm, memory, 0, va, size, access);
    (void)tern_cap_delete(memory);
    return result;
}

int64_t mm_unmap(struct mm *mm, uint64_t va, uint64_t size)
{
    uint64_t done = 0, end = va + size;
    if (va == mm->map_next)
        mm->map_next = end; /* the lowest one: its addresses are the next to be used */
    error_t error = OK;
    for (; error == OK && va < end; va += done)
        error = tern_space_unmap(mm->process, (uaddr_t){va}, end - va, &done);
    return error_number(error);
}

/* The mapping's pages as memory of the program's own, at the same place. */
static error_t make_own(struct mm *mm, const struct mapping_info *mapping, uint64_t access)
{
    slot_t memory = {0};
    uint64_t done = 0;
    error_t error =
        tern_object_create(programs_job, OBJECT_memory, (slot_t){0}, mapping->size, &memory);
    if (error != OK)
        return error;
    static char buffer[4096];
    for (uint64_t copied = 0; error == OK && copied < mapping->size; copied += done) {
        struct space_range range = {.va = {mapping->va + copied}, .size = sizeof(buffer)};
        error = tern_space_read(mm->process, (uaddr_t){(uintptr_t)&range}, 1,
                                (uaddr_t){(uintptr_t)buffer}, &done);
        if (error == OK)
            error = tern_memory_write(memory, copied, (uaddr_t){(uintptr_t)buffer}, done, &done);
    }
    if (error == OK && mm_unmap(mm, mapping->va, mapping->size) != 0)
        error = ERR_no_memory;
    if (error == OK)
        error = tern_space_map(mm->process, memory, 0, (uaddr_t){mapping->va}, mapping->size,
                               access | SPACE_PRIVATE);
    (void)tern_cap_delete(memory);
    return error;
}

error_t mm_protect(struct mm *mm, uint64_t va, uint64_t size, uint64_t access, uint64_t *done)
{
    struct mapping_info mapping;
    uint64_t listed = 0;
    error_t error =
        tern_space_list(mm->process, (uaddr_t){va}, (uaddr_t){(uintptr_t)&mapping}, 1, &listed);
    if (error != OK || listed == 0 || mapping.va > va)
        return ERR_bad_address;
    uint64_t end = mapping.va + mapping.size < va + size ? mapping.va + mapping.size : va + size;
    uint64_t inherit = mapping.flags & SPACE_INHERIT;
    *done = end - va;
    error = tern_space_protect(mm->process, (uaddr_t){va}, end - va, access | inherit, done);
    if (error != ERR_denied || inherit != SPACE_PRIVATE)
        return error;
    mapping.size = end - va;
    mapping.va = va;
    *done = end - va;
    return make_own(mm, &mapping, access);
}
