/*
 * Saving a job (sys/checkpoint.h). Records: a struct record, then what its type says. They come in
 * the order in which restoring needs them: objects, their contents, mappings, capabilities with
 * parents first, and last what binds threads to reply objects.
 */
#include "checkpoint.h"
#include "lib/string.h"
#include "sys/thread.h"

#define NO_OBJECT UINT32_MAX

/* --- the stream --- */

void *checkpoint_write(struct checkpoint *c, enum record_type type, uint64_t bytes)
{
    uint64_t size = sizeof(struct record) + ((bytes + 7) & ~UINT64_C(7));
    if (c->size - c->used < size)
        return NULL;
    struct record *record = (struct record *)(void *)(c->stream + c->used);
    *record = (struct record){.type = type, .bytes = (uint32_t)bytes};
    c->used += size;
    return record + 1;
}

/* A record with a copy of `data`. */
static error_t put(struct checkpoint *c, enum record_type type, const void *data, uint64_t bytes)
{
    void *to = checkpoint_write(c, type, bytes);
    if (to == NULL)
        return ERR_full;
    memcpy(to, data, bytes);
    return OK;
}

/* --- objects and their numbers --- */

uint32_t checkpoint_find(const struct checkpoint *c, uint64_t identity)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->objects[i].identity == identity)
            return i;
    return NO_OBJECT;
}

/* Notes an object; a capability for one that is known already is given up. */
static error_t note(struct checkpoint *c, uint64_t identity, uint64_t kind, slot_t slot,
                    uint32_t owner, uint32_t *number)
{
    *number = checkpoint_find(c, identity);
    if (*number != NO_OBJECT)
        return slot.value != 0 ? tern_cap_delete(slot) : OK;
    if (c->count == CHECKPOINT_OBJECTS)
        return ERR_full;
    *number = c->count++;
    c->objects[*number] = (struct checkpoint_object){identity, kind, slot, owner};
    return OK;
}

/* Reads a part into our message page; the number of a reference in it. */
static error_t info(slot_t slot, uint64_t part, uint64_t index, uint64_t *size, uint64_t *next)
{
    error_t error;
    do {
        error = tern_object_info(slot, part, index, size, next);
        index = *next;
    } while (error == OK && *size == 0);
    return error;
}

/* not_found ends an enumeration. */
static error_t ended(error_t error)
{
    return error == ERR_not_found ? OK : error;
}

static error_t find_thread(struct checkpoint *c, slot_t slot, uint32_t process)
{
    uint64_t size, next;
    uint32_t number, page;
    slot_t memory;
    error_t error = info(slot, STATE_thread_basic, 0, &size, &next);
    if (error != OK)
        return error;
    const struct state_thread_basic state = *(const struct state_thread_basic *)sys_page;
    error = note(c, state.identity, OBJECT_thread, slot, process, &number);
    if (error == OK)
        error = tern_object_open(slot, LINK_thread_page, 0, &memory, &next);
    if (error != OK)
        return error;
    return note(c, state.page_memory.value, OBJECT_memory, memory, number, &page);
}

static error_t find_threads(struct checkpoint *c, slot_t process, uint32_t number)
{
    slot_t thread;
    uint64_t next = 0;
    error_t error;
    while ((error = tern_object_open(process, LINK_process_thread, next, &thread, &next)) == OK)
        if ((error = find_thread(c, thread, number)) != OK)
            return error;
    return ended(error);
}

static error_t find_mappings(struct checkpoint *c, slot_t process)
{
    slot_t memory;
    uint64_t next = 0, size, at;
    uint32_t number;
    error_t error;
    while ((error = tern_object_open(process, LINK_process_mapping, next, &memory, &next)) == OK) {
        error = info(memory, STATE_memory_basic, 0, &size, &at);
        if (error != OK)
            return error;
        uint64_t identity = ((const struct state_memory_basic *)sys_page)->identity;
        error = note(c, identity, OBJECT_memory, memory, NO_OBJECT, &number);
        if (error != OK)
            return error;
        next++;
    }
    return ended(error);
}

/* Threads are known by now, and processes: other kinds, and memory that is not mapped, are new. */
static error_t find_capabilities(struct checkpoint *c, slot_t process)
{
    uint64_t index = 0, size, next, at;
    uint32_t number;
    slot_t slot;
    error_t error;
    while ((error = info(process, STATE_process_slot, index, &size, &next)) == OK) {
        const struct state_process_slot state = *(const struct state_process_slot *)sys_page;
        index = next;
        if (checkpoint_find(c, state.object.value) != NO_OBJECT)
            continue;
        if (state.kind == OBJECT_thread || state.kind == OBJECT_process ||
            state.kind > OBJECT_timer)
            return ERR_unsupported; /* outside, or not to be moved */
        error = tern_object_open(process, LINK_process_capability, (uint32_t)state.handle.value,
                                 &slot, &at);
        if (error == OK)
            error = note(c, state.object.value, state.kind, slot, NO_OBJECT, &number);
        if (error != OK)
            return error;
    }
    return ended(error);
}

