/*
 * What a job is made of (sys/checkpoint.h): all its objects, each with a number, and a capability
 * of ours to read it by. First the job and what is outside, then jobs, processes, threads, and what
 * mappings and tables name.
 */
#include "checkpoint.h"
#include "sys/thread.h"
#include <root.h>

uint32_t checkpoint_find(const struct checkpoint *c, uint64_t identity)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->objects[i].identity == identity)
            return i;
    return NO_OBJECT;
}

error_t checkpoint_info(slot_t slot, uint64_t part, uint64_t index, uint64_t *size, uint64_t *next)
{
    error_t error;
    do {
        error = tern_object_info(slot, part, index, size, next);
        index = *next;
    } while (error == OK && *size == 0);
    return error;
}

error_t checkpoint_own_slot(slot_t slot, struct state_process_slot *state)
{
    uint64_t size, next;
    error_t error = checkpoint_info(root_slot(ROOT_SLOT_PROCESS), STATE_process_slot,
                                    (uint32_t)slot.value, &size, &next);
    *state = *(const struct state_process_slot *)sys_page;
    return error == OK && state->handle.value != slot.value ? ERR_bad_slot : error;
}

error_t checkpoint_ended(error_t error)
{
    return error == ERR_not_found ? OK : error;
}

/* The number of a new object. */
static error_t add(struct checkpoint *c, const struct checkpoint_object *object, uint32_t *number)
{
    *number = c->count;
    if (c->count == CHECKPOINT_OBJECTS)
        return ERR_full;
    c->objects[c->count++] = *object;
    return OK;
}

static error_t refuse(struct checkpoint *c, uint64_t kind, slot_t handle)
{
    c->refused = (struct checkpoint_refused){kind, handle};
    return ERR_unsupported;
}

/* Kinds that are taken along by a capability alone: jobs, processes, threads are found in jobs. */
static bool found_by_slot(uint64_t kind)
{
    return kind >= OBJECT_memory && checkpoint_exports(kind);
}

/* Kinds whose part 0 tells the job, behind the identity. */
static bool tells_job(uint64_t kind)
{
    return kind == OBJECT_process || found_by_slot(kind);
}

/* Is what it shows only there? By its part 0, in the message page. */
static bool is_fixed_there(uint64_t kind, bool outside)
{
    const struct state_memory_basic *state = sys_page;
    return kind == OBJECT_memory && (state->physical != 0 || (outside && state->clock != 0));
}

/* Rights that saving an object uses: a port's messages have capabilities in them. */
static uint32_t useful(uint64_t kind, uint32_t rights)
{
    return rights & (RIGHT_read | (kind == OBJECT_port ? RIGHT_receive : 0u));
}

/* Can these rights do what those of a known object cannot? */
static bool better(const struct checkpoint_object *known, uint32_t rights)
{
    uint32_t old = useful(known->kind, known->rights), new = useful(known->kind, rights);
    return known->job != NO_OBJECT && new != old && (new &old) == old;
}

/*
 * What a readable object belongs to: unsupported if it is not charged to the job, nor to one below
 * it, and not to be taken as a copy into `copy`, a job of ours (NO_OBJECT: none); or is a device's
 * memory, or an outer job's clock page.
 */
static error_t judge(struct checkpoint *c, struct checkpoint_object *object, uint32_t copy)
{
    uint64_t size, next;
    error_t error = checkpoint_info(object->slot, 0, 0, &size, &next);
    object->job = checkpoint_find(c, ((const uint64_t *)sys_page)[1]);
    bool there = is_fixed_there(object->kind, object->job == NO_OBJECT);
    if (object->job == NO_OBJECT)
        object->job = copy;
    if (error != OK || (object->job != NO_OBJECT && !there))
        return error;
    (void)tern_cap_delete(object->slot);
    return refuse(c, object->kind, (slot_t){0});
}

/* Notes an object that `slot` names with these rights; if it is known, the better capability stays.
 */
static error_t note_in(struct checkpoint *c, const struct checkpoint_object *new, uint32_t copy)
{
    uint32_t number = checkpoint_find(c, new->identity);
    error_t error = OK;
    if (number == NO_OBJECT) {
        error = add(c, new, &number);
    } else {
        struct checkpoint_object *known = &c->objects[number];
        bool best = better(known, new->rights);
        error = tern_cap_delete(best ? known->slot : new->slot);
        if (!best)
            return error;
        known->slot = new->slot;
        known->rights = new->rights;
    }
    if (error != OK || !tells_job(new->kind) || (new->rights &RIGHT_read) == 0)
        return error;
    return judge(c, &c->objects[number], copy);
}

static error_t note(struct checkpoint *c, const struct checkpoint_object *new)
{
    return note_in(c, new, NO_OBJECT);
}

