/* A port's receivers and its queue (queue.h). */
#include "ipc/queue.h"
#include "ipc/reply.h"
#include "lib/assert.h"
#include "sched/sched.h"

/* Marks the queue's nodes that are stored messages; never called, for they have no time. */
static void stored_marker(struct deadline *deadline)
{
    (void)deadline;
    assert(false);
}

void port_publish(struct port *port, struct thread *thread)
{
    struct port_shard *shard = &port->shards[cpu_self()->number];
    debug_assert(cpu_self()->number < port->shard_count);
    thread_set_shard(thread, port, cpu_self()->number);
    spinlock_enter(&shard->lock);
    list_add_first(&shard->receivers, &thread->wait);
    atomic_store_explicit(&thread->status, THREAD_RECEIVE, memory_order_release);
    spinlock_exit(&shard->lock);
    atomic_thread_fence(memory_order_seq_cst);
}

/* A look without the lock; who needs to be sure has passed a full barrier before. */
static bool shard_empty(const struct port_shard *shard)
{
    return *(struct list *const volatile *)&shard->receivers.next == &shard->receivers;
}

static struct thread *shard_take(struct port_shard *shard)
{
    struct thread *thread = NULL;
    if (shard_empty(shard))
        return NULL;
    spinlock_enter(&shard->lock);
    if (!list_empty(&shard->receivers)) {
        thread = CONTAINER_OF(shard->receivers.next, struct thread, wait);
        list_unlink(&thread->wait);
        debug_assert(thread_status(thread) == THREAD_RECEIVE);
        thread_set_status(thread, THREAD_CLAIMED);
    }
    spinlock_exit(&shard->lock);
    return thread;
}

struct thread *port_take_receiver(struct port *port)
{
    uint32_t own = cpu_self()->number;
    struct thread *thread = own < port->shard_count ? shard_take(&port->shards[own]) : NULL;
    for (uint32_t i = 0; thread == NULL && i < port->shard_count; i++)
        thread = shard_take(&port->shards[i]);
    return thread;
}

bool port_has_receiver(const struct port *port)
{
    for (uint32_t i = 0; i < port->shard_count; i++)
        if (!shard_empty(&port->shards[i]))
            return true;
    return false;
}

bool port_unpublish(struct port *port, struct thread *thread)
{
    uint32_t number = __atomic_load_n(&thread->shard, __ATOMIC_RELAXED);
    if (number >= port->shard_count)
        return false;
    struct port_shard *shard = &port->shards[number];
    spinlock_enter(&shard->lock);
    /* Acquire: it may wait elsewhere by now, under a lock that is not ours. */
    bool there = atomic_load_explicit(&thread->status, memory_order_acquire) == THREAD_RECEIVE &&
                 thread_in_shard(thread, port, number);
    if (there) {
        list_unlink(&thread->wait);
        thread_set_status(thread, THREAD_CLAIMED);
    }
    spinlock_exit(&shard->lock);
    return there;
}

/*
 * Stored messages come first, in the order in which they came: else what a thread sends while there
 * is no room could overtake what it sent before. 0 is no key, so that all are behind it.
 */
enum { KEY_TAKEN = 1, KEY_STORED, KEY_THREAD };

static void queue_add_locked(struct port *port, struct deadline *node, uint64_t key)
{
    debug_assert(spinlock_held(&port->lock));
    (void)deadline_insert(&port->queue, node, key);
    atomic_fetch_add_explicit(&port->pending, 1, memory_order_relaxed);
}

/* Out of the queue, and the owner's: its place was `node`. */
static void sender_take_locked(struct port *port, struct thread *thread)
{
    thread_set_status(thread, THREAD_CLAIMED);
    port->senders -= thread->sending == MESSAGE_send;
}

uint64_t port_turn(const struct thread *thread)
{
    assert(thread->queued.sequence < PORT_TURNS_MAX && thread->queued.time_ns <= UINT8_MAX);
    return thread->queued.time_ns << PORT_TURN_SHIFT | (thread->queued.sequence + 1);
}

