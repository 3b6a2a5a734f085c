/* Ports and reply objects of the model (calls_model.h); kernel/ipc/port.h has the rules. */
#include "calls_model.h"
#include "lib/assert.h"
#include <space.h>
#include <syscall.h>

#include <string.h>

struct calls_stored calls_stored[CALLS_STORED];
bool calls_dropped;
static uint64_t orders;

enum { PRIORITIES = 64 };

/* --- ends of waits --- */

static void reply_free(struct calls_thread *thread)
{
    struct calls_object *reply = thread->reply;
    if (reply == NULL || reply->thread != thread)
        return;
    reply->thread = NULL;
    reply->bound = false;
}

void calls_unwait(struct calls_thread *thread)
{
    bool waited = thread->state == CALLS_RECEIVE && thread->reply != NULL && !thread->reply->bound;
    if (waited || thread->state == CALLS_REPLY)
        reply_free(thread);
    thread->port = NULL;
    if (thread->state != CALLS_DEAD)
        thread->state = CALLS_USER;
}

void calls_finish(struct calls_thread *thread, error_t status)
{
    calls_unwait(thread);
    frame_set_control(&thread->frame, status);
}

/* A reply_receive has answered, and only receives when it is made again. */
void calls_again(struct calls_thread *thread)
{
    calls_unwait(thread);
    if (control_number(frame_control(&thread->frame)) == CALL_port_reply_receive)
        frame_set_control(&thread->frame, CALL_port_receive);
    thread->state = CALLS_AGAIN;
}

void calls_expire(void)
{
    for (uint32_t i = 0; i < CALLS_THREADS; i++) {
        struct calls_thread *thread = &calls_threads[i];
        bool waits = thread->state == CALLS_SEND || thread->state == CALLS_RECEIVE ||
                     thread->state == CALLS_REPLY;
        if (thread->kernel != NULL && waits && thread->deadline <= calls_now)
            calls_finish(thread, ERR_timeout);
    }
}

/* --- messages --- */

static error_t message_from(struct calls_thread *thread, uint64_t badge, enum message_kind kind,
                            struct calls_message *message)
{
    uint64_t control = frame_control(&thread->frame);
    *message = (struct calls_message){.kind = kind,
                                      .badge = badge,
                                      .label = frame_label(&thread->frame),
                                      .bytes = (uint32_t)control_bytes(control),
                                      .caps = (uint32_t)control_caps(control),
                                      .moved = (uint32_t)(control >> CONTROL_MOVE_SHIFT) & 15,
                                      .from = thread->process};
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        message->words[i] = frame_word(&thread->frame, i);
    if (message->bytes > MESSAGE_PAGE || message->caps > MESSAGE_CAPS_MAX)
        return ERR_bad_argument;
    memcpy(message->page, thread->page, message->bytes);
    for (uint32_t i = MESSAGE_WORDS - message->caps; i < MESSAGE_WORDS; i++) {
        struct calls_node *node;
        error_t error = calls_lookup(thread->process, message->words[i], RIGHT_grant, &node);
        if (error != OK)
            return error;
    }
    return OK;
}

/* The capability of word `i` of a message from a thread, into `to`; NULL: it went on its way. */
static struct calls_node *transfer(const struct calls_message *message, uint32_t i,
                                   struct calls_process *to)
{
    struct calls_node *node, *derived;
    if (calls_lookup(message->from, message->words[i], RIGHT_grant, &node) != OK)
        return NULL;
    if ((message->moved >> (i - (MESSAGE_WORDS - message->caps)) & 1) != 0) {
        calls_move(node, to);
        return node;
    }
    error_t error = calls_derive(to, node, RIGHTS_ALL, 0, &derived);
    assert(error == OK);
    return derived;
}

/* The capability that arrives in word `i`. */
static struct calls_node *arrive(const struct calls_message *message, uint32_t i,
                                 struct calls_process *to)
{
    if (message->from != NULL)
        return transfer(message, i, to);
    struct calls_node *node = message->nodes[i - (MESSAGE_WORDS - message->caps)];
    if (node != NULL)
        calls_move(node, to);
    return node;
}

