/* Sending (transfer.h): to a receiver that waits, into a port's store, or into its queue. */
#include "ipc/page_wait.h"
#include "ipc/reply.h"
#include "ipc/stored.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "sched/sched.h"
#include "syscall/answer.h"

void send_fail(struct thread *thread, error_t error)
{
    if (thread->sending == MESSAGE_exit) {
        object_put(&thread->object); /* nobody wants to know */
    } else if (thread->sending == MESSAGE_page) {
        page_unasked(thread);
        sched_ready(thread); /* and faults again: without a pager that is an error */
    } else if (thread->sending == MESSAGE_send || thread->sending == MESSAGE_call) {
        thread_timeout_cancel(thread);
        thread_finish(thread, error);
    } else {
        thread_unanswered(thread);
    }
}

void sender_done(struct thread *sender)
{
    if (sender->sending == MESSAGE_send) {
        thread_timeout_cancel(sender);
        thread_finish(sender, OK);
    } else if (sender->sending == MESSAGE_exit) {
        object_put(&sender->object);
    } else {
        struct memory *memory = sender->asked;
        sender->asked = NULL;
        sched_ready(sender); /* to the fault, which finds the page filling */
        object_put(&memory->object);
    }
}

/* What the sender waits in after its message was taken; send: it goes on at once. */
static enum thread_status status_after(const struct thread *sender)
{
    return sender->sending == MESSAGE_call ? THREAD_REPLY : THREAD_FAULT;
}

/*
 * Gives the message to a claimed receiver and readies it. OK; an error of the sender's; or dead,
 * with *gone set: the receiver could not take it and was told, so another may be tried.
 * With a held message `sender` is bound, and nobody's, when this returns OK.
 */
static error_t give(struct message *message, struct thread *sender, struct thread *receiver,
                    bool *gone)
{
    bool held = message_is_held(message->kind);
    *gone = false;
    error_t error = held && receiver->reply == NULL ? ERR_no_reply : OK;
    if (error == OK)
        error = message_prepare(message, &receiver->process->table);
    if (error != OK) {
        receive_again(receiver);
        return error;
    }
    if (held && !reply_bind(receiver, sender, status_after(sender))) {
        message_unprepare(message);
        receive_fail(receiver, ERR_dead);
        *gone = true;
        return ERR_dead;
    }
    if (!held && receiver->reply != NULL)
        reply_unawait(receiver->reply, receiver);
    thread_timeout_cancel(receiver);
    message_deliver(message, receiver);
    cpu_metric_add(cpu_self(), METRIC_messages, 1);
    sched_ready(receiver);
    if (held)
        thread_given(sender);
    return OK;
}

static bool port_holds(const struct port *port)
{
    return (atomic_load_explicit(&port->pending, memory_order_relaxed) & ~PORT_CLOSED) != 0;
}

/*
 * Tries receivers until one takes it; not_found if none waits. One that waits though something is
 * pending lies down on another CPU and has not looked yet: it gets that, for what the sender stored
 * before must not be overtaken by this.
 */
static error_t give_any(struct message *message, struct thread *sender, struct port *port)
{
    for (;;) {
        struct thread *receiver = port_take_receiver(port);
        if (receiver == NULL)
            return ERR_not_found;
        if (port_holds(port)) {
            receive_now(port, receiver);
            continue;
        }
        bool gone;
        error_t error = give(message, sender, receiver, &gone);
        if (!gone)
            return error;
    }
}

void port_wake_receiver(struct port *port)
{
    while (port_holds(port)) {
        struct thread *receiver = port_take_receiver(port);
        if (receiver == NULL)
            return;
        receive_now(port, receiver);
    }
}

