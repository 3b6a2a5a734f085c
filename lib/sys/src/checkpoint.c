/*
 * Saving a job (sys/checkpoint.h): its records, in the order in which restoring needs them.
 * Objects, jobs, contents, mappings, capabilities, and last what binds threads to reply objects.
 */
#include "checkpoint.h"
#include "lib/string.h"
#include "sys/thread.h"

/* A record with a copy of `data`. */
static error_t put(struct checkpoint *c, enum record_type type, const void *data, uint64_t bytes)
{
    void *to = stream_write(c, type, bytes);
    if (to == NULL)
        return ERR_full;
    memcpy(to, data, bytes);
    return OK;
}

/* A part's struct as a record, references in it turned into numbers by who knows the part. */
static error_t put_state(struct checkpoint *c, enum record_type type, uint32_t number,
                         const void *state, uint64_t bytes)
{
    uint64_t *to = stream_write(c, type, sizeof(uint64_t) + bytes);
    if (to == NULL)
        return ERR_full;
    to[0] = number;
    memcpy(to + 1, state, bytes);
    return OK;
}

/* Part 0 of an object, as a copy. */
#define BASIC(kind) *(const struct state_##kind##_basic *)sys_page

/* An identity becomes a number. unsupported: it is nothing that is taken along. */
static error_t to_number(const struct checkpoint *c, object_t *reference)
{
    uint64_t identity = reference->value;
    reference->value = identity == 0 ? NO_OBJECT : checkpoint_find(c, identity);
    return identity == 0 || reference->value != NO_OBJECT ? OK : ERR_unsupported;
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

/* Bytes up to the last word that is not zero. */
static uint64_t page_length(const uint8_t *bytes)
{
    const uint64_t *words = (const uint64_t *)(const void *)bytes;
    uint64_t count = 4096 / sizeof(*words);
    while (count > 0 && words[count - 1] == 0)
        count--;
    return count * sizeof(*words);
}

/* The stream has room for all of it first; what is zero at its end is taken back. */
static error_t save_own_page(struct checkpoint *c, const struct record_page *page)
{
    uint64_t done, begin = c->used;
    struct record_page *to = stream_write(c, RECORD_page, sizeof(*page) + 4096);
    if (to == NULL)
        return ERR_full;
    error_t error = tern_memory_read(c->objects[page->memory].slot, page->index * 4096,
                                     (uaddr_t){(uintptr_t)(to + 1)}, 4096, &done);
    if (error != OK || done != 4096)
        return error != OK ? error : ERR_bad_address;
    struct record *record = (struct record *)(void *)(c->stream + begin);
    *to = *page;
    record->bytes = (uint32_t)(sizeof(*page) + page_length((const uint8_t *)(to + 1)));
    c->used = begin + sizeof(*record) + record->bytes;
    return OK;
}

static error_t save_page(struct checkpoint *c, uint32_t number,
                         const struct state_memory_page *state)
{
    struct record_page page = {number, state->index, state->state, number, state->index};
    if (state->state != STATE_PAGE_PRESENT)
        return put(c, RECORD_page, &page, sizeof(page));
    struct checkpoint_page *first = page_first(c, state->identity, number, state->index);
    if (first == NULL)
        return ERR_full;
    page.first_memory = first->memory;
    page.first_index = first->index;
    if (first->memory == number && first->index == state->index)
        return save_own_page(c, &page);
    return put(c, RECORD_page, &page, sizeof(page));
}

static error_t save_memory(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, next = 0;
    error_t error = checkpoint_info(slot, STATE_memory_basic, 0, &size, &next);
    struct state_memory_basic basic = BASIC(memory);
    if (error == OK && basic.physical != 0)
        error = ERR_unsupported;
    for (next = 0; error == OK && basic.clock == 0;) {
        error = checkpoint_info(slot, STATE_memory_page, next, &size, &next);
        const struct state_memory_page page = *(const struct state_memory_page *)sys_page;
        if (error == OK)
            error = save_page(c, number, &page);
    }
    error = checkpoint_ended(error);
    if (error == OK && basic.pager.value != 0) {
        error = to_number(c, &basic.pager);
        if (error == OK)
            error = put_state(c, RECORD_memory, number, &basic, sizeof(basic));
    }
    return error;
}

/* What a message brings: by which object, and how. */
static error_t entry_cap(const struct checkpoint *c, slot_t port, uint64_t place,
                         struct record_cap *cap)
{
    slot_t slot;
    uint64_t at;
    struct state_process_slot state;
    error_t error = tern_object_open(port, LINK_port_capability, place, &slot, &at);
    if (error != OK)
        return error;
    error = checkpoint_own_slot(slot, &state);
    if (error == OK)
        error = to_number(c, &state.object);
    *cap = (struct record_cap){state.object.value, state.rights, state.badge};
    (void)tern_cap_delete(slot);
    return error;
}

/* The entry behind `place`, whose state is in our message page. */
static error_t save_entry(struct checkpoint *c, uint32_t number, uint64_t place)
{
    slot_t port = c->objects[number].slot;
    struct record_entry entry = {number, *(const struct state_port_queue *)sys_page, {{0}}};
    uint64_t size, at;
    error_t error = OK;
    if (entry.state.thread.value != 0)
        return OK;
    for (uint64_t i = 0; i < MESSAGE_CAPS_MAX && error == OK; i++) {
        entry.caps[i].object = NO_OBJECT;
        if (i < entry.state.caps)
            error = entry_cap(c, port, place | i, &entry.caps[i]);
    }
    if (error == OK)
        error = put(c, RECORD_entry, &entry, sizeof(entry));
    if (error == OK && entry.state.bytes != 0)
        error = tern_object_info(port, STATE_port_bytes, place, &size, &at);
    if (error == OK && entry.state.bytes != 0)
        error = put_state(c, RECORD_entry_bytes, number, sys_page, size);
    return error;
}

/* What waits to send is outside: threads inside wait in no queue now, and say themselves where. */
static error_t save_port(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, index = 0, next = 0;
    error_t error;
    while ((error = checkpoint_info(slot, STATE_port_queue, index, &size, &next)) == OK) {
        error = save_entry(c, number, index);
        if (error != OK)
            return error;
        index = next;
    }
    if (error == ERR_not_found)
        error = checkpoint_info(slot, STATE_port_basic, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_port, number, sys_page, size) : error;
}

static error_t save_thread(struct checkpoint *c, uint32_t number)
{
    slot_t slot = c->objects[number].slot;
    uint64_t size, next;
    error_t error = checkpoint_info(slot, STATE_thread_basic, 0, &size, &next);
    struct state_thread_basic state = BASIC(thread);
    if (error == OK && state.wait == WAIT_OTHER)
        error = ERR_busy;
    if (error == OK)
        error = to_number(c, &state.foreign);
    if (error == OK)
        error = to_number(c, &state.handler);
    if (error == OK)
        error = put_state(c, RECORD_thread, number, &state, sizeof(state));
    if (error == OK)
        error = checkpoint_info(slot, STATE_thread_registers, 0, &size, &next);
    if (error == OK)
        error = put_state(c, RECORD_registers, number, sys_page, size);
    if (error == OK)
        error = checkpoint_info(slot, STATE_thread_fpu, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_fpu, number, sys_page, size) : error;
}

static error_t save_timer(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next;
    error_t error = checkpoint_info(c->objects[number].slot, STATE_timer_basic, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_timer, number, sys_page, size) : error;
}

static error_t save_reply(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next;
    error_t error = checkpoint_info(c->objects[number].slot, STATE_reply_basic, 0, &size, &next);
    struct state_reply_basic state = BASIC(reply);
    if (error == OK)
        error = to_number(c, &state.caller);
    if (error == OK)
        error = to_number(c, &state.server);
    return error == OK ? put_state(c, RECORD_reply, number, &state, sizeof(state)) : error;
}

static error_t save_job(struct checkpoint *c, uint32_t number)
{
    uint64_t size, next;
    error_t error = checkpoint_info(c->objects[number].slot, STATE_job_basic, 0, &size, &next);
    return error == OK ? put_state(c, RECORD_job, number, sys_page, size) : error;
}

/* What object_create wants to know. */
static error_t value_of(struct checkpoint *c, struct checkpoint_object *object)
{
    uint64_t size, next;
    error_t error = checkpoint_info(object->slot, 0, 0, &size, &next);
    object_t port = {0};
    if (error == OK && object->kind == OBJECT_thread)
        object->value = (BASIC(thread)).page;
    else if (error == OK && object->kind == OBJECT_memory) {
        object->value = (BASIC(memory)).size;
        if ((BASIC(memory)).clock != 0)
            object->owner = object->job;
    } else if (error == OK && object->kind == OBJECT_port)
        object->value = (BASIC(port)).depth;
    else if (error == OK && object->kind == OBJECT_timer) {
        object->value = (BASIC(timer)).bits;
        port = (BASIC(timer)).port;
        error = to_number(c, &port);
        object->owner = (uint32_t)port.value;
    }
    return error;
}

static error_t save_object(struct checkpoint *c, uint32_t number)
{
    struct checkpoint_object *object = &c->objects[number];
    error_t error = object->job != NO_OBJECT ? value_of(c, object) : OK;
    const struct record_object record = {.number = number,
                                         .kind = object->kind,
                                         .owner = object->owner,
                                         .job = object->job,
                                         .value = object->value};
    return error == OK ? put(c, RECORD_object, &record, sizeof(record)) : error;
}

static error_t save_mappings(struct checkpoint *c, uint32_t number)
{
    struct mapping_info list[16];
    uint64_t va = 0, count = 1;
    error_t error = OK;
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

/* What a capability was derived from may be outside. */
static error_t save_slots(struct checkpoint *c, uint32_t number)
{
    slot_t process = c->objects[number].slot;
    uint64_t size, next = 0;
    error_t error;
    while ((error = checkpoint_info(process, STATE_process_slot, next, &size, &next)) == OK) {
        struct state_process_slot state = *(const struct state_process_slot *)sys_page;
        error = to_number(c, &state.object);
        (void)to_number(c, &state.parent_process);
        if (error == OK)
            error = put_state(c, RECORD_slot, number, &state, sizeof(state));
        if (error != OK)
            return error;
    }
    return checkpoint_ended(error);
}

/* By what each kind is saved, pass by pass. Ports late: what comes from outside waits there. */
typedef error_t (*save_t)(struct checkpoint *c, uint32_t number);
static const save_t passes[][OBJECT_KINDS] = {
    {[OBJECT_job] = save_job, [OBJECT_memory] = save_memory, [OBJECT_thread] = save_thread},
    {[OBJECT_process] = save_mappings},
    {[OBJECT_reply] = save_reply, [OBJECT_timer] = save_timer, [OBJECT_port] = save_port},
    {[OBJECT_process] = save_slots},
};

static error_t save_contents(struct checkpoint *c)
{
    error_t error = OK;
    for (unsigned pass = 0; pass < COUNT_OF(passes); pass++)
        for (uint32_t i = 0; i < c->count && error == OK; i++) {
            save_t save = passes[pass][c->objects[i].kind];
            if (save != NULL && (c->objects[i].job != NO_OBJECT || i == 0))
                error = save(c, i);
        }
    return error;
}

error_t checkpoint_save(struct checkpoint *c, slot_t job)
{
    c->count = c->pages = 0;
    c->job = job;
    error_t error = tern_job_freeze(job, 0, 0, 0);
    if (error == OK)
        error = stream_begin(c);
    if (error == OK)
        error = checkpoint_number(c);
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        error = save_object(c, i);
    if (error == OK)
        error = save_contents(c);
    if (error == OK)
        stream_end(c);
    return error;
}

void checkpoint_forget(struct checkpoint *c)
{
    for (uint32_t i = 1; i < c->count; i++)
        if (c->objects[i].slot.value != 0 && c->objects[i].job != NO_OBJECT)
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