static void deliver(const struct calls_message *message, struct calls_thread *to)
{
    struct calls_node *arrived[MESSAGE_WORDS] = {NULL};
    uint32_t first = MESSAGE_WORDS - message->caps;
    for (uint32_t i = first; i < MESSAGE_WORDS; i++)
        arrived[i] = arrive(message, i, to->process);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++) {
        to->learn[i] = arrived[i];
        frame_set_word(&to->frame, i, i < first ? message->words[i] : 0);
    }
    memcpy(to->page, message->page, message->bytes);
    frame_set_label(&to->frame, message->label);
    frame_set_operand(&to->frame, 0, message->badge);
    frame_set_control(&to->frame, (uint64_t)message->kind << CONTROL_KIND_SHIFT |
                                      (uint64_t)message->bytes << CONTROL_BYTES_SHIFT |
                                      (uint64_t)message->caps << CONTROL_CAPS_SHIFT);
    to->state = CALLS_USER;
    to->port = NULL;
}

/* --- who waits --- */

/* The last that came on this CPU, else on the first CPU where one waits. */
static struct calls_thread *receiver_of(const struct calls_object *port)
{
    uint32_t own = cpu_self()->number;
    struct calls_thread *best = NULL;
    for (uint32_t i = 0; i < CALLS_THREADS; i++) {
        struct calls_thread *thread = &calls_threads[i];
        if (thread->state != CALLS_RECEIVE || thread->port != port)
            continue;
        uint32_t far = thread->shard == own ? 0 : thread->shard + 1;
        uint32_t best_far = best == NULL ? UINT32_MAX : best->shard == own ? 0 : best->shard + 1;
        if (far < best_far || (far == best_far && thread->order > best->order))
            best = thread;
    }
    return best;
}

struct calls_thread *calls_sender(const struct calls_object *port)
{
    struct calls_thread *best = NULL;
    for (uint32_t i = 0; i < CALLS_THREADS; i++) {
        struct calls_thread *thread = &calls_threads[i];
        if (thread->state == CALLS_SEND && thread->port == port &&
            (best == NULL || thread->key < best->key ||
             (thread->key == best->key && thread->order < best->order)))
            best = thread;
    }
    return best;
}

struct calls_stored *calls_stored_behind(const struct calls_object *port, uint64_t order)
{
    struct calls_stored *first = NULL;
    for (uint32_t i = 0; i < CALLS_STORED; i++)
        if (calls_stored[i].port == port && calls_stored[i].order > order &&
            (first == NULL || calls_stored[i].order < first->order))
            first = &calls_stored[i];
    return first;
}

/* No room, or somebody came before who waits for some. */
static bool store_full(const struct calls_object *port)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CALLS_STORED; i++)
        count += calls_stored[i].port == port;
    for (uint32_t i = 0; i < CALLS_THREADS; i++)
        if (calls_threads[i].state == CALLS_SEND && calls_threads[i].port == port &&
            calls_threads[i].sending == MESSAGE_send)
            return true;
    return count >= port->depth;
}

/* The server's: bound to the caller whose message it takes. */
static void bind(struct calls_thread *server, struct calls_thread *caller)
{
    server->reply->thread = caller;
    server->reply->bound = true;
    caller->reply = server->reply;
    caller->state = CALLS_REPLY;
    caller->port = NULL;
}

/* To a claimed receiver; no_reply: it makes its call again. */
static error_t give(const struct calls_message *message, struct calls_thread *sender,
                    struct calls_thread *receiver)
{
    bool held = message->kind == MESSAGE_call;
    if (held && receiver->reply == NULL) {
        calls_again(receiver);
        return ERR_no_reply;
    }
    if (held)
        bind(receiver, sender);
    else
        calls_unwait(receiver);
    deliver(message, receiver);
    return OK;
}

/* --- receiving --- */

static bool take_signals(struct calls_object *port, struct calls_thread *receiver)
{
    struct calls_message message = {.kind = MESSAGE_signal, .words = {port->signals}};
    if (port->signals == 0)
        return false;
    port->signals = 0;
    deliver(&message, receiver);
    return true;
}

static bool take_stored(struct calls_object *port, struct calls_thread *receiver)
{
    struct calls_stored *stored = calls_stored_behind(port, 0);
    if (stored == NULL)
        return false;
    stored->port = NULL;
    deliver(&stored->message, receiver);
    return true;
}

