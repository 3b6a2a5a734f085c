/*
 * The fast path of what ends in a switch to another thread of this CPU that is ready then: sends,
 * signals, receives, yields, interrupts (fast_parts.h).
 */
#include "ipc/fast_parts.h"
#include "ipc/reply.h"
#include "ipc/transfer.h"

#define GENERAL(self, thread) __attribute__((musttail)) return enter_general(self, thread)

void fast_look(struct port *port, struct thread *receiver)
{
    if (port_unpublish(port, receiver))
        receive_now(port, receiver);
}

/* --- receiving --- */

/* The reply object that a receive names, linked already; false if it is none of these. */
INLINE bool fast_reply(const struct thread *thread, struct reply **reply)
{
    struct object *object;
    uint64_t handle = frame_operand(&thread->frame, 1);
    *reply = NULL;
    if (handle != 0) {
        (void)fast_find(thread, handle, RIGHT_answer, &object);
        if (UNLIKELY(object == NULL))
            return false;
        *reply = CONTAINER_OF(object, struct reply, object);
    }
    return LIKELY(thread->serving == *reply);
}

OUTLINE struct user_exit fast_waits(struct cpu *self, struct thread *receiver)
{
    thread_given(receiver);
    return user_leave(self);
}

/* A receive that waits: the next in this CPU's queue runs. */
ARCH_ENTRY struct user_exit enter_receive(struct cpu *self, struct thread *thread)
{
    struct object *object;
    struct reply *reply;
    (void)fast_find(thread, frame_operand(&thread->frame, 0), RIGHT_receive, &object);
    if (UNLIKELY(object == NULL || frame_operand(&thread->frame, 2) != DEADLINE_NEVER))
        GENERAL(self, thread);
    struct port *port = CONTAINER_OF(object, struct port, object);
    if (UNLIKELY(atomic_load_explicit(&port->pending, memory_order_relaxed) != 0 ||
                 !fast_reply(thread, &reply)))
        GENERAL(self, thread);
    if (reply != NULL && !fast_change(reply, REPLY_FREE, (uintptr_t)thread | REPLY_WAITED_TAG))
        GENERAL(self, thread);
    arch_thread_leave(self, thread);
    thread->reply = reply;
    thread->effective = thread->priority;
    sched_gone(self);
    fast_publish(self, thread, port);
    struct thread *next = sched_next(self);
    if (LIKELY(next != NULL))
        fast_load(self, next);
    else
        atomic_thread_fence(memory_order_seq_cst);
    bool dead = reply != NULL && *(volatile uintptr_t *)&reply->word == REPLY_DEAD;
    if (UNLIKELY(dead || atomic_load_explicit(&port->pending, memory_order_relaxed) != 0))
        fast_look(port, thread);
    if (UNLIKELY(next == NULL || next->resume != RESUME_USER || user_wanted(self, next) ||
                 atomic_load_explicit(&thread->attention, memory_order_relaxed) != 0))
        return fast_waits(self, thread);
    return (struct user_exit){next, &next->frame};
}

/* --- sending --- */

/* A receiver of this CPU of at least that priority, owned by the caller and running; or NULL. */
INLINE struct thread *fast_take(const struct cpu *self, struct port *port, uint32_t priority)
{
    struct port_shard *shard = &port->shards[self->number];
    spinlock_enter(&shard->lock);
    struct list *first = shard->receivers.next;
    struct thread *thread = fast_thread(first);
    if (first == &shard->receivers || !thread->fast || thread->effective < priority) {
        spinlock_exit(&shard->lock);
        return NULL;
    }
    list_unlink(first);
    thread_set_status(thread, THREAD_RUNNING);
    spinlock_exit(&shard->lock);
    if (thread->reply != NULL)
        reply_unawait(thread->reply, thread);
    return thread;
}

/* The receiver has its message, and runs instead of the current thread. */
INLINE void fast_hand_over(struct cpu *self, struct thread *receiver, uint64_t control,
                           uint64_t badge)
{
    debug_assert(receiver->fast && receiver->resume == RESUME_USER);
    frame_set_control(&receiver->frame, control);
    frame_set_operand(&receiver->frame, 0, badge);
    sched_hand_over(self, receiver);
    fast_load(self, receiver);
    cpu_metric_add(self, METRIC_ipc_fast, 1);
}