static outcome_t wait_in_queue(struct cpu *self, struct thread *thread, struct port *port)
{
    uint64_t deadline = frame_operand(&thread->frame, 2);
    if (deadline == DEADLINE_POLL)
        return ERR_would_block;
    arch_thread_leave(self, thread);
    thread->fast = deadline == DEADLINE_NEVER;
    thread_timeout_arm(thread, deadline);
    if (!port_enqueue(port, thread)) {
        thread_timeout_cancel(thread);
        return ERR_dead;
    }
    sched_gone(self);
    port_wake_receiver(port);
    thread_given(thread);
    return CALL_BLOCKED;
}

/* Without a look at receivers: all who are inside the job wait for its thaw. */
void send_in_turn(struct thread *thread)
{
    uint64_t number = control_number(frame_control(&thread->frame));
    uint64_t deadline = frame_operand(&thread->frame, 2);
    struct slot *slot;
    error_t error = ERR_bad_argument;
    debug_assert(thread_status(thread) == THREAD_CLAIMED && thread->order != 0);
    if (thread->resume == RESUME_CALL && thread->foreign == NULL && deadline != DEADLINE_POLL &&
        (number == CALL_port_send || number == CALL_port_call))
        error = slot_lookup(&thread->process->table, (slot_t){frame_operand(&thread->frame, 0)},
                            RIGHT_send, &slot);
    if (error == OK) {
        thread->sending = number == CALL_port_send ? MESSAGE_send : MESSAGE_call;
        thread->fast = false;
        thread_timeout_arm(thread, deadline);
        if (port_enqueue(CONTAINER_OF(slot_kept(slot), struct port, object), thread)) {
            thread_given(thread);
            return;
        }
        thread_timeout_cancel(thread);
    }
    thread->order = 0;
    thread_park(thread); /* it makes its call by itself, and gets its error */
}

outcome_t send_from_thread(struct cpu *self, struct thread *thread, enum message_kind kind)
{
    struct slot *slot;
    slot_t handle = {frame_operand(&thread->frame, 0)};
    error_t error = slot_lookup(&thread->process->table, handle, RIGHT_send, &slot);
    if (error != OK)
        return (outcome_t)error;
    struct port *port = CONTAINER_OF(slot_kept(slot), struct port, object);
    struct message message;
    thread->sending = (uint8_t)kind;
    error = message_from_thread(&message, thread, slot->badge);
    if (error != OK)
        return (outcome_t)error;
    uint64_t deadline = frame_operand(&thread->frame, 2);
    if (kind == MESSAGE_call) {
        arch_thread_leave(self, thread);
        thread->fast = deadline == DEADLINE_NEVER;
        thread_timeout_arm(thread, deadline == DEADLINE_POLL ? DEADLINE_NEVER : deadline);
    }
    error = give_any(&message, thread, port);
    if (error == OK && kind == MESSAGE_call) {
        sched_gone(self);
        return CALL_BLOCKED;
    }
    if (kind == MESSAGE_call)
        thread_timeout_cancel(thread);
    if (error == ERR_not_found)
        error = kind == MESSAGE_send ? message_store(port, &message, false) : ERR_full;
    return error == ERR_full ? wait_in_queue(self, thread, port) : (outcome_t)error;
}

void send_held(struct thread *thread, struct port *port)
{
    struct message message;
    message_from_held(&message, thread);
    error_t error = give_any(&message, thread, port);
    if (error == OK && !message_is_held(message.kind))
        sender_done(thread);
    if (error == OK)
        return;
    if (error != ERR_not_found || !port_enqueue(port, thread))
        send_fail(thread, ERR_dead);
    else {
        port_wake_receiver(port);
        thread_given(thread);
    }
}

void port_signal(struct port *port, uint64_t bits)
{
    if (bits == 0)
        return;
    atomic_fetch_or_explicit(&port->signals, bits, memory_order_relaxed);
    /* Release, and acquire in signals_take: who sees the flag sees the bits. */
    atomic_fetch_or_explicit(&port->pending, PORT_SIGNALLED, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    cpu_metric_add(cpu_self(), METRIC_signals, 1);
    port_wake_receiver(port);
}