/* The identities of what we hold outside, from our own table. */
static error_t find_outside(struct checkpoint *c)
{
    struct state_process_slot state;
    uint32_t number;
    error_t error = OK;
    for (uint32_t i = 0; i < c->outside_count && error == OK; i++) {
        error = checkpoint_own_slot(c->outside[i], &state);
        const struct checkpoint_object object = {.identity = state.object.value,
                                                 .kind = state.kind,
                                                 .value = i,
                                                 .owner = NO_OBJECT,
                                                 .job = NO_OBJECT,
                                                 .slot = c->outside[i]};
        if (error == OK)
            error = add(c, &object, &number);
    }
    return error;
}

/* All that a link of an object leads to. */
static error_t find_linked(struct checkpoint *c, uint32_t from, uint64_t link, uint64_t kind)
{
    slot_t slot;
    uint64_t next = 0;
    error_t error;
    while ((error = tern_object_open(c->objects[from].slot, link, next, &slot, &next)) == OK) {
        const struct checkpoint_object object = {.identity = next,
                                                 .kind = kind,
                                                 .owner = from,
                                                 .job = from,
                                                 .rights = RIGHTS_ALL,
                                                 .slot = slot};
        error = note(c, &object);
        if (error != OK)
            return error;
    }
    return checkpoint_ended(error);
}

/* A port that a thread or an object names, which may be in nobody's table. */
static error_t find_port(struct checkpoint *c, slot_t from, uint64_t link, uint64_t identity)
{
    uint64_t next;
    struct checkpoint_object port = {
        .identity = identity, .kind = OBJECT_port, .owner = NO_OBJECT, .rights = RIGHT_read};
    if (identity == 0 || checkpoint_find(c, identity) != NO_OBJECT)
        return OK;
    error_t error = tern_object_open(from, link, 0, &port.slot, &next);
    return error == OK ? note(c, &port) : error;
}

/* Its message page, and where it sends to. It is charged to its process's job. */
static error_t find_of_thread(struct checkpoint *c, uint32_t number)
{
    struct checkpoint_object *thread = &c->objects[number];
    uint64_t size, next;
    error_t error = checkpoint_info(thread->slot, STATE_thread_basic, 0, &size, &next);
    const struct state_thread_basic state = *(const struct state_thread_basic *)sys_page;
    struct checkpoint_object page = {.identity = state.page_memory.value,
                                     .kind = OBJECT_memory,
                                     .owner = number,
                                     .rights = RIGHT_read};
    thread->job = c->objects[thread->owner].job;
    if (error == OK)
        error = tern_object_open(thread->slot, LINK_thread_page, 0, &page.slot, &next);
    if (error == OK)
        error = note(c, &page);
    if (error == OK)
        error = find_port(c, thread->slot, LINK_thread_foreign, state.foreign.value);
    if (error == OK)
        error = find_port(c, thread->slot, LINK_thread_handler, state.handler.value);
    return error;
}

/* A mapping by which nothing can ever be written: a clone shares it with what it was cloned from.
 */
static bool is_fixed(slot_t process, uint64_t va)
{
    struct mapping_info mapping;
    uint64_t listed = 0;
    error_t error =
        tern_space_list(process, (uaddr_t){va}, (uaddr_t){(uintptr_t)&mapping}, 1, &listed);
    return error == OK && listed == 1 && (mapping.flags >> SPACE_MAY_SHIFT & SPACE_WRITE) == 0;
}

/* Memory outside that the process can only read is taken along as a copy: code, above all. */
static error_t find_mappings(struct checkpoint *c, uint32_t number)
{
    struct checkpoint_object memory = {.kind = OBJECT_memory, .owner = NO_OBJECT};
    slot_t process = c->objects[number].slot;
    uint64_t next = 0, size, at;
    uint32_t job = c->objects[number].job;
    error_t error;
    while ((error = tern_object_open(process, LINK_process_mapping, next, &memory.slot, &next)) ==
           OK) {
        error = checkpoint_info(memory.slot, STATE_memory_basic, 0, &size, &at);
        memory.identity = ((const struct state_memory_basic *)sys_page)->identity;
        memory.rights = RIGHT_read;
        if (error == OK)
            error = note_in(c, &memory, is_fixed(process, next) ? job : NO_OBJECT);
        if (error != OK)
            return error;
        next++;
    }
    return checkpoint_ended(error);
}

/* Jobs, processes and threads are known by now: others are outside. */
static error_t find_capability(struct checkpoint *c, slot_t process,
                               const struct state_process_slot *state)
{
    struct checkpoint_object object = {.identity = state->object.value,
                                       .kind = state->kind,
                                       .owner = NO_OBJECT,
                                       .rights = (uint32_t)state->rights};
    uint32_t known = checkpoint_find(c, object.identity);
    uint64_t at;
    if (known != NO_OBJECT && !better(&c->objects[known], object.rights))
        return OK;
    if (known == NO_OBJECT && !found_by_slot(object.kind))
        return refuse(c, object.kind, state->handle);
    error_t error = tern_object_open(process, LINK_process_capability,
                                     (uint32_t)state->handle.value, &object.slot, &at);
    if (error == OK)
        error = note(c, &object);
    return error == ERR_unsupported ? refuse(c, object.kind, state->handle) : error;
}