/*
 * A sender that was frozen gets its old place, but never one that its priority could not have got
 * it; those that come later stand behind it.
 */
static void queue_turn_locked(struct port *port, struct thread *thread)
{
    const uint64_t last = KEY_THREAD + SCHED_PRIORITIES;
    uint64_t next = port->queue.sequence, key = last - (uint64_t)thread->effective;
    uint64_t turn = thread->order & (PORT_TURNS_MAX * 2 - 1);
    debug_assert(spinlock_held(&port->lock) && turn <= PORT_TURNS_MAX);
    if (turn != 0) {
        uint64_t best = max_u64(thread->sched.base, thread->effective);
        key = max_u64(thread->order >> PORT_TURN_SHIFT, last - best);
        port->queue.sequence = turn - 1;
    }
    queue_add_locked(port, &thread->queued, key);
    port->queue.sequence = max_u64(next, port->queue.sequence);
    thread->order = 0;
}

bool port_enqueue(struct port *port, struct thread *thread)
{
    spinlock_enter(&port->lock);
    bool deaf = port_deaf(port);
    if (!deaf) {
        __atomic_store_n(&thread->place, port, __ATOMIC_RELAXED);
        atomic_store_explicit(&thread->status, THREAD_SEND, memory_order_release);
        thread->queued.fire = NULL;
        port->senders += thread->sending == MESSAGE_send;
        queue_turn_locked(port, thread);
    }
    spinlock_exit(&port->lock);
    atomic_thread_fence(memory_order_seq_cst);
    return !deaf;
}

bool port_unqueue(struct port *port, struct thread *thread)
{
    spinlock_enter(&port->lock);
    bool there = thread_place(thread, THREAD_SEND) == port;
    if (there) {
        assert(thread->queued.queued);
        sender_take_locked(port, thread);
        (void)deadline_remove(&port->queue, &thread->queued);
        atomic_fetch_sub_explicit(&port->pending, 1, memory_order_relaxed);
    }
    spinlock_exit(&port->lock);
    return there;
}

error_t port_keep_room(struct port *port, bool beyond)
{
    error_t error = OK;
    spinlock_enter(&port->lock);
    if (port_deaf(port))
        error = ERR_dead;
    else if (!beyond && (port->stored >= port->depth || port->senders != 0))
        error = ERR_full;
    else
        port->stored++;
    spinlock_exit(&port->lock);
    return error;
}

bool port_store(struct port *port, struct stored_message *stored, bool taken)
{
    spinlock_enter(&port->lock);
    bool deaf = port_deaf(port);
    port->stored += taken;
    if (deaf) {
        port->stored--;
    } else {
        deadline_init(&stored->queued, stored_marker);
        queue_add_locked(port, &stored->queued, taken ? KEY_TAKEN : KEY_STORED);
    }
    spinlock_exit(&port->lock);
    atomic_thread_fence(memory_order_seq_cst);
    return !deaf;
}

struct thread *queue_thread(struct deadline *node)
{
    return node->fire == stored_marker ? NULL : CONTAINER_OF(node, struct thread, queued);
}

struct queue_entry port_dequeue(struct port *port)
{
    struct queue_entry entry = {NULL, NULL};
    spinlock_enter(&port->lock);
    struct deadline *first = deadline_first(&port->queue);
    if (first != NULL) {
        (void)deadline_remove(&port->queue, first);
        atomic_fetch_sub_explicit(&port->pending, 1, memory_order_relaxed);
        if (first->fire == stored_marker) {
            debug_assert(port->stored > 0);
            port->stored--;
            entry.stored = CONTAINER_OF(first, struct stored_message, queued);
        } else {
            entry.thread = CONTAINER_OF(first, struct thread, queued);
            debug_assert(thread_status(entry.thread) == THREAD_SEND);
            sender_take_locked(port, entry.thread);
        }
    }
    spinlock_exit(&port->lock);
    return entry;
}