/* False if this sender failed by itself. */
static bool take_sender(struct calls_thread *sender, struct calls_thread *receiver)
{
    struct calls_message message;
    struct calls_node *node;
    error_t error =
        calls_lookup(sender->process, frame_operand(&sender->frame, 0), RIGHT_send, &node);
    if (error == OK)
        error = message_from(sender, node->badge, sender->sending, &message);
    if (error == OK && sender->sending == MESSAGE_call && receiver->reply == NULL)
        error = ERR_no_reply;
    if (error != OK) {
        calls_finish(sender, error);
        return false;
    }
    if (sender->sending == MESSAGE_call)
        bind(receiver, sender);
    else
        calls_finish(sender, OK);
    deliver(&message, receiver);
    return true;
}

static bool take_pending(struct calls_object *port, struct calls_thread *receiver)
{
    if (take_signals(port, receiver) || take_stored(port, receiver))
        return true;
    for (struct calls_thread *sender; (sender = calls_sender(port)) != NULL;)
        if (take_sender(sender, receiver))
            return true;
    return false;
}

/* OK: a message is there, and the registers are written. */
static error_t receive_from(struct calls_thread *thread, struct calls_object *port)
{
    struct calls_object *reply = thread->reply;
    if (reply != NULL)
        reply->thread = thread;
    bool taken = take_pending(port, thread);
    uint64_t deadline = frame_operand(&thread->frame, 2);
    error_t error = taken                               ? OK
                    : port->ended || port->senders == 0 ? ERR_dead
                    : deadline == DEADLINE_POLL         ? ERR_would_block
                                                        : CALLS_WAITS;
    if (error != CALLS_WAITS) {
        if (reply != NULL && !reply->bound)
            reply->thread = NULL;
        return taken ? CALLS_WAITS : error;
    }
    thread->state = CALLS_RECEIVE;
    thread->port = port;
    thread->shard = cpu_self()->number;
    thread->order = ++orders;
    thread->deadline = deadline;
    return CALLS_WAITS;
}

error_t calls_receive(struct calls_thread *thread)
{
    struct calls_node *node, *reply = NULL;
    uint64_t handle = frame_operand(&thread->frame, 1);
    error_t error =
        calls_lookup(thread->process, frame_operand(&thread->frame, 0), RIGHT_receive, &node);
    if (error == OK && handle != 0)
        error = calls_lookup(thread->process, handle, RIGHT_answer, &reply);
    if (error != OK)
        return error;
    if (reply != NULL && reply->object->thread != NULL)
        return ERR_busy;
    thread->reply = reply == NULL ? NULL : reply->object;
    return receive_from(thread, node->object);
}

/* --- sending --- */

/* A capability that lets receive is not stored. */
static bool storable(const struct calls_message *message)
{
    struct calls_node *node;
    for (uint32_t i = MESSAGE_WORDS - message->caps; i < MESSAGE_WORDS; i++)
        if (calls_lookup(message->from, message->words[i], RIGHT_receive, &node) == OK)
            return false;
    return true;
}

static error_t store(struct calls_object *port, const struct calls_message *message)
{
    struct calls_stored *stored = calls_stored;
    if (port->depth == 0 || !storable(message))
        return ERR_full;
    if (port->deaf)
        return ERR_dead;
    if (store_full(port))
        return ERR_full;
    while (stored->port != NULL)
        assert(++stored < calls_stored + CALLS_STORED);
    memset(stored, 0, sizeof(*stored));
    stored->port = port;
    stored->order = ++orders;
    stored->message = *message;
    for (uint32_t i = 0; i < message->caps; i++)
        stored->message.nodes[i] =
            transfer(message, MESSAGE_WORDS - message->caps + i, &stored->transit);
    stored->message.from = NULL;
    return OK;
}

static error_t wait_to_send(struct calls_thread *thread, struct calls_object *port,
                            enum message_kind kind)
{
    thread->deadline = frame_operand(&thread->frame, 2);
    if (thread->deadline == DEADLINE_POLL)
        return ERR_would_block;
    if (port->deaf)
        return ERR_dead;
    thread->state = CALLS_SEND;
    thread->port = port;
    thread->sending = kind;
    thread->key = PRIORITIES - (uint32_t)thread->kernel->effective;
    thread->order = ++orders;
    return CALLS_WAITS;
}