static error_t find_capabilities(struct checkpoint *c, uint32_t number)
{
    slot_t process = c->objects[number].slot;
    uint64_t index = 0, size, next;
    error_t error;
    while ((error = checkpoint_info(process, STATE_process_slot, index, &size, &next)) == OK) {
        const struct state_process_slot state = *(const struct state_process_slot *)sys_page;
        index = next;
        error = find_capability(c, process, &state);
        if (error != OK)
            return error;
    }
    return checkpoint_ended(error);
}

/* What is named by messages that a port stores, perhaps by nobody else. */
static error_t find_in_entry(struct checkpoint *c, slot_t port, uint64_t place, uint64_t caps)
{
    struct state_process_slot state;
    struct checkpoint_object object = {.owner = NO_OBJECT};
    uint64_t at;
    error_t error = OK;
    for (uint64_t i = 0; i < caps && error == OK; i++) {
        error = tern_object_open(port, LINK_port_capability, place | i, &object.slot, &at);
        if (error == OK)
            error = checkpoint_own_slot(object.slot, &state);
        if (error != OK)
            return error;
        object.identity = state.object.value;
        object.kind = state.kind;
        object.rights = (uint32_t)state.rights;
        bool known = checkpoint_find(c, object.identity) != NO_OBJECT;
        if (!known && !found_by_slot(object.kind)) {
            (void)tern_cap_delete(object.slot);
            return refuse(c, object.kind, (slot_t){0});
        }
        error = note(c, &object);
    }
    return error;
}

static error_t find_in_port(struct checkpoint *c, slot_t port)
{
    uint64_t size, place = 0, next = 0;
    error_t error;
    while ((error = checkpoint_info(port, STATE_port_queue, place, &size, &next)) == OK) {
        error = find_in_entry(c, port, place, ((const struct state_port_queue *)sys_page)->caps);
        if (error != OK)
            return error;
        place = next;
    }
    return checkpoint_ended(error);
}

/* Its pager, or its messages. What nobody in the job can read, nor can we. */
static error_t find_of_object(struct checkpoint *c, uint32_t number)
{
    struct checkpoint_object *object = &c->objects[number];
    uint64_t size, next;
    if (object->job == NO_OBJECT)
        return OK;
    if ((object->rights & RIGHT_read) == 0)
        return refuse(c, object->kind, (slot_t){0});
    if (object->kind == OBJECT_port)
        return find_in_port(c, object->slot);
    error_t error = checkpoint_info(object->slot, 0, 0, &size, &next);
    if (error != OK || object->kind != OBJECT_memory)
        return error;
    uint64_t pager = ((const struct state_memory_basic *)sys_page)->pager.value;
    return find_port(c, object->slot, LINK_memory_pager, pager);
}

static error_t for_kind(struct checkpoint *c, uint64_t kind,
                        error_t (*what)(struct checkpoint *c, uint32_t number))
{
    error_t error = OK;
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        if (c->objects[i].kind == kind && (c->objects[i].job != NO_OBJECT || i == 0))
            error = what(c, i);
    return error;
}

static error_t find_in_job(struct checkpoint *c, uint32_t number)
{
    error_t error = find_linked(c, number, LINK_job_child, OBJECT_job);
    return error == OK ? find_linked(c, number, LINK_job_process, OBJECT_process) : error;
}

static error_t find_in_process(struct checkpoint *c, uint32_t number)
{
    return find_linked(c, number, LINK_process_thread, OBJECT_thread);
}

static error_t find_top(struct checkpoint *c)
{
    uint64_t size, next;
    uint32_t number;
    error_t error = checkpoint_info(c->job, STATE_job_basic, 0, &size, &next);
    const struct checkpoint_object top = {.identity =
                                              ((const struct state_job_basic *)sys_page)->identity,
                                          .kind = OBJECT_job,
                                          .owner = NO_OBJECT,
                                          .job = NO_OBJECT,
                                          .rights = RIGHTS_ALL,
                                          .slot = c->job};
    return error == OK ? add(c, &top, &number) : error;
}

error_t checkpoint_number(struct checkpoint *c)
{
    c->count = 0;
    c->refused = (struct checkpoint_refused){0};
    error_t error = find_top(c);
    if (error == OK)
        error = find_outside(c);
    if (error == OK)
        error = for_kind(c, OBJECT_job, find_in_job);
    if (error == OK)
        error = for_kind(c, OBJECT_process, find_in_process);
    if (error == OK)
        error = for_kind(c, OBJECT_thread, find_of_thread);
    if (error == OK)
        error = for_kind(c, OBJECT_process, find_mappings);
    if (error == OK)
        error = for_kind(c, OBJECT_process, find_capabilities);
    for (uint32_t i = 0; i < c->count && error == OK; i++)
        if (c->objects[i].kind >= OBJECT_memory)
            error = find_of_object(c, i); /* and what that finds */
    return error;
}
