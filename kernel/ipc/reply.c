/*
 * Reply objects (reply.h, port.h).
 *
 * The word is changed by compare-and-exchange or exchange only, apart from reply_bind: there the
 * server is owned, and so is the word that names it as waited, unless the object dies.
 */
#include "ipc/reply.h"
#include "ipc/message.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "sched/sched.h"
#include "syscall/answer.h"

error_t reply_create(struct job *job, struct reply **result)
{
    struct object *object;
    error_t error = object_make(job, OBJECT_reply, sizeof(struct reply), &object);
    if (error != OK)
        return error;
    *result = CONTAINER_OF(object, struct reply, object);
    atomic_init(&(*result)->word, REPLY_FREE);
    return OK;
}

static bool word_change(struct reply *reply, uintptr_t from, uintptr_t to)
{
    return atomic_compare_exchange_strong_explicit(&reply->word, &from, to, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

uintptr_t reply_word(const struct reply *reply)
{
    for (;;) {
        uintptr_t word = atomic_load_explicit(&reply->word, memory_order_acquire);
        if ((word & REPLY_TAGS) != REPLY_HELD_TAG || word == REPLY_FREE)
            return word;
        arch_cpu_relax();
        cpu_serve();
    }
}

bool reply_take(struct reply *reply, uintptr_t word, uintptr_t to)
{
    while (!word_change(reply, word, to))
        if (reply_word(reply) != word)
            return false;
    return true;
}

static uintptr_t waited_by(const struct thread *thread)
{
    return (uintptr_t)thread | REPLY_WAITED_TAG;
}

struct thread *reply_lender(const struct thread *server)
{
    const struct reply *reply = server->serving;
    if (reply == NULL)
        return NULL;
    uintptr_t word = atomic_load_explicit(&reply->word, memory_order_acquire);
    struct thread *caller = reply_thread(word);
    if ((word & REPLY_WAITED_TAG) != 0 || caller == NULL)
        return NULL;
    return caller->server == server ? caller : NULL;
}

void reply_unlink(struct thread *server)
{
    if (server->serving != NULL) {
        debug_assert(atomic_load(&server->serving->server) == server);
        struct reply *reply = server->serving;
        atomic_store_explicit(&reply->server, NULL, memory_order_release);
        server->serving = NULL;
        object_put(&reply->object);
    }
    server->effective = server->priority;
}

/* One whose object is linked with another thread goes without being lent to. */
static void reply_link(struct thread *server, struct reply *reply)
{
    struct thread *none = NULL;
    if (server->serving == reply)
        return;
    reply_unlink(server);
    if (!object_try_get(&reply->object))
        return;
    if (atomic_compare_exchange_strong(&reply->server, &none, server))
        server->serving = reply;
    else
        object_put(&reply->object);
}

void reply_link_check(struct thread *server)
{
    if (server->serving != NULL && atomic_load(&server->serving->word) == REPLY_DEAD)
        reply_unlink(server);
}

error_t reply_await(struct reply *reply, struct thread *thread)
{
    if (word_change(reply, REPLY_FREE, waited_by(thread))) {
        reply_link(thread, reply);
        return OK;
    }
    return atomic_load(&reply->word) == REPLY_DEAD ? ERR_dead : ERR_busy;
}

void reply_unawait(struct reply *reply, struct thread *thread)
{
    (void)word_change(reply, waited_by(thread), REPLY_FREE); /* fails if the object died */
}

static void lend(struct thread *server, struct reply *reply, const struct thread *caller)
{
    if (server->serving == reply && server->effective < caller->effective)
        server->effective = caller->effective;
}

bool reply_bind(struct thread *server, struct thread *caller, enum thread_status status)
{
    struct reply *reply = server->reply;
    struct cpu *self = cpu_self();
    debug_assert(status == THREAD_REPLY || status == THREAD_FAULT);
    if (self->current == server)
        sched_account(self); /* its own: from here on it works for the caller */
    caller->reply = reply;
    caller->server = server;
    uint32_t before = thread_status(caller);
    /* Whoever finds the caller by the word must find it in its new state. */
    atomic_store_explicit(&caller->status, status, memory_order_release);
    if (!word_change(reply, waited_by(server), (uintptr_t)caller)) {
        atomic_store_explicit(&caller->status, before, memory_order_release);
        return false;
    }
    lend(server, reply, caller);
    return true;
}

error_t reply_import(struct reply *reply, struct thread *server, struct thread *caller)
{
    if (server != NULL)
        reply_link(server, reply);
    if (caller == NULL)
        return OK;
    bool call = caller->sending == MESSAGE_call;
    caller->reply = reply;
    caller->server = atomic_load(&reply->server);
    caller->fast = false;
    atomic_store_explicit(&caller->status, call ? THREAD_REPLY : THREAD_FAULT,
                          memory_order_release);
    if (word_change(reply, REPLY_FREE, (uintptr_t)caller))
        return OK;
    thread_set_status(caller, THREAD_CLAIMED);
    return ERR_busy;
}

static void tell_server(const struct reply *reply)
{
    struct thread *server = atomic_load_explicit(&reply->server, memory_order_acquire);
    if (server != NULL)
        thread_notify(server, ATTENTION_LEND);
}

bool reply_binds(const struct thread *caller)
{
    const struct reply *reply = caller->reply;
    return atomic_load_explicit(&reply->word, memory_order_acquire) == (uintptr_t)caller;
}

bool reply_cancel(struct thread *caller)
{
    struct reply *reply = caller->reply;
    if (!word_change(reply, (uintptr_t)caller, REPLY_FREE))
        return false;
    tell_server(reply);
    return true;
}

static error_t answer_call(struct thread *server, struct reply *reply, struct thread *caller)
{
    struct message message;
    server->sending = MESSAGE_NONE;
    error_t error = message_from_thread(&message, server, 0);
    if (error == OK)
        error = message_prepare(&message, &caller->process->table);
    if (error != OK)
        return error;
    if (!word_change(reply, (uintptr_t)caller, REPLY_FREE)) {
        message_unprepare(&message);
        return ERR_not_found;
    }
    message_deliver(&message, caller);
    return OK;
}

/* The bound thread can leave at any time until the word says that it is ours. */
error_t reply_answer(struct thread *server, struct reply *reply)
{
    uintptr_t word = reply_word(reply);
    if ((word & REPLY_TAGS) != 0)
        return ERR_not_found;
    struct thread *caller = reply_thread(word);
    error_t error = OK;
    if (server->serving == reply)
        sched_account(cpu_self()); /* the caller's: until here it was worked for */
    if (thread_status(caller) == THREAD_REPLY)
        error = answer_call(server, reply, caller);
    else if (reply_take(reply, word, REPLY_FREE))
        answer_held(server, caller);
    else
        error = ERR_not_found;
    if (error != OK)
        return error;
    if (server->serving == reply)
        server->effective = server->priority;
    else
        tell_server(reply);
    thread_timeout_cancel(caller);
    sched_ready(caller);
    return OK;
}

/* A receiver that waited with it; it may have left, and wait otherwise by now. */
static void retire_waited(struct reply *reply, struct thread *thread)
{
    struct port *place = thread_place(thread, THREAD_RECEIVE);
    if (place == NULL || !port_unpublish(place, thread))
        return;
    if (thread->reply == reply)
        receive_fail(thread, ERR_dead);
    else
        receive_again(thread);
}

/*
 * The object goes: who waits with it or on it is told. The server's `attention` comes first: one
 * that is between taking the object and lying down, on the fast path, looks at that afterwards.
 */
static void retire_word(struct reply *reply)
{
    uintptr_t word = atomic_exchange(&reply->word, REPLY_DEAD);
    tell_server(reply);
    struct thread *thread = reply_thread(word);
    if (word == REPLY_DEAD || (word & REPLY_TAGS) == REPLY_HELD_TAG)
        return; /* free, or for who holds it */
    if ((word & REPLY_WAITED_TAG) != 0) {
        retire_waited(reply, thread);
    } else if (thread_status(thread) == THREAD_REPLY) {
        thread_timeout_cancel(thread);
        thread_finish(thread, ERR_unanswered);
    } else {
        thread_unanswered(thread);
    }
}

/* Without a capability nobody answers: it ends here, though a linked thread may keep it. */
static void reply_cap_gone(struct object *object)
{
    struct reply *reply = CONTAINER_OF(object, struct reply, object);
    irq_state_t state = spinlock_lock(&object->lock);
    bool last = list_empty(&object->caps);
    spinlock_unlock(&object->lock, state);
    if (!last)
        return;
    retire_word(reply);
}

static void reply_free(struct object *object)
{
    object_free(object);
}

const struct object_ops reply_ops = {
    .name = "reply", .cap_gone = reply_cap_gone, .free = reply_free};
