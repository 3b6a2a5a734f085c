/*
 * The way in for system calls, and the fast path of calls and answers (fast.h, fast_parts.h).
 */
#include "ipc/fast_parts.h"
#include "ipc/reply.h"
#include "syscall/answer.h"
#include "syscall/call.h"
#include "syscall/restart.h"

/* First the port: on the way out it may be freed. */
OUTLINE struct user_exit fast_noticed(struct cpu *self, struct thread *from, struct thread *next,
                                      struct trap_frame *message, struct port *port)
{
    if (port != NULL)
        fast_look(port, from);
    return fast_attend(self, from, next, message);
}

/*
 * From here on `next` runs: its space and state are loaded. The switch is a full barrier; whoever
 * set `attention` of one of the two before it could see the new `status` is noticed here; so is
 * what was queued at `port` (or NULL), where `from` receives, before it could see that.
 */
INLINE struct user_exit fast_switch(struct cpu *self, struct thread *from, struct thread *next,
                                    struct trap_frame *message, struct port *port)
{
    fast_load(self, next);
    cpu_metric_add(self, METRIC_ipc_fast, 1);
    uint32_t attention = atomic_load_explicit(&next->attention, memory_order_relaxed) |
                         atomic_load_explicit(&from->attention, memory_order_relaxed);
    if (port != NULL)
        attention |= atomic_load_explicit(&port->pending, memory_order_relaxed);
    if (UNLIKELY(attention != 0))
        return fast_noticed(self, from, next, message, port);
    return (struct user_exit){next, message};
}

/* A receiver of this CPU that can be switched to; it stays in its list. */
INLINE struct thread *fast_receiver(const struct port_shard *shard)
{
    struct list *first = shard->receivers.next;
    struct thread *thread = fast_thread(first);
    if (UNLIKELY(first == &shard->receivers || !thread->fast || thread->reply == NULL ||
                 thread->serving != thread->reply))
        return NULL;
    return thread;
}

/* Hands the message in the caller's registers to a receiver of this CPU, and goes there. */
INLINE struct user_exit fast_hand(struct cpu *self, struct thread *caller, struct port *port,
                                  enum message_kind kind, uint64_t badge, uint64_t bytes)
{
    struct port_shard *shard = &port->shards[self->number];
    spinlock_enter(&shard->lock);
    struct thread *server = fast_receiver(shard);
    if (UNLIKELY(server == NULL)) {
        spinlock_exit(&shard->lock);
        return NOT_PLAIN;
    }
    list_unlink(&server->wait);
    thread_set_status(server, THREAD_RUNNING);
    spinlock_exit(&shard->lock);
    struct reply *reply = server->reply;
    arch_thread_leave(self, caller);
    caller->reply = reply;
    caller->server = server;
    caller->fast = true;
    caller->sending = (uint8_t)kind;
    thread_set_status(caller, kind == MESSAGE_call ? THREAD_REPLY : THREAD_FAULT);
    /* From here on others may answer or cancel the caller; its frame is only read. */
    if (!fast_change(reply, (uintptr_t)server | REPLY_WAITED_TAG, (uintptr_t)caller))
        return fast_undo_call(self, caller, server);
    if (server->effective < caller->effective)
        server->effective = caller->effective;
    fast_bytes(bytes, server, caller);
    frame_set_control(&server->frame,
                      bytes << CONTROL_BYTES_SHIFT | (uint64_t)kind << CONTROL_KIND_SHIFT);
    frame_set_operand(&server->frame, 0, badge);
    if (kind != MESSAGE_fault)
        return fast_switch(self, caller, server, &caller->frame, NULL);
    frame_set_label(&server->frame, 0);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        frame_set_word(&server->frame, i, i < COUNT_OF(caller->fault) ? caller->fault[i] : 0);
    return fast_switch(self, caller, server, &server->frame, NULL);
}

INLINE struct user_exit fast_call(struct cpu *self, struct thread *caller, uint64_t bytes)
{
    const struct trap_frame *frame = &caller->frame;
    struct object *object;
    struct slot *slot = fast_find(caller, frame_operand(frame, 0), RIGHT_send, &object);
    if (UNLIKELY(object == NULL || frame_operand(frame, 2) != DEADLINE_NEVER))
        return NOT_PLAIN;
    return fast_hand(self, caller, CONTAINER_OF(object, struct port, object), MESSAGE_call,
                     slot->badge, bytes);
}

