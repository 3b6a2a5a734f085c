/* Making a job from its stream (sys/checkpoint.h). */
#include "checkpoint.h"
#include "lib/string.h"
#include "sys/thread.h"

#define ALL(kind, part) ((UINT64_C(1) << sizeof(struct state_##kind##_##part) / 8) - 1)
#define BIT(part, name) STATE_BIT(thread, part, name)

#define THREAD_FIELDS                                                                              \
    (BIT(basic, suspended) | BIT(basic, kicked) | BIT(basic, fault_class) |                        \
     BIT(basic, fault_address) | BIT(basic, fault_error) | BIT(basic, fault_pc) |                  \
     BIT(basic, foreign_badge) | BIT(basic, foreign) | BIT(basic, handler_badge) |                 \
     BIT(basic, handler) | (BIT(basic, affinity7) * 2 - BIT(basic, class)))

/* The capability for a number in the stream; 0 for none. */
static slot_t slot_of(const struct checkpoint *c, uint64_t number)
{
    return number < c->count ? c->objects[number].slot : (slot_t){0};
}

static error_t set(const struct checkpoint *c, slot_t slot, uint64_t part, uint64_t fields,
                   const void *state, uint64_t bytes)
{
    memcpy(sys_page, state, bytes);
    return tern_object_set(slot, part, fields, bytes, c->job);
}

static error_t make_object(struct checkpoint *c, const struct record_object *record)
{
    uint64_t next;
    if (record->number != c->count || c->count == CHECKPOINT_OBJECTS)
        return ERR_malformed;
    struct checkpoint_object *object = &c->objects[c->count++];
    *object = (struct checkpoint_object){.kind = record->kind, .owner = (uint32_t)record->owner};
    slot_t owner = slot_of(c, record->owner);
    switch (record->kind) {
    case OBJECT_job:
        object->slot = c->job;
        return OK;
    case OBJECT_timer:
        return OK; /* with its port */
    case OBJECT_memory:
        if (owner.value != 0)
            return tern_object_open(owner, LINK_thread_page, 0, &object->slot, &next);
        break;
    default:
        break;
    }
    return tern_object_create(c->job, record->kind, owner, record->value, &object->slot);
}

static error_t make_page(const struct checkpoint *c, const struct record_page *page)
{
    uint64_t done;
    slot_t to = slot_of(c, page->memory), first = slot_of(c, page->first_memory);
    if (page->memory == page->first_memory && page->index == page->first_index)
        return tern_memory_write(to, page->index * UINT64_C(4096), (uaddr_t){(uintptr_t)(page + 1)},
                                 4096, &done);
    return tern_memory_clone(first, page->first_index * UINT64_C(4096), to,
                             page->index * UINT64_C(4096), 4096, 0, &done);
}

static error_t make_thread(const struct checkpoint *c, slot_t slot,
                           const struct state_thread_basic *from)
{
    struct state_thread_basic state = *from;
    uint64_t fields = THREAD_FIELDS;
    if (state.wait == WAIT_DEAD)
        return OK;
    if (state.wait != WAIT_NEW)
        fields |= BIT(basic, wait) | BIT(basic, resume) | BIT(basic, sending);
    state.foreign.value = slot_of(c, state.foreign.value).value;
    state.handler.value = slot_of(c, state.handler.value).value;
    return set(c, slot, STATE_thread_basic, fields, &state, sizeof(state));
}

/* A thread's own page is mapped already, where it was. */
static error_t make_mapping(const struct checkpoint *c, slot_t process,
                            const struct mapping_info *mapping)
{
    slot_t memory = slot_of(c, mapping->memory), limited;
    uint64_t may = mapping->flags >> SPACE_MAY_SHIFT, rights = RIGHT_map;
    rights |= (may & SPACE_READ) != 0 ? RIGHT_read : 0;
    rights |= (may & SPACE_WRITE) != 0 ? RIGHT_write : 0;
    rights |= (may & SPACE_EXECUTE) != 0 ? RIGHT_execute : 0;
    error_t error = tern_cap_derive(memory, (rights_t){rights}, 0, &limited);
    if (error != OK)
        return error;
    error =
        tern_space_map(process, limited, mapping->offset, (uaddr_t){mapping->va}, mapping->size,
                       mapping->flags & (SPACE_READ | SPACE_WRITE | SPACE_EXECUTE | SPACE_INHERIT));
    (void)tern_cap_delete(limited);
    bool page = c->objects[mapping->memory].owner < c->count;
    return page && error == ERR_exists ? OK : error;
}

/* OK also if it is there already; bad_slot: its parent is not. */
static error_t make_slot(const struct checkpoint *c, slot_t process,
                         const struct state_process_slot *state)
{
    slot_t placed, owner = slot_of(c, state->parent_process.value), source = state->parent;
    if (owner.value == 0)
        source = slot_of(c, state->object.value);
    error_t error = tern_cap_place(process, state->handle, owner, source, (rights_t){state->rights},
                                   state->badge, &placed);
    return error == ERR_exists ? OK : error;
}

