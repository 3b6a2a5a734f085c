/*
 * System calls on memory objects (mem/memory.h does the work).
 *
 * Those over ranges do a bounded piece and say how many bytes they did; the caller goes on behind
 * that. An error is that of the first byte that was not done, and is told only if nothing was. They
 * ask no pager: needs_pager tells that a thread has to touch the page.
 */
#include "mem/memory.h"
#include "ipc/page_wait.h"
#include "ipc/port.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "syscall/call.h"

#define COPY_PIECE 512 /* bytes on the kernel's stack at once */

/* NULL if it is of another kind: reading and writing are rights of every kind. */
static struct memory *memory_of(const struct slot *slot)
{
    struct object *object = slot_kept(slot);
    return object->kind == OBJECT_memory ? CONTAINER_OF(object, struct memory, object) : NULL;
}

/* The memory object that an argument names, with a reference: bad_slot, denied; bad_argument:
 * another kind. */
static error_t memory_argument(const struct thread *caller, slot_t handle, uint32_t rights,
                               struct memory **memory)
{
    struct slot *slot;
    error_t error = slot_lookup(&caller->process->table, handle, rights, &slot);
    if (error != OK)
        return error;
    *memory = memory_of(slot);
    if (*memory == NULL)
        return ERR_bad_argument;
    return object_try_get(&(*memory)->object) ? OK : ERR_bad_slot;
}

outcome_t sys_memory_read(struct thread *caller, struct slot *slot, uint64_t offset, uaddr_t buffer,
                          uint64_t size, uint64_t *done)
{
    char piece[COPY_PIECE];
    struct memory *memory = memory_of(slot);
    error_t error = memory != NULL ? OK : ERR_bad_argument;
    size = min_u64(size, SPACE_COPY_MAX);
    for (*done = 0; *done < size && error == OK;) {
        uint64_t got = 0, put = 0, want = min_u64(size - *done, COPY_PIECE);
        error = memory_read(memory, offset + *done, piece, want, NULL, &got);
        uaddr_t to = {buffer.va + *done};
        error_t copied = space_copy_out(&caller->process->space, to, piece, got, &put);
        error = copied != OK ? copied : error;
        *done += put;
    }
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_memory_write(struct thread *caller, struct slot *slot, uint64_t offset,
                           uaddr_t buffer, uint64_t size, uint64_t *done)
{
    char piece[COPY_PIECE];
    struct memory *memory = memory_of(slot);
    error_t error = memory != NULL ? OK : ERR_bad_argument;
    size = min_u64(size, SPACE_COPY_MAX);
    for (*done = 0; *done < size && error == OK;) {
        uint64_t got = 0, put = 0, want = min_u64(size - *done, COPY_PIECE);
        uaddr_t from = {buffer.va + *done};
        error = space_copy_in(&caller->process->space, piece, from, want, &got);
        error_t copied = memory_write(memory, offset + *done, piece, got, NULL, &put);
        error = copied != OK ? copied : error;
        *done += put;
    }
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_memory_clone(struct thread *caller, struct slot *slot, uint64_t offset, slot_t to,
                           uint64_t to_offset, uint64_t size, uint64_t flags, uint64_t *done)
{
    struct memory *target;
    error_t error = memory_argument(caller, to, RIGHT_write, &target);
    if (error != OK)
        return (outcome_t)error;
    struct memory *memory = memory_of(slot);
    *done = 0;
    if (memory == NULL || (flags & ~(uint64_t)CLONE_ABSENT) != 0)
        error = ERR_bad_argument;
    else
        error = memory_clone(memory, offset, target, to_offset, size, (uint32_t)flags, NULL, done);
    object_put(&target->object);
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_memory_commit(struct thread *caller, struct slot *slot, uint64_t offset,
                            uint64_t size, uint64_t mode, uint64_t *done)
{
    (void)caller;
    struct memory *memory = memory_of(slot);
    if (memory == NULL || mode > COMMIT_ABSENT)
        return ERR_bad_argument;
    *done = 0;
    error_t error = memory_commit(memory, offset, size, (enum commit_mode)mode, NULL, done);
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_memory_dirty(struct thread *caller, struct slot *slot, uint64_t since,
                           uint64_t offset, uint64_t pages, uaddr_t bitmap, uint64_t *round)
{
    uint64_t bits[DIRTY_PAGES_MAX / 64] = {0}, done;
    struct memory *memory = memory_of(slot);
    if (memory == NULL || pages > DIRTY_PAGES_MAX)
        return ERR_bad_argument;
    error_t error = memory_dirty(memory, since, offset, (uint32_t)pages, bits, round);
    if (error != OK)
        return (outcome_t)error;
    return (outcome_t)space_copy_out(&caller->process->space, bitmap, bits, (pages + 7) / 8, &done);
}

outcome_t sys_memory_pager(struct thread *caller, struct slot *slot, slot_t port, uint64_t badge)
{
    struct slot *port_slot;
    struct memory_pager pager = {.badge = badge, .wake = page_wake, .put = page_pager_put}, former;
    if (port.value != 0) {
        error_t error = slot_lookup(&caller->process->table, port, RIGHT_send, &port_slot);
        if (error != OK)
            return (outcome_t)error;
        pager.port = slot_kept(port_slot);
        if (!port_source_get(CONTAINER_OF(pager.port, struct port, object)))
            return ERR_bad_slot;
    }
    (void)memory_pager_set(memory_of(slot), NULL, &pager, &former);
    if (former.port != NULL)
        former.put(former.port);
    return OK;
}

outcome_t sys_memory_supply(struct thread *caller, struct slot *slot, uint64_t offset, slot_t from,
                            uint64_t from_offset, uint64_t size, uint64_t *done)
{
    struct memory *source;
    error_t error = memory_argument(caller, from, RIGHT_write, &source);
    if (error != OK)
        return (outcome_t)error;
    *done = 0;
    error = memory_supply(memory_of(slot), offset, source, from_offset, size, NULL, done);
    object_put(&source->object);
    return *done != 0 ? OK : (outcome_t)error;
}

outcome_t sys_memory_resize(struct thread *caller, struct slot *slot, uint64_t bytes)
{
    (void)caller;
    bool done;
    struct memory *memory = memory_of(slot);
    if (memory == NULL)
        return ERR_bad_argument;
    error_t error = memory_resize(memory, bytes, &done);
    return error == OK && !done ? (outcome_t)CALL_AGAIN : (outcome_t)error;
}