struct user_exit fast_fault(struct cpu *self, struct thread *caller)
{
    bool foreign = caller->foreign != NULL;
    return fast_hand(self, caller, foreign ? caller->foreign : caller->handler, MESSAGE_fault,
                     foreign ? caller->foreign_badge : caller->handler_badge, 0);
}

/* A foreign call, whatever its control register says. */
INLINE struct user_exit fast_foreign(struct cpu *self, struct thread *caller)
{
    bool old = frame_entered_old(&caller->frame);
    return fast_hand(self, caller, caller->foreign, old ? MESSAGE_foreign_old : MESSAGE_foreign,
                     caller->foreign_badge, 0);
}

INLINE bool fast_is_foreign(const struct thread *caller)
{
    return caller->sending == MESSAGE_foreign || caller->sending == MESSAGE_foreign_old;
}

/* Held by a foreign call or fault, or by a kick that came between calls. */
INLINE bool fast_is_held(const struct thread *caller)
{
    return thread_status(caller) == THREAD_FAULT && caller->resume == RESUME_USER;
}

/* The caller that `reply` binds, if it can be switched to with `server` left waiting. */
INLINE struct thread *fast_caller(const struct cpu *self, const struct thread *server,
                                  const struct reply *reply)
{
    uintptr_t word = atomic_load_explicit(&reply->word, memory_order_acquire);
    if (UNLIKELY((word & REPLY_TAGS) != 0 || server->serving != reply))
        return NULL;
    struct thread *caller = reply_thread(word);
    if (UNLIKELY(!caller->fast || caller->cpu != self->number))
        return NULL;
    if (UNLIKELY(thread_status(caller) != THREAD_REPLY) && !fast_is_held(caller))
        return NULL;
    uint32_t top = atomic_load_explicit(&self->ready_top, memory_order_relaxed);
    return LIKELY(caller->effective + 1u >= top) ? caller : NULL;
}

INLINE struct user_exit fast_reply_receive(struct cpu *self, struct thread *server, uint64_t bytes,
                                           enum answer_way way)
{
    const struct trap_frame *frame = &server->frame;
    struct object *object;
    (void)fast_find(server, frame_operand(frame, 1), RIGHT_answer, &object);
    if (UNLIKELY(object == NULL || frame_operand(frame, 2) != DEADLINE_NEVER))
        return NOT_PLAIN;
    struct reply *reply = CONTAINER_OF(object, struct reply, object);
    struct thread *caller = fast_caller(self, server, reply);
    if (UNLIKELY(caller == NULL))
        return NOT_PLAIN;
    (void)fast_find(server, frame_operand(frame, 0), RIGHT_receive, &object);
    struct port *port = object == NULL ? NULL : CONTAINER_OF(object, struct port, object);
    if (UNLIKELY(port == NULL || atomic_load_explicit(&port->pending, memory_order_relaxed) != 0))
        return NOT_PLAIN;
    arch_thread_leave(self, server);
    if (!fast_change(reply, (uintptr_t)caller, (uintptr_t)server | REPLY_WAITED_TAG))
        return NOT_PLAIN;
    thread_set_status(caller, THREAD_RUNNING);
    if (LIKELY(caller->sending == MESSAGE_call)) {
        fast_bytes(bytes, caller, server);
        frame_set_control(&caller->frame, bytes << CONTROL_BYTES_SHIFT);
        frame_set_operand(&caller->frame, 0, 0);
        frame_copy_message(&caller->frame, frame);
    } else if (way == ANSWER_RESULT && fast_is_foreign(caller)) {
        frame_set_result(&caller->frame, frame_word(frame, 0));
    }
    server->reply = reply;
    server->effective = server->priority;
    fast_publish(self, server, port);
    return fast_switch(self, server, caller, &caller->frame, port);
}

/* A thread whose calls are not native, or are to be aborted. */
ARCH_ENTRY OUTLINE struct user_exit enter_special(struct cpu *self, struct thread *thread)
{
    if (LIKELY(thread->foreign != NULL) && !restart_mode()) {
        struct user_exit next = fast_foreign(self, thread);
        if (LIKELY(next.thread != NULL))
            return next;
    }
    call_now(self, thread);
    return user_leave(self);
}

/* The long way out: a call that waits or is made again, or somebody wants something. */
ARCH_ENTRY OUTLINE struct user_exit enter_leave(struct cpu *self, struct thread *thread)
{
    (void)thread;
    return user_leave(self);
}

