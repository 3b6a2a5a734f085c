/*
 * Making a job from its stream (sys/checkpoint.h). First all objects, in an order that the caller's
 * seed mixes, then their contents, then what binds threads to reply objects, and last the tables.
 */
#include "checkpoint.h"
#include "lib/string.h"
#include "sys/thread.h"

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

/* --- objects --- */

/* Is there all that it is made of? */
static bool can_make(const struct checkpoint *c, const struct checkpoint_object *object)
{
    bool owned = object->kind == OBJECT_thread || object->kind == OBJECT_timer ||
                 (object->kind == OBJECT_memory && object->owner != NO_OBJECT);
    return slot_of(c, object->job).value != 0 && (!owned || slot_of(c, object->owner).value != 0);
}

/* Memory that a thread, or its job, has by itself: a message page or a clock page. */
static uint64_t link_of(const struct checkpoint_object *object)
{
    return object->owner == object->job ? LINK_job_clock : LINK_thread_page;
}

static error_t make_object(struct checkpoint *c, struct checkpoint_object *object)
{
    uint64_t next;
    slot_t owner = slot_of(c, object->owner);
    if (object->kind == OBJECT_memory && owner.value != 0)
        return tern_object_open(owner, link_of(object), 0, &object->slot, &next);
    if (object->kind != OBJECT_thread && object->kind != OBJECT_timer)
        owner = (slot_t){0};
    return tern_object_create(slot_of(c, object->job), object->kind, owner, object->value,
                              &object->slot);
}

/* The numbers of all objects, mixed by the seed. */
static void order_make(const struct checkpoint *c, uint16_t *order)
{
    uint64_t state = c->seed;
    for (uint32_t i = 0; i < c->count; i++)
        order[i] = (uint16_t)i;
    for (uint32_t i = c->count; i > 1 && c->seed != 0; i--) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t other = (uint32_t)((state >> 33) % i);
        uint16_t last = order[i - 1];
        order[i - 1] = order[other];
        order[other] = last;
    }
}

/* Round by round, what can be made; malformed: two that need each other. */
static error_t make_objects(struct checkpoint *c)
{
    uint16_t order[CHECKPOINT_OBJECTS];
    uint32_t missing = 0, before;
    error_t error = OK;
    c->objects[0].slot = c->job;
    order_make(c, order);
    for (uint32_t i = 1; i < c->count; i++) {
        bool outside = c->objects[i].job == NO_OBJECT;
        c->objects[i].slot = outside ? c->outside[c->objects[i].value] : (slot_t){0};
        missing += !outside;
    }
    do {
        before = missing;
        for (uint32_t i = 0; i < c->count && error == OK; i++) {
            struct checkpoint_object *object = &c->objects[order[i]];
            if (object->slot.value != 0 || !can_make(c, object))
                continue;
            error = make_object(c, object);
            missing--;
        }
    } while (error == OK && missing != 0 && missing != before);
    return error == OK && missing != 0 ? ERR_malformed : error;
}

/* --- contents --- */

static error_t make_page(const struct checkpoint *c, const struct record_page *page, uint64_t bytes)
{
    uint64_t done = 0, offset = page->index * 4096;
    slot_t to = slot_of(c, page->memory), first = slot_of(c, page->first_memory);
    error_t error = OK;
    if (page->state != STATE_PAGE_PRESENT)
        error = tern_memory_commit(to, offset, 4096, COMMIT_ABSENT, &done);
    else if (page->memory != page->first_memory || page->index != page->first_index)
        error = tern_memory_clone(first, page->first_index * 4096, to, offset, 4096, 0, &done);
    else if (bytes != 0)
        error = tern_memory_write(to, offset, (uaddr_t){(uintptr_t)(page + 1)}, bytes, &done);
    else
        return OK;
    return error == OK && done != (bytes != 0 ? bytes : 4096) ? ERR_no_memory : error;
}

