/*
 * The state of ports (state.h). The queue is read entry by entry: an entry's place is its key in
 * the queue's order, so that what comes or goes meanwhile moves no other.
 */
#include "ipc/stored.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "obj/job.h"
#include "obj/state.h"

#define PLACE_SHIFT 56 /* above it the priority, below it the order of coming */
#define PLACE_CAPS  3  /* lowest bits: which capability of a message */

static struct port *port_of(struct object *object)
{
    assert(object->kind == OBJECT_port);
    return CONTAINER_OF(object, struct port, object);
}

static void entry_of_message(const struct message *message, struct state_port_queue *to)
{
    *to = (struct state_port_queue){.kind = message->kind,
                                    .badge = message->badge,
                                    .bytes = message->bytes,
                                    .label = message->label,
                                    .caps = message->caps};
    memcpy(&to->word0, message->words, sizeof(message->words) - message->caps * sizeof(uint64_t));
}

/* A message in the store, that of a thread that has ended, or a thread that waits. */
static void entry_get_locked(struct deadline *node, struct state *state)
{
    struct state_port_queue *to = state->data;
    struct thread *thread = queue_thread(node);
    struct message message = {.kind = MESSAGE_NONE};
    if (thread == NULL)
        message = CONTAINER_OF(node, struct stored_message, queued)->message;
    else if (thread->sending == MESSAGE_exit)
        message_from_held(&message, thread);
    if (state->part == STATE_port_bytes) {
        state->size = message.bytes;
        if (message.bytes != 0)
            memcpy(state->data, message.page, message.bytes);
        return;
    }
    entry_of_message(&message, to);
    if (message.kind == MESSAGE_NONE)
        to->thread = state_identity(&thread->object);
    state->size = sizeof(*to);
}

static struct deadline *entry_find_locked(const struct port *port, uint64_t place)
{
    const uint64_t low = (UINT64_C(1) << PLACE_SHIFT) - 1;
    return deadline_behind(&port->queue, place >> PLACE_SHIFT, (place & low) >> PLACE_CAPS);
}

static uint64_t place_of(const struct deadline *node)
{
    return node->time_ns << PLACE_SHIFT | node->sequence << PLACE_CAPS;
}

static error_t get_queue(struct port *port, struct state *state)
{
    irq_state_t irq = spinlock_lock(&port->lock);
    struct deadline *node = entry_find_locked(port, state->index);
    if (node != NULL) {
        entry_get_locked(node, state);
        state->index = place_of(node);
    }
    spinlock_unlock(&port->lock, irq);
    return node != NULL ? OK : ERR_not_found;
}

static error_t port_get(struct object *object, struct state *state)
{
    struct port *port = port_of(object);
    if (state->part == STATE_port_queue || state->part == STATE_port_bytes)
        return get_queue(port, state);
    if (state->part != STATE_port_basic)
        return ERR_bad_argument;
    *(struct state_port_basic *)state->data =
        (struct state_port_basic){.identity = object->identity,
                                  .job = state_identity(&object->job->object),
                                  .depth = port->depth,
                                  .stored = *(volatile uint32_t *)&port->stored,
                                  .signals = atomic_load(&port->signals)};
    state->size = sizeof(struct state_port_basic);
    return OK;
}

/* What an ended thread says stands in the store of any port, beyond its depth too. */
static error_t set_queue(struct thread *caller, struct port *port,
                         const struct state_port_queue *new)
{
    struct message message = {.kind = (enum message_kind) new->kind,
                              .badge = new->badge,
                              .label = new->label,
                              .bytes = (uint32_t)new->bytes,
                              .caps = (uint32_t)new->caps,
                              .table = &caller->process->table};
    bool exit = new->kind == MESSAGE_exit;
    if ((new->kind != MESSAGE_send && !exit) || new->bytes > (exit ? 0 : MESSAGE_PAGE) ||
        new->caps > MESSAGE_CAPS_MAX)
        return ERR_bad_argument;
    memcpy(message.words, &new->word0, sizeof(message.words));
    error_t error = message_check_caps(&message);
    return error == OK ? message_store(port, &message, exit) : error;
}

/* The bytes of the last entry, which was added without any. */
static error_t set_bytes(struct port *port, const struct state *state)
{
    struct deadline *last = NULL;
    error_t error = ERR_bad_argument;
    irq_state_t irq = spinlock_lock(&port->lock);
    for (struct deadline *at = entry_find_locked(port, 0); at != NULL;
         at = deadline_behind(&port->queue, at->time_ns, at->sequence))
        last = at;
    if (last != NULL && queue_thread(last) == NULL) {
        struct stored_message *stored = CONTAINER_OF(last, struct stored_message, queued);
        if (stored->message.bytes == state->size) {
            memcpy(stored + 1, state->data, state->size);
            error = OK;
        }
    }
    spinlock_unlock(&port->lock, irq);
    return error;
}

static error_t port_set(struct thread *caller, struct object *object, uint64_t fields,
                        const struct state *state)
{
    struct port *port = port_of(object);
    if (state->part == STATE_port_queue)
        return set_queue(caller, port, state->data);
    if (state->part == STATE_port_bytes)
        return set_bytes(port, state);
    if (state->part != STATE_port_basic)
        return ERR_bad_argument;
    const struct state_port_basic *new = state->data;
    if (STATE_SETS(port, basic, signals)) {
        atomic_store(&port->signals, 0);
        port_signal(port, new->signals);
    }
    return OK;
}

/* The thread of an entry, or the capability that the place's lowest bits say. */
static error_t open_entry_locked(struct deadline *node, uint64_t link, uint64_t which,
                                 struct state_link *found)
{
    struct thread *thread = queue_thread(node);
    if (link == LINK_port_sender)
        return state_found(thread != NULL ? &thread->object : NULL, RIGHT_read, found);
    const struct stored_message *stored = CONTAINER_OF(node, struct stored_message, queued);
    if (thread != NULL || which >= stored->message.caps)
        return ERR_not_found;
    *found =
        (struct state_link){.source = stored_cap(stored, (uint32_t)which), .rights = {RIGHTS_ALL}};
    return found->source != NULL ? OK : ERR_not_found;
}

static error_t port_open(struct object *object, uint64_t link, uint64_t *index,
                         struct state_link *found)
{
    struct port *port = port_of(object);
    uint64_t which = *index & ((1 << PLACE_CAPS) - 1);
    error_t error = ERR_not_found;
    irq_state_t irq = spinlock_lock(&port->lock);
    struct deadline *node = entry_find_locked(port, *index);
    if (node != NULL) {
        *index = place_of(node);
        error = open_entry_locked(node, link, which, found);
    }
    spinlock_unlock(&port->lock, irq);
    return error;
}

const struct state_ops port_state = {.get = port_get, .set = port_set, .open = port_open};