/* Words of a message that is signal bits. */
INLINE void fast_hand_bits(struct cpu *self, struct thread *receiver, uint64_t bits)
{
    frame_set_label(&receiver->frame, 0);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        frame_set_word(&receiver->frame, i, i == 0 ? bits : 0);
    fast_hand_over(self, receiver, MESSAGE_signal << CONTROL_KIND_SHIFT, 0);
}

/* `from` is ready: who wanted to end it before may not have seen that. */
OUTLINE void fast_left(struct thread *from)
{
    if ((atomic_load(&from->attention) & ATTENTION_KILL) != 0 && sched_claim(from))
        thread_die(from);
}

/* After a switch, which is a full barrier. */
INLINE struct user_exit fast_exit(struct cpu *self, struct thread *from, struct thread *next)
{
    if (UNLIKELY(atomic_load_explicit(&from->attention, memory_order_relaxed) != 0))
        fast_left(from);
    if (UNLIKELY(next->resume != RESUME_USER || user_wanted(self, next)))
        return user_leave(self);
    return (struct user_exit){next, &next->frame};
}

/* A plain message to one that comes before the sender, or is its equal. */
ARCH_ENTRY struct user_exit enter_send(struct cpu *self, struct thread *sender)
{
    uint64_t bytes = frame_control(&sender->frame) >> CONTROL_BYTES_SHIFT;
    struct object *object;
    struct slot *slot = fast_find(sender, frame_operand(&sender->frame, 0), RIGHT_send, &object);
    if (UNLIKELY(object == NULL || bytes > MESSAGE_PAGE))
        GENERAL(self, sender);
    struct port *port = CONTAINER_OF(object, struct port, object);
    struct thread *receiver = fast_take(self, port, sender->effective);
    if (receiver == NULL)
        GENERAL(self, sender);
    fast_bytes(bytes, receiver, sender);
    frame_copy_message(&receiver->frame, &sender->frame);
    frame_set_control(&sender->frame, OK);
    fast_hand_over(self, receiver,
                   bytes << CONTROL_BYTES_SHIFT | MESSAGE_send << CONTROL_KIND_SHIFT, slot->badge);
    return fast_exit(self, sender, receiver);
}

/* Signal bits for one that comes before the sender. */
ARCH_ENTRY struct user_exit enter_signal(struct cpu *self, struct thread *sender)
{
    struct object *object;
    struct slot *slot = fast_find(sender, frame_operand(&sender->frame, 0), RIGHT_signal, &object);
    uint64_t bits = frame_word(&sender->frame, 0);
    if (UNLIKELY(object == NULL))
        GENERAL(self, sender);
    bits = slot->badge == 0 ? bits : bits & slot->badge;
    struct port *port = CONTAINER_OF(object, struct port, object);
    if (bits == 0 || atomic_load_explicit(&port->pending, memory_order_relaxed) != 0)
        GENERAL(self, sender);
    struct thread *receiver = fast_take(self, port, sender->effective + 1u);
    if (receiver == NULL)
        GENERAL(self, sender);
    frame_set_control(&sender->frame, OK);
    fast_hand_bits(self, receiver, bits);
    return fast_exit(self, sender, receiver);
}

/* An interrupted thread gives its CPU to a receiver that comes before it: user_leave goes there. */
void port_interrupt(struct cpu *self, struct port *port, uint64_t bits)
{
    struct thread *receiver = NULL, *from = self->current;
    debug_assert(self == cpu_self() && self->held_count == 0);
    if (from != NULL && atomic_load_explicit(&port->pending, memory_order_relaxed) == 0)
        receiver = fast_take(self, port, from->effective + 1u);
    if (UNLIKELY(receiver == NULL)) {
        port_signal(port, bits);
        return;
    }
    fast_hand_bits(self, receiver, bits);
    if (UNLIKELY(atomic_load_explicit(&from->attention, memory_order_relaxed) != 0))
        fast_left(from);
}

/* --- yielding --- */

/* To one of the same priority. */
ARCH_ENTRY struct user_exit enter_yield(struct cpu *self, struct thread *thread)
{
    debug_assert(self->current == thread && thread->resume == RESUME_USER);
    uint32_t top = atomic_load_explicit(&self->ready_top, memory_order_relaxed);
    if (top != thread->effective + 1u || thread->special || !sched_may_rotate(self))
        GENERAL(self, thread);
    frame_set_control(&thread->frame, OK);
    arch_thread_leave(self, thread);
    struct thread *next = sched_rotate(self);
    if (UNLIKELY(next == NULL))
        return user_leave(self);
    fast_load(self, next);
    return fast_exit(self, thread, next);
}