static error_t make_timer(struct checkpoint *c, uint64_t number,
                          const struct state_timer_basic *state)
{
    slot_t port = slot_of(c, state->port.value);
    error_t error =
        tern_object_create(c->job, OBJECT_timer, port, state->bits, &c->objects[number].slot);
    const uint64_t fields = STATE_BIT(timer, basic, deadline) | STATE_BIT(timer, basic, period) |
                            STATE_BIT(timer, basic, overruns);
    return error == OK
               ? set(c, c->objects[number].slot, STATE_timer_basic, fields, state, sizeof(*state))
               : error;
}

static error_t make_reply(const struct checkpoint *c, slot_t slot, uint64_t field,
                          const struct state_reply_basic *from)
{
    struct state_reply_basic state = {.caller.value = slot_of(c, from->caller.value).value,
                                      .server.value = slot_of(c, from->server.value).value};
    return set(c, slot, STATE_reply_basic, field, &state, sizeof(state));
}

static error_t make_job(const struct checkpoint *c, const struct state_job_basic *state)
{
    const uint64_t fields = STATE_BIT(job, basic, memory_limit) |
                            STATE_BIT(job, basic, memory_reserved) |
                            STATE_BIT(job, basic, cpu_share) | STATE_BIT(job, basic, clock_offset) |
                            STATE_BIT(job, basic, wx) | STATE_BIT(job, basic, debug);
    memcpy(sys_page, state, sizeof(*state));
    return tern_object_set(c->job, STATE_job_basic, fields, sizeof(*state), (slot_t){0});
}

/* One record, in the pass that it belongs to: 0 all but what follows; 1 callers; 2 capabilities. */
static error_t make(struct checkpoint *c, unsigned pass, const struct record *record)
{
    const uint64_t *data = (const uint64_t *)(record + 1);
    slot_t slot = slot_of(c, data[0]);
    const void *state = data + 1;
    uint64_t bytes = record->bytes - sizeof(uint64_t);
    if (pass == 1)
        return record->type == RECORD_reply
                   ? make_reply(c, slot, STATE_BIT(reply, basic, caller), state)
                   : OK;
    if (pass == 2)
        return record->type == RECORD_slot ? make_slot(c, slot, state) : OK;
    switch (record->type) {
    case RECORD_job:
        return make_job(c, (const void *)data);
    case RECORD_object:
        return make_object(c, (const void *)data);
    case RECORD_page:
        return make_page(c, (const void *)data);
    case RECORD_thread:
        return make_thread(c, slot, state);
    case RECORD_registers:
        return set(c, slot, STATE_thread_registers, 0, state, bytes);
    case RECORD_fpu:
        return set(c, slot, STATE_thread_fpu, 0, state, bytes);
    case RECORD_mapping:
        return make_mapping(c, slot, state);
    case RECORD_reply:
        return make_reply(c, slot, STATE_BIT(reply, basic, server), state);
    case RECORD_timer:
        return make_timer(c, data[0], state);
    case RECORD_entry:
        return set(c, slot, STATE_port_queue, ALL(port, queue) & ~UINT64_C(1), state, bytes);
    case RECORD_entry_bytes:
        return set(c, slot, STATE_port_bytes, 0, state, bytes);
    case RECORD_port:
        return set(c, slot, STATE_port_basic, STATE_BIT(port, basic, signals), state, bytes);
    case RECORD_slot:
        return OK;
    default:
        return ERR_malformed;
    }
}

/* All records; bad_slot, of pass 2, only after all of them. */
static error_t pass_over(struct checkpoint *c, unsigned pass)
{
    error_t late = OK;
    for (c->at = 0; c->at < c->used;) {
        const struct record *record = (const void *)(c->stream + c->at);
        error_t error = make(c, pass, record);
        if (error == ERR_bad_slot && pass == 2)
            late = error;
        else if (error != OK)
            return error;
        c->at += sizeof(*record) + ((record->bytes + UINT64_C(7)) & ~UINT64_C(7));
    }
    return late;
}

#define DERIVED_DEEP 64 /* capabilities one from the other, at most */

error_t checkpoint_restore(struct checkpoint *c, slot_t parent, slot_t *job)
{
    error_t error = tern_object_create(parent, OBJECT_job, (slot_t){0}, 0, &c->job);
    if (error != OK)
        return error;
    *job = c->job;
    c->count = 0;
    error = tern_job_freeze(c->job, 0, 0, 0);
    for (unsigned pass = 0; pass < 2 && error == OK; pass++)
        error = pass_over(c, pass);
    if (error == OK)
        error = ERR_bad_slot;
    for (unsigned i = 0; i < DERIVED_DEEP && error == ERR_bad_slot; i++)
        error = pass_over(c, 2);
    return error;
}