static error_t for_processes(struct checkpoint *c,
                             error_t (*what)(struct checkpoint *c, slot_t process))
{
    error_t error = OK;
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        if (c->objects[i].kind == OBJECT_process)
            error = what(c, c->objects[i].slot);
    return error;
}

static error_t find_objects(struct checkpoint *c)
{
    slot_t process;
    uint64_t next = 0, size, at;
    uint32_t number;
    error_t error = info(c->job, STATE_job_basic, 0, &size, &at);
    if (error == OK)
        error = note(c, ((const struct state_job_basic *)sys_page)->identity, OBJECT_job,
                     (slot_t){0}, NO_OBJECT, &number);
    if (error != OK)
        return error;
    while ((error = tern_object_open(c->job, LINK_job_process, next, &process, &next)) == OK)
        if ((error = note(c, next, OBJECT_process, process, NO_OBJECT, &number)) != OK)
            return error;
    error = ended(error);
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        if (c->objects[i].kind == OBJECT_process)
            error = find_threads(c, c->objects[i].slot, i);
    if (error == OK)
        error = for_processes(c, find_mappings);
    return error == OK ? for_processes(c, find_capabilities) : error;
}

/* --- contents --- */

/* A part's struct as a record, references in it turned into numbers by who knows the part. */
static error_t put_state(struct checkpoint *c, enum record_type type, uint32_t number,
                         const void *state, uint64_t bytes)
{
    uint64_t *to = checkpoint_write(c, type, sizeof(uint64_t) + bytes);
    if (to == NULL)
        return ERR_full;
    to[0] = number;
    memcpy(to + 1, state, bytes);
    return OK;
}

static void to_number(const struct checkpoint *c, object_t *reference)
{
    reference->value = reference->value == 0 ? NO_OBJECT : checkpoint_find(c, reference->value);
}

/* Where this frame was seen first; else notes it. */
static struct checkpoint_page *page_first(struct checkpoint *c, uint64_t identity, uint32_t memory,
                                          uint64_t index)
{
    struct checkpoint_page *page = c->page;
    while (page < c->page + c->pages && page->identity != identity)
        page++;
    if (page == c->page + CHECKPOINT_PAGES)
        return NULL;
    if (page == c->page + c->pages) {
        *page = (struct checkpoint_page){identity, memory, (uint32_t)index};
        c->pages++;
    }
    return page;
}

static error_t save_page(struct checkpoint *c, uint32_t number,
                         const struct state_memory_page *state)
{
    uint64_t done;
    struct checkpoint_page *first = page_first(c, state->identity, number, state->index);
    if (state->state != STATE_PAGE_PRESENT || first == NULL)
        return ERR_unsupported;
    struct record_page record = {number, (uint32_t)state->index, first->memory, first->index};
    bool own = first->memory == number && first->index == state->index;
    uint8_t *to = checkpoint_write(c, RECORD_page, sizeof(record) + (own ? 4096 : 0));
    if (to == NULL)
        return ERR_full;
    memcpy(to, &record, sizeof(record));
    if (!own)
        return OK;
    to += sizeof(record);
    return tern_memory_read(c->objects[number].slot, state->index * 4096, (uaddr_t){(uintptr_t)to},
                            4096, &done);
}

static error_t save_memory(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, next = 0;
    error_t error = info(slot, STATE_memory_basic, 0, &size, &next);
    const struct state_memory_basic *state = sys_page;
    if (error == OK && (state->physical != 0 || state->pager.value != 0))
        error = ERR_unsupported;
    for (next = 0; error == OK;) {
        error = info(slot, STATE_memory_page, next, &size, &next);
        const struct state_memory_page page = *(const struct state_memory_page *)sys_page;
        if (error == OK)
            error = save_page(c, number, &page);
    }
    return ended(error);
}

static error_t save_port(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, index = 0, next = 0, at;
    error_t error;
    while ((error = info(slot, STATE_port_queue, index, &size, &next)) == OK) {
        if (((const struct state_port_queue *)sys_page)->thread.value != 0)
            return ERR_busy; /* somebody outside waits */
        error = put_state(c, RECORD_entry, number, sys_page, size);
        bool bytes = ((const struct state_port_queue *)sys_page)->bytes != 0;
        if (error == OK && bytes)
            error = tern_object_info(slot, STATE_port_bytes, index, &size, &at);
        if (error == OK && bytes)
            error = put_state(c, RECORD_entry_bytes, number, sys_page, size);
        if (error != OK)
            return error;
        index = next;
    }
    if (error == ERR_not_found)
        error = info(slot, STATE_port_basic, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_port, number, sys_page, size) : error;
}

static error_t save_thread(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, next;
    error_t error = info(slot, STATE_thread_basic, 0, &size, &next);
    if (error != OK)
        return error;
    struct state_thread_basic state = *(const struct state_thread_basic *)sys_page;
    if (state.wait == WAIT_OTHER)
        return ERR_busy;
    to_number(c, &state.foreign);
    to_number(c, &state.handler);
    error = put_state(c, RECORD_thread, number, &state, sizeof(state));
    if (error == OK)
        error = info(slot, STATE_thread_registers, 0, &size, &next);
    if (error == OK)
        error = put_state(c, RECORD_registers, number, sys_page, size);
    if (error == OK)
        error = info(slot, STATE_thread_fpu, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_fpu, number, sys_page, size) : error;
}