error_t calls_send(struct calls_thread *thread, enum message_kind kind)
{
    struct calls_message message;
    struct calls_node *node;
    error_t error =
        calls_lookup(thread->process, frame_operand(&thread->frame, 0), RIGHT_send, &node);
    if (error == OK)
        error = message_from(thread, node->badge, kind, &message);
    if (error != OK)
        return error;
    struct calls_object *port = node->object;
    struct calls_thread *receiver = receiver_of(port);
    if (receiver == NULL) {
        error = kind == MESSAGE_send ? store(port, &message) : ERR_full;
        return error == ERR_full ? wait_to_send(thread, port, kind) : error;
    }
    uint64_t deadline = frame_operand(&thread->frame, 2);
    error = give(&message, thread, receiver);
    if (error != OK || kind == MESSAGE_send)
        return error;
    thread->sending = kind;
    thread->deadline = deadline == DEADLINE_POLL ? DEADLINE_NEVER : deadline;
    return CALLS_WAITS;
}

error_t calls_reply(struct calls_thread *thread)
{
    struct calls_message message;
    struct calls_node *node;
    error_t error =
        calls_lookup(thread->process, frame_operand(&thread->frame, 1), RIGHT_answer, &node);
    if (error != OK)
        return error;
    if ((frame_control(&thread->frame) & CONTROL_RANGE) != 0) /* what is bound made native calls */
        return frame_word(&thread->frame, 3) > SPACE_COPY_MAX ? ERR_bad_argument
               : node->object->bound                          ? ERR_denied
                                                              : ERR_not_found;
    struct calls_thread *caller = node->object->thread;
    if (caller == NULL || !node->object->bound)
        return ERR_not_found;
    error = message_from(thread, 0, MESSAGE_NONE, &message);
    if (error != OK)
        return error;
    calls_unwait(caller);
    deliver(&message, caller);
    return OK;
}

error_t calls_reply_receive(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error =
        calls_lookup(thread->process, frame_operand(&thread->frame, 0), RIGHT_receive, &node);
    if (error == OK)
        error = calls_reply(thread);
    if (error != OK && error != ERR_not_found)
        return error;
    frame_set_control(&thread->frame, CALL_port_receive);
    return calls_receive(thread);
}

error_t calls_signal(struct calls_thread *thread)
{
    struct calls_node *node;
    error_t error =
        calls_lookup(thread->process, frame_operand(&thread->frame, 0), RIGHT_signal, &node);
    if (error != OK)
        return error;
    uint64_t bits = frame_word(&thread->frame, 0);
    struct calls_object *port = node->object;
    port->signals |= node->badge == 0 ? bits : bits & node->badge;
    struct calls_thread *receiver = port->signals != 0 ? receiver_of(port) : NULL;
    if (receiver != NULL) {
        calls_unwait(receiver);
        (void)take_signals(port, receiver);
    }
    return OK;
}

/* --- deaths --- */

/* Its capabilities go; that may be the end of other ports. */
static void drop(struct calls_stored *stored)
{
    stored->port = NULL;
    for (uint32_t i = 0; i < stored->message.caps; i++) {
        calls_dropped = true;
        if (stored->message.nodes[i] != NULL)
            calls_delete(stored->message.nodes[i]);
    }
}

/* Nobody receives any more, or nobody sends. */
static void port_gone(struct calls_object *port)
{
    struct calls_thread *thread;
    if (port->receivers == 0) {
        port->deaf = true;
        for (struct calls_stored *stored; (stored = calls_stored_behind(port, 0)) != NULL;)
            drop(stored);
        while ((thread = calls_sender(port)) != NULL)
            calls_finish(thread, ERR_dead);
    }
    if (port->receivers == 0 || port->senders == 0) {
        port->ended = true;
        while ((thread = receiver_of(port)) != NULL)
            calls_again(thread);
    }
}

static void reply_gone(struct calls_object *reply)
{
    struct calls_thread *thread = reply->thread;
    if (reply->caps != 0)
        return;
    if (thread != NULL)
        calls_finish(thread, reply->bound ? ERR_unanswered : ERR_dead);
    reply->dead = true;
}

/* A reply object may be kept by the thread that it is linked with (calls_check.c). */
void calls_cap_gone(struct calls_object *object)
{
    if (object->kind == OBJECT_port)
        port_gone(object);
    else if (object->kind == OBJECT_reply)
        reply_gone(object);
    bool lives = object->process != NULL || object->kind == OBJECT_reply ||
                 (object->kind == OBJECT_thread && object->thread->state != CALLS_DEAD);
    if (object->caps == 0 && !lives)
        object->kind = OBJECT_NONE;
}
