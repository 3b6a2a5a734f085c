/* Receiving (transfer.h): signal bits first, then the queue, else waiting in this CPU's shard. */
#include "ipc/reply.h"
#include "ipc/stored.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "sched/sched.h"
#include "syscall/answer.h"
#include "syscall/call.h"

#define FAILURES 16 /* senders that are told of errors by one receive */

void receive_fail(struct thread *thread, error_t error)
{
    if (thread->reply != NULL)
        reply_unawait(thread->reply, thread);
    thread_timeout_cancel(thread);
    thread_finish(thread, error);
}

/* Who sets bits sets the flag afterwards; we clear the flag first. So no bit stays unseen. */
static uint64_t signals_take(struct port *port)
{
    if ((atomic_load_explicit(&port->pending, memory_order_relaxed) & PORT_SIGNALLED) == 0)
        return 0;
    atomic_fetch_and_explicit(&port->pending, ~PORT_SIGNALLED, memory_order_acquire);
    return atomic_exchange_explicit(&port->signals, 0, memory_order_relaxed);
}

/* The message of a thread from the queue, with the badge of the capability it sends by. */
static error_t message_of_sender(struct message *message, struct thread *sender)
{
    if (sender->sending != MESSAGE_send && sender->sending != MESSAGE_call) {
        message_from_held(message, sender);
        return OK;
    }
    struct slot *slot;
    slot_t handle = {frame_operand(&sender->frame, 0)};
    error_t error = slot_lookup(&sender->process->table, handle, RIGHT_send, &slot);
    return error != OK ? error : message_from_thread(message, sender, slot->badge);
}

/*
 * Takes the message of an owned sender. OK; an error of the receiver's own (the sender then sends
 * again); not_found: the sender failed by itself and was told.
 */
static error_t take_from(struct thread *sender, struct thread *receiver)
{
    struct message message;
    error_t error = message_of_sender(&message, sender);
    bool held = message_is_held(sender->sending);
    if (error == OK && held && receiver->reply == NULL)
        error = ERR_no_reply;
    if (error != OK) {
        send_fail(sender, error);
        return ERR_not_found;
    }
    error = message_prepare(&message, &receiver->process->table);
    if (error != OK) {
        send_again(sender);
        return error;
    }
    if (!thread_timeout_renew(sender)) {
        message_unprepare(&message);
        send_fail(sender, ERR_timeout);
        return ERR_not_found;
    }
    enum thread_status status = sender->sending == MESSAGE_call ? THREAD_REPLY : THREAD_FAULT;
    if (held && !reply_bind(receiver, sender, status)) {
        message_unprepare(&message);
        send_again(sender);
        return ERR_dead;
    }
    message_deliver(&message, receiver);
    if (!held)
        sender_done(sender);
    else
        thread_given(sender);
    return OK;
}

static error_t take_entry(struct port *port, struct queue_entry entry, struct thread *receiver)
{
    cpu_metric_add(cpu_self(), METRIC_messages, 1);
    if (entry.thread != NULL)
        return take_from(entry.thread, receiver);
    return stored_take(port, entry.stored, receiver);
}

/* Takes what is there: OK, an error for the receiver, or not_found if there is nothing. After many
 * that failed by themselves: again. */
static outcome_t take_pending(struct port *port, struct thread *receiver)
{
    uint64_t bits = signals_take(port);
    if (bits != 0) {
        struct message message = {.kind = MESSAGE_signal, .words = {bits}};
        message_deliver(&message, receiver);
        return OK;
    }
    for (uint32_t i = 0; i < FAILURES; i++) {
        struct queue_entry entry = port_dequeue(port);
        if (entry.thread == NULL && entry.stored == NULL)
            return ERR_not_found;
        error_t error = take_entry(port, entry, receiver);
        if (error != ERR_not_found)
            return (outcome_t)error;
    }
    return CALL_AGAIN;
}

void receive_now(struct port *port, struct thread *receiver)
{
    outcome_t outcome = take_pending(port, receiver);
    if (outcome == ERR_not_found || outcome == CALL_AGAIN) {
        receive_again(receiver);
    } else if (outcome != OK) {
        receive_fail(receiver, (error_t)outcome);
    } else {
        if (receiver->reply != NULL)
            reply_unawait(receiver->reply, receiver); /* fails if it was bound */
        thread_timeout_cancel(receiver);
        sched_ready(receiver);
    }
}

/* Nobody can send any more; or the last capability to receive went, by which we came in. */
static bool port_ended(const struct port *port)
{
    return (atomic_load(&port->pending) & PORT_CLOSED) != 0 ||
           (atomic_load(&port->sender_caps) == 0 && atomic_load(&port->sources) == 0);
}

/* The reply object stays reserved only while the thread waits, or when it was bound. */
static outcome_t receive_done(struct thread *thread, outcome_t outcome)
{
    if (thread->reply != NULL)
        reply_unawait(thread->reply, thread);
    return outcome == OK ? CALL_DONE : outcome;
}

static outcome_t receive_from(struct cpu *self, struct thread *thread, struct port *port)
{
    uint64_t deadline = frame_operand(&thread->frame, 2);
    for (;;) {
        outcome_t outcome = ERR_not_found;
        if (atomic_load_explicit(&port->pending, memory_order_relaxed) != 0)
            outcome = take_pending(port, thread);
        if (outcome == ERR_not_found && (port_ended(port) || reply_lost(thread)))
            outcome = ERR_dead;
        if (outcome == ERR_not_found && deadline == DEADLINE_POLL)
            outcome = ERR_would_block;
        if (outcome != ERR_not_found)
            return receive_done(thread, outcome);
        arch_thread_leave(self, thread);
        thread->fast = deadline == DEADLINE_NEVER;
        thread_timeout_arm(thread, deadline);
        port_publish(port, thread);
        bool look =
            atomic_load_explicit(&port->pending, memory_order_relaxed) != 0 || reply_lost(thread);
        if (!look || !port_unpublish(port, thread)) {
            sched_gone(self);
            thread_given(thread);
            return CALL_BLOCKED;
        }
        /* Ours again: it is running, as before. */
        thread_set_status(thread, THREAD_RUNNING);
        thread_timeout_cancel(thread);
    }
}

outcome_t receive_into_thread(struct cpu *self, struct thread *thread)
{
    struct slot *slot, *reply_slot = NULL;
    slot_t handle = {frame_operand(&thread->frame, 0)};
    slot_t reply_handle = {frame_operand(&thread->frame, 1)};
    struct slot_table *table = &thread->process->table;
    error_t error = slot_lookup(table, handle, RIGHT_receive, &slot);
    if (error == OK && reply_handle.value != 0)
        error = slot_lookup(table, reply_handle, RIGHT_answer, &reply_slot);
    if (error != OK)
        return (outcome_t)error;
    struct port *port = CONTAINER_OF(slot_kept(slot), struct port, object);
    thread->reply = NULL;
    if (reply_slot != NULL) {
        struct reply *reply = CONTAINER_OF(slot_kept(reply_slot), struct reply, object);
        error = reply_await(reply, thread);
        if (error != OK)
            return (outcome_t)error;
        thread->reply = reply;
    } else {
        reply_unlink(thread);
    }
    return receive_from(self, thread, port);
}