static error_t save_timer(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next;
    error_t error = info(c->objects[number].slot, STATE_timer_basic, 0, &size, &next);
    if (error != OK)
        return error;
    struct state_timer_basic state = *(const struct state_timer_basic *)sys_page;
    to_number(c, &state.port);
    return put_state(c, RECORD_timer, number, &state, sizeof(state));
}

static error_t save_reply(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next;
    error_t error = info(c->objects[number].slot, STATE_reply_basic, 0, &size, &next);
    if (error != OK)
        return error;
    struct state_reply_basic state = *(const struct state_reply_basic *)sys_page;
    to_number(c, &state.caller);
    to_number(c, &state.server);
    return put_state(c, RECORD_reply, number, &state, sizeof(state));
}

/* What has to be known to make an object: its own part 0, or its owner. */
static error_t save_object(struct checkpoint *c, uint32_t number)
{
    const struct checkpoint_object *object = &c->objects[number];
    struct record_object record = {.number = number, .kind = object->kind, .owner = object->owner};
    uint64_t size, next;
    if (object->kind == OBJECT_job)
        return put(c, RECORD_object, &record, sizeof(record));
    error_t error = info(object->slot, 0, 0, &size, &next);
    if (error != OK)
        return error;
    if (object->kind == OBJECT_thread)
        record.value = ((const struct state_thread_basic *)sys_page)->page;
    else if (object->kind == OBJECT_memory)
        record.value = ((const struct state_memory_basic *)sys_page)->size;
    else if (object->kind == OBJECT_port)
        record.value = ((const struct state_port_basic *)sys_page)->depth;
    return put(c, RECORD_object, &record, sizeof(record));
}

static error_t save_contents(struct checkpoint *c, uint32_t number)
{
    switch (c->objects[number].kind) {
    case OBJECT_memory:
        return save_memory(c, number);
    case OBJECT_thread:
        return save_thread(c, number);
    default:
        return OK;
    }
}

/* Ports last: what comes from outside meanwhile waits there. */
static error_t save_last(struct checkpoint *c, uint32_t number)
{
    switch (c->objects[number].kind) {
    case OBJECT_reply:
        return save_reply(c, number);
    case OBJECT_timer:
        return save_timer(c, number);
    case OBJECT_port:
        return save_port(c, number);
    default:
        return OK;
    }
}

static error_t for_objects(struct checkpoint *c,
                           error_t (*what)(struct checkpoint *c, uint32_t number))
{
    error_t error = OK;
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        error = what(c, i);
    return error;
}

static error_t save_mappings(struct checkpoint *c, uint32_t number)
{
    struct mapping_info list[16];
    uint64_t va = 0, count = 1;
    error_t error = OK;
    if (c->objects[number].kind != OBJECT_process)
        return OK;
    while (error == OK && count != 0) {
        error = tern_space_list(c->objects[number].slot, (uaddr_t){va}, (uaddr_t){(uintptr_t)list},
                                COUNT_OF(list), &count);
        for (uint64_t i = 0; i < count && error == OK; i++) {
            va = list[i].va + list[i].size;
            list[i].memory = checkpoint_find(c, list[i].memory);
            error = put_state(c, RECORD_mapping, number, &list[i], sizeof(list[i]));
        }
    }
    return error;
}

static error_t save_slots(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next = 0;
    error_t error;
    if (c->objects[number].kind != OBJECT_process)
        return OK;
    while ((error = info(c->objects[number].slot, STATE_process_slot, next, &size, &next)) == OK) {
        struct state_process_slot state = *(const struct state_process_slot *)sys_page;
        to_number(c, &state.object);
        to_number(c, &state.parent_process);
        error = put_state(c, RECORD_slot, number, &state, sizeof(state));
        if (error != OK)
            return error;
    }
    return ended(error);
}

error_t checkpoint_save(struct checkpoint *c, slot_t job)
{
    uint64_t size, next;
    c->used = c->at = c->count = c->pages = 0;
    c->job = job;
    error_t error = tern_job_freeze(job, 0, 0, 0);
    if (error == OK)
        error = find_objects(c);
    if (error == OK)
        error = info(job, STATE_job_basic, 0, &size, &next);
    if (error == OK)
        error = put(c, RECORD_job, sys_page, size);
    if (error == OK)
        error = for_objects(c, save_object);
    if (error == OK)
        error = for_objects(c, save_contents);
    if (error == OK)
        error = for_objects(c, save_mappings);
    if (error == OK)
        error = for_objects(c, save_last);
    return error == OK ? for_objects(c, save_slots) : error;
}

void checkpoint_forget(struct checkpoint *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->objects[i].slot.value != 0 && c->objects[i].kind != OBJECT_job)
            (void)tern_cap_delete(c->objects[i].slot);
    c->count = 0;
}

error_t checkpoint_destroy(struct checkpoint *c)
{
    error_t error = tern_object_kill(c->job);
    checkpoint_forget(c);
    (void)tern_cap_delete(c->job);
    return error;
}
