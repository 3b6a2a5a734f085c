/* The fast path (fast.h). What it does is what send.c, receive.c and reply.c do, in one piece. */
#include "ipc/fast.h"
#include "ipc/queue.h"
#include "ipc/reply.h"
#include "lib/string.h"
#include "sched/sched.h"
#include "syscall/call.h"
#include "syscall/entry.h"

#define NOT_PLAIN (struct user_exit){NULL, NULL}

static inline struct object *fast_object(const struct thread *thread, uint64_t handle,
                                         uint32_t right, struct slot **slot)
{
    *slot = slot_find(&thread->process->table, (slot_t){handle});
    if (*slot == NULL || ((*slot)->rights & right) == 0)
        return NULL;
    return slot_object(*slot);
}

/* A receiver of this CPU that can be switched to; it stays in its list. */
static inline struct thread *fast_receiver(const struct port_shard *shard)
{
    if (list_empty(&shard->receivers))
        return NULL;
    struct thread *thread = CONTAINER_OF(shard->receivers.next, struct thread, wait);
    if (!thread->fast || thread->reply == NULL || thread->serving != thread->reply)
        return NULL;
    return thread;
}

/* Control words differ from the plain one in `bytes` alone. */
static inline void fast_bytes(uint64_t control, struct thread *to, const struct thread *from)
{
    uint64_t bytes = control >> CONTROL_BYTES_SHIFT;
    if (__builtin_expect(bytes != 0, 0))
        memcpy(to->page, from->page, bytes);
}

/*
 * From here on `next` runs: its space and state are loaded. The switch is a full barrier; whoever
 * set `attention` of one of the two before it could see the new `status` is noticed here.
 */
static inline struct user_exit fast_switch(struct cpu *self, struct thread *from,
                                           struct thread *next)
{
    self->current = next;
    arch_space_switch(self, &next->process->space.arch);
    arch_thread_switch(self, next);
    cpu_metric_add(self, METRIC_ipc_fast, 1);
    uint32_t attention = atomic_load_explicit(&next->attention, memory_order_relaxed) |
                         atomic_load_explicit(&from->attention, memory_order_relaxed);
    if (__builtin_expect(attention != 0, 0))
        return fast_attend(self, from, next);
    return (struct user_exit){next, &from->frame};
}

struct user_exit fast_call(struct cpu *self, struct thread *caller, uint64_t control)
{
    struct slot *slot;
    const struct trap_frame *frame = &caller->frame;
    struct object *object =
        fast_object(caller, frame_operand(frame, 0), RIGHT_send, &slot);
    if (object == NULL || frame_operand(frame, 2) != DEADLINE_NEVER)
        return NOT_PLAIN;
    struct port *port = CONTAINER_OF(object, struct port, object);
    struct port_shard *shard = &port->shards[self->number];
    spinlock_enter(&shard->lock);
    struct thread *server = fast_receiver(shard);
    if (server == NULL) {
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
    caller->sending = MESSAGE_call;
    thread_set_status(caller, THREAD_REPLY);
    uintptr_t waited = (uintptr_t)server | REPLY_WAITED_TAG;
    if (__builtin_expect(!atomic_compare_exchange_strong_explicit(
                             &reply->word, &waited, (uintptr_t)caller, memory_order_release,
                             memory_order_relaxed),
                         0))
        return fast_undo_call(self, caller, server);
    if (server->effective < caller->effective)
        server->effective = caller->effective;
    fast_bytes(control - CALL_port_call, server, caller);
    frame_set_control(&server->frame, (control - CALL_port_call) |
                                          MESSAGE_call << CONTROL_KIND_SHIFT);
    frame_set_operand(&server->frame, 0, slot->badge);
    return fast_switch(self, caller, server);
}

/* The caller that `reply` binds, if it can be switched to with `server` left waiting. */
static inline struct thread *fast_caller(const struct cpu *self, const struct thread *server,
                                         const struct reply *reply)
{
    uintptr_t word = atomic_load_explicit(&reply->word, memory_order_acquire);
    if (word == REPLY_FREE || (word & 3) != 0 || server->serving != reply)
        return NULL;
    struct thread *caller = reply_thread(word);
    if (!caller->fast || thread_status(caller) != THREAD_REPLY || caller->cpu != self->number)
        return NULL;
    uint32_t top = atomic_load_explicit(&self->ready_top, memory_order_relaxed);
    return (uint32_t)caller->effective + 1 < top ? NULL : caller;
}

struct user_exit fast_reply_receive(struct cpu *self, struct thread *server, uint64_t control)
{
    struct slot *slot;
    const struct trap_frame *frame = &server->frame;
    struct object *object = fast_object(server, frame_operand(frame, 1), RIGHT_answer, &slot);
    if (object == NULL || frame_operand(frame, 2) != DEADLINE_NEVER)
        return NOT_PLAIN;
    struct reply *reply = CONTAINER_OF(object, struct reply, object);
    struct thread *caller = fast_caller(self, server, reply);
    if (caller == NULL)
        return NOT_PLAIN;
    object = fast_object(server, frame_operand(frame, 0), RIGHT_receive, &slot);
    struct port *port = CONTAINER_OF(object, struct port, object);
    if (object == NULL || atomic_load_explicit(&port->pending, memory_order_relaxed) != 0)
        return NOT_PLAIN;
    arch_thread_leave(self, server);
    uintptr_t bound = (uintptr_t)caller;
    uintptr_t waited = (uintptr_t)server | REPLY_WAITED_TAG;
    if (!atomic_compare_exchange_strong_explicit(&reply->word, &bound, waited,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return NOT_PLAIN;
    fast_bytes(control - CALL_port_reply_receive, caller, server);
    thread_set_status(caller, THREAD_RUNNING);
    frame_set_control(&caller->frame, control - CALL_port_reply_receive);
    frame_set_operand(&caller->frame, 0, 0);
    server->reply = reply;
    server->effective = server->priority;
    server->fast = true;
    server->place = port;
    server->shard = self->number;
    struct port_shard *shard = &port->shards[self->number];
    spinlock_enter(&shard->lock);
    list_add_first(&shard->receivers, &server->wait);
    thread_set_status(server, THREAD_RECEIVE);
    spinlock_exit(&shard->lock);
    struct user_exit next = fast_switch(self, server, caller);
    if (__builtin_expect(atomic_load_explicit(&port->pending, memory_order_relaxed) == 0, 1))
        return next;
    if (next.message != &caller->frame)
        frame_copy_message(&caller->frame, next.message);
    port_wake_receiver(port);
    return user_leave(self);
}