/* Of a page whose pager was asked, that: when it has one. */
static error_t make_filling(const struct checkpoint *c, const struct record_page *page)
{
    const struct state_memory_page state = {.index = page->index, .state = STATE_PAGE_FILLING};
    if (page->state != STATE_PAGE_FILLING)
        return OK;
    return set(c, slot_of(c, page->memory), STATE_memory_page,
               STATE_BIT(memory, page, index) | STATE_BIT(memory, page, state), &state,
               sizeof(state));
}

static error_t make_thread(const struct checkpoint *c, slot_t slot,
                           const struct state_thread_basic *from)
{
    struct state_thread_basic state = *from;
    uint64_t fields = THREAD_FIELDS;
    if (state.wait == WAIT_DEAD)
        return tern_object_kill(slot);
    if (state.wait != WAIT_NEW)
        fields |= BIT(basic, wait) | BIT(basic, resume) | BIT(basic, sending) | BIT(basic, order);
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
    const struct checkpoint_object *object = &c->objects[mapping->memory];
    bool page = object->owner < c->count && link_of(object) == LINK_thread_page;
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

static error_t make_timer(const struct checkpoint *c, slot_t slot,
                          const struct state_timer_basic *state)
{
    const uint64_t fields = STATE_BIT(timer, basic, deadline) | STATE_BIT(timer, basic, period) |
                            STATE_BIT(timer, basic, overruns);
    return set(c, slot, STATE_timer_basic, fields, state, sizeof(*state));
}

static error_t make_reply(const struct checkpoint *c, slot_t slot, uint64_t field,
                          const struct state_reply_basic *from)
{
    struct state_reply_basic state = {.caller.value = slot_of(c, from->caller.value).value,
                                      .server.value = slot_of(c, from->server.value).value};
    return set(c, slot, STATE_reply_basic, field, &state, sizeof(state));
}

/* Its clock shows what it showed when it was saved, and who was reading its clock page then finds
 * out. One below that was frozen by itself stays so. */
static error_t make_job(const struct checkpoint *c, uint64_t number,
                        const struct state_job_basic *from)
{
    const uint64_t fields =
        STATE_BIT(job, basic, memory_limit) | STATE_BIT(job, basic, memory_reserved) |
        STATE_BIT(job, basic, cpu_share) | STATE_BIT(job, basic, clock_offset) |
        STATE_BIT(job, basic, wx) | STATE_BIT(job, basic, debug) |
        STATE_BIT(job, basic, wall_offset) | STATE_BIT(job, basic, clock_changes);
    struct state_job_basic state = *from;
    state.clock_changes++;
    slot_t slot = slot_of(c, number);
    uint64_t size, next;
    error_t error = tern_object_info(slot, STATE_job_basic, 0, &size, &next);
    const struct state_job_basic *now = sys_page;
    state.clock_offset = now->clock_offset + from->clock - now->clock;
    memcpy(sys_page, &state, sizeof(state));
    if (error == OK)
        error = tern_object_set(slot, STATE_job_basic, fields, sizeof(state), (slot_t){0});
    if (error == OK && number != 0 && (from->frozen & 1) != 0)
        error = tern_job_freeze(slot, 0, 0, 0);
    return error;
}

/* Before what it was asked for (make_filling). */
static error_t make_pager(const struct checkpoint *c, slot_t slot,
                          const struct state_memory_basic *state)
{
    return tern_memory_pager(slot, slot_of(c, state->pager.value), state->pager_badge);
}

/* A stored message; capabilities for it are derived for as long as that takes. */
static error_t make_entry(const struct checkpoint *c, const struct record_entry *entry)
{
    const uint64_t all = (UINT64_C(1) << sizeof(struct state_port_queue) / 8) - 1;
    struct state_port_queue state = entry->state;
    slot_t slots[MESSAGE_CAPS_MAX] = {{0}};
    uint64_t *words = &state.word0, count = min_u64(state.caps, MESSAGE_CAPS_MAX);
    error_t error = OK;
    for (uint64_t i = 0; i < count && error == OK; i++) {
        const struct record_cap *cap = &entry->caps[i];
        error = tern_cap_derive(slot_of(c, cap->object), (rights_t){cap->rights}, cap->badge,
                                &slots[i]);
        words[MESSAGE_WORDS - count + i] = slots[i].value;
    }
    if (error == OK)
        error = set(c, slot_of(c, entry->port), STATE_port_queue,
                    all & ~STATE_BIT(port, queue, thread), &state, sizeof(state));
    for (uint64_t i = 0; i < count; i++)
        if (slots[i].value != 0)
            (void)tern_cap_delete(slots[i]);
    return error;
}

enum pass { PASS_CONTENTS, PASS_BINDINGS, PASS_TABLES };

static error_t make_contents(const struct checkpoint *c, const struct record *record,
                             const uint64_t *data)
{
    slot_t slot = slot_of(c, data[0]);
    const void *state = data + 1;
    uint64_t bytes = record->bytes - sizeof(uint64_t);
    switch (record->type) {
    case RECORD_job:
        return make_job(c, data[0], state);
    case RECORD_page:
        return make_page(c, (const void *)data, record->bytes - sizeof(struct record_page));
    case RECORD_memory:
        return make_pager(c, slot, state);
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
        return make_timer(c, slot, state);
    case RECORD_entry:
        return make_entry(c, (const void *)data);
    case RECORD_entry_bytes:
        return set(c, slot, STATE_port_bytes, 0, state, bytes);
    case RECORD_port:
        return set(c, slot, STATE_port_basic, STATE_BIT(port, basic, signals), state, bytes);
    default:
        return OK;
    }
}

/* One record, in the pass that it belongs to. */
static error_t make(const struct checkpoint *c, enum pass pass, const struct record *record)
{
    const uint64_t *data = (const uint64_t *)(record + 1);
    slot_t slot = slot_of(c, data[0]);
    const void *state = data + 1;
    if (pass == PASS_CONTENTS)
        return make_contents(c, record, data);
    if (pass == PASS_TABLES)
        return record->type == RECORD_slot ? make_slot(c, slot, state) : OK;
    if (record->type == RECORD_page)
        return make_filling(c, (const void *)data);
    return record->type == RECORD_reply
               ? make_reply(c, slot, STATE_BIT(reply, basic, caller), state)
               : OK;
}

/* All records; bad_slot, of tables, only after all of them. */
static error_t pass_over(struct checkpoint *c, enum pass pass)
{
    const struct record *record;
    error_t late = OK;
    for (c->at = sizeof(struct stream_header); (record = stream_record(c)) != NULL;
         stream_next(c)) {
        error_t error = make(c, pass, record);
        if (error == ERR_bad_slot && pass == PASS_TABLES)
            late = error;
        else if (error != OK)
            return error;
    }
    return late;
}

#define DERIVED_DEEP 64 /* capabilities one from the other, at most */

static error_t make_all(struct checkpoint *c)
{
    error_t error = tern_job_freeze(c->job, 0, 0, 0);
    if (error == OK)
        error = make_objects(c);
    if (error == OK)
        error = pass_over(c, PASS_CONTENTS);
    if (error == OK)
        error = pass_over(c, PASS_BINDINGS);
    if (error == OK)
        error = ERR_bad_slot;
    for (unsigned i = 0; i < DERIVED_DEEP && error == ERR_bad_slot; i++)
        error = pass_over(c, PASS_TABLES);
    return error;
}

error_t checkpoint_restore(struct checkpoint *c, slot_t parent, slot_t *job)
{
    error_t error = checkpoint_check(c);
    if (error == OK)
        error = tern_object_create(parent, OBJECT_job, (slot_t){0}, 0, &c->job);
    if (error != OK)
        return error;
    error = make_all(c);
    if (error != OK) {
        (void)checkpoint_destroy(c);
        return error;
    }
    *job = c->job;
    return OK;
}