ARCH_ENTRY struct user_exit enter_general(struct cpu *self, struct thread *thread)
{
    uint64_t number = control_number(frame_control(&thread->frame));
    if (UNLIKELY(thread->special)) __attribute__
        ((musttail)) return enter_special(self, thread);
    cpu_metric_add(self, METRIC_system_calls, 1);
    outcome_t outcome = syscall_table[number](self, thread);
    if (CONFIG_DEBUG)
        syscall_check(number, outcome);
    if (LIKELY(outcome >= 0)) {
        frame_set_control(&thread->frame, (uint64_t)outcome);
        if (LIKELY(!user_wanted(self, thread)))
            return (struct user_exit){thread, &thread->frame};
    }
    if (outcome == CALL_AGAIN)
        thread->resume = RESUME_CALL;
    __attribute__((musttail)) return enter_leave(self, thread);
}

ARCH_ENTRY OUTLINE struct user_exit enter_call(struct cpu *self, struct thread *thread)
{
    uint64_t bytes = frame_control(&thread->frame) >> CONTROL_BYTES_SHIFT;
    struct user_exit next = NOT_PLAIN;
    if (LIKELY(bytes <= MESSAGE_PAGE))
        next = fast_call(self, thread, bytes);
    if (LIKELY(next.thread != NULL))
        return next;
    __attribute__((musttail)) return enter_general(self, thread);
}

ARCH_ENTRY OUTLINE struct user_exit enter_reply_receive(struct cpu *self, struct thread *thread);

/* An answer with a range: when that is copied it is an answer as any other. */
ARCH_ENTRY OUTLINE struct user_exit enter_reply_range(struct cpu *self, struct thread *thread)
{
    uint64_t control = frame_control(&thread->frame);
    struct object *port, *reply;
    (void)fast_find(thread, frame_operand(&thread->frame, 0), RIGHT_receive, &port);
    (void)fast_find(thread, frame_operand(&thread->frame, 1), RIGHT_answer, &reply);
    if (port == NULL || reply == NULL ||
        answer_range(thread, CONTAINER_OF(reply, struct reply, object)) != OK) __attribute__
        ((musttail)) return enter_general(self, thread);
    frame_set_control(&thread->frame, control & ~CONTROL_RANGE);
    __attribute__((musttail)) return enter_reply_receive(self, thread);
}

ARCH_ENTRY OUTLINE struct user_exit enter_reply_receive(struct cpu *self, struct thread *thread)
{
    uint64_t bytes = frame_control(&thread->frame) >> CONTROL_BYTES_SHIFT;
    struct user_exit next = NOT_PLAIN;
    enum answer_way way = ANSWER_RESULT;
    if (UNLIKELY(bytes == (uint64_t)ANSWER_RESUME << (CONTROL_WAY_SHIFT - CONTROL_BYTES_SHIFT))) {
        way = ANSWER_RESUME;
        bytes = 0;
    }
    if (LIKELY(bytes <= MESSAGE_PAGE))
        next = fast_reply_receive(self, thread, bytes, way);
    if (LIKELY(next.thread != NULL))
        return next;
    if ((frame_control(&thread->frame) & CONTROL_RANGE) != 0) __attribute__
        ((musttail)) return enter_reply_range(self, thread);
    __attribute__((musttail)) return enter_general(self, thread);
}

typedef struct user_exit (*enter_t)(struct cpu *self, struct thread *thread) ARCH_ENTRY;

/* By call number. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
static const enter_t enter_table[CONTROL_NUMBERS] = {
    [0 ... CONTROL_NUMBERS - 1] = enter_general,
    [CALL_port_send] = enter_send,
    [CALL_port_receive] = enter_receive,
    [CALL_port_call] = enter_call,
    [CALL_port_reply_receive] = enter_reply_receive,
    [CALL_port_signal] = enter_signal,
    [CALL_yield] = enter_yield,
};
#pragma clang diagnostic pop

ARCH_ENTRY struct user_exit syscall_enter(struct cpu *self, struct thread *thread)
{
    debug_assert(self == cpu_self() && self->current == thread && !arch_irq_enabled());
    debug_assert(thread_status(thread) == THREAD_RUNNING && thread->resume == RESUME_USER);
    uint64_t number = control_number(frame_control(&thread->frame));
    __attribute__((musttail)) return enter_table[number](self, thread);
}
