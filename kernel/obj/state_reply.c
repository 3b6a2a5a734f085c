/* The state of reply objects (state.h). */
#include "cap/slot.h"
#include "ipc/reply.h"
#include "lib/assert.h"
#include "obj/hold.h"
#include "obj/job.h"
#include "obj/state.h"

static struct reply *reply_of(struct object *object)
{
    assert(object->kind == OBJECT_reply);
    return CONTAINER_OF(object, struct reply, object);
}

static struct object *thread_object(struct thread *thread)
{
    return thread != NULL ? &thread->object : NULL;
}

/* Of a thread that it holds by other than a native call: not_found if there is none. */
static error_t get_registers(struct reply *reply, struct state *state)
{
    struct hold hold;
    error_t error = hold_reply(&hold, reply);
    if (error != OK)
        return error;
    error = state_get_registers(hold.thread, state);
    hold_end(&hold);
    return error;
}

/* It goes on in user mode with them, without the call that a kick may have kept from being made. */
static error_t set_registers(struct reply *reply, const struct state *state)
{
    struct hold hold;
    if (state->part != STATE_thread_registers && state->part != STATE_thread_fpu)
        return ERR_bad_argument;
    error_t error = hold_reply(&hold, reply);
    if (error != OK)
        return error;
    error = state_set_registers(hold.thread, state);
    if (error == OK && state->part == STATE_thread_registers)
        hold.thread->resume = RESUME_USER;
    hold_end(&hold);
    return error;
}

static error_t reply_get(struct object *object, struct state *state)
{
    struct reply *reply = reply_of(object);
    uintptr_t word = atomic_load_explicit(&reply->word, memory_order_acquire);
    if (state->part != STATE_reply_basic)
        return get_registers(reply, state);
    *(struct state_reply_basic *)state->data = (struct state_reply_basic){
        .identity = object->identity,
        .job = state_identity(&object->job->object),
        .caller = state_identity(
            thread_object((word & REPLY_WAITED_TAG) == 0 ? reply_thread(word) : NULL)),
        .server = state_identity(thread_object(atomic_load(&reply->server))),
    };
    state->size = sizeof(struct state_reply_basic);
    return OK;
}

/* The caller's thread, parked until now and claimed; NULL for 0. busy. */
static error_t claim_argument(struct thread *caller, object_t argument, struct thread **thread)
{
    struct slot *slot;
    uint32_t parked = THREAD_PARKED;
    *thread = NULL;
    error_t error = state_argument(caller, argument, OBJECT_thread, RIGHT_run, &slot);
    if (error != OK || slot == NULL)
        return error;
    *thread = CONTAINER_OF(slot_kept(slot), struct thread, object);
    return atomic_compare_exchange_strong(&(*thread)->status, &parked, THREAD_CLAIMED) ? OK
                                                                                       : ERR_busy;
}

static error_t set_server(struct thread *caller, struct reply *reply, object_t argument)
{
    struct thread *server;
    error_t error = claim_argument(caller, argument, &server);
    if (error != OK || server == NULL)
        return error;
    error = reply_import(reply, server, NULL);
    thread_park(server);
    return error;
}

/* Held by anything but a call, it goes on in user mode; before a kick it may have had a call. */
static error_t bind(struct reply *reply, struct thread *bound)
{
    uint8_t kind = bound->sending, resume = bound->resume;
    if (kind == MESSAGE_NONE || kind == MESSAGE_send)
        return ERR_bad_argument;
    uint64_t deadline = frame_operand(&bound->frame, 2);
    if (kind != MESSAGE_kick)
        bound->resume = RESUME_USER;
    if (kind == MESSAGE_call && deadline != DEADLINE_POLL)
        thread_timeout_arm(bound, deadline);
    error_t error = reply_import(reply, NULL, bound);
    if (error != OK) {
        thread_timeout_cancel(bound);
        bound->resume = resume;
    }
    return error;
}

static error_t set_caller(struct thread *caller, struct reply *reply, object_t argument)
{
    struct thread *bound;
    error_t error = claim_argument(caller, argument, &bound);
    if (error != OK || bound == NULL)
        return error;
    error = bind(reply, bound);
    if (error != OK) {
        thread_park(bound);
        return error;
    }
    /* Who killed it while we had it has left that to us. */
    atomic_thread_fence(memory_order_seq_cst);
    if ((atomic_load(&bound->attention) & ATTENTION_KILL) != 0 && thread_claim_reply(bound))
        thread_die(bound);
    return OK;
}

static error_t reply_set(struct thread *caller, struct object *object, uint64_t fields,
                         const struct state *state)
{
    const struct state_reply_basic *new = state->data;
    if (state->part != STATE_reply_basic)
        return set_registers(reply_of(object), state);
    error_t error = OK;
    if (STATE_SETS(reply, basic, server))
        error = set_server(caller, reply_of(object), new->server);
    if (error == OK && STATE_SETS(reply, basic, caller))
        error = set_caller(caller, reply_of(object), new->caller);
    return error;
}

const struct state_ops reply_state = {
    .set_right = RIGHT_answer, .get = reply_get, .set = reply_set};
