/* A port's receivers and its queue, for the files of ipc/ (ipc/port.h has the rules). */
#pragma once

#include "ipc/message.h"

#define PORT_SIGNALLED ((uint32_t)1 << 30) /* in `pending`: signal bits are set */
#define PORT_CLOSED    ((uint32_t)1 << 31) /* in `pending`: no receive can succeed any more */

enum { CLOSED_RECEIVERS = 1, CLOSED_SENDERS = 2 }; /* bits of `closed` */

static inline bool port_deaf(const struct port *port)
{
    return (atomic_load(&port->closed) & CLOSED_RECEIVERS) != 0;
}

/* A message that waits for a receiver, with its bytes behind it (ipc/stored.h). */
struct stored_message {
    struct deadline queued;  /* key and order; its port's lock */
    struct message message;  /* `page` points behind this struct */
    size_t size;             /* of the whole block, for the charge */
    struct transit *transit; /* its capabilities, or NULL if it has none */
};

#define PORT_TURNS_MAX  (UINT64_C(1) << 48) /* of what was queued at a port since it was made */
#define PORT_TURN_SHIFT 56                  /* above it the key by priority, as it was then */

/* The place of a thread that was in a queue last, not 0. */
uint64_t port_turn(const struct thread *thread);

/* The thread that waits in the queue with this node, or NULL: it is a stored message's. */
struct thread *queue_thread(struct deadline *node);

/* What was taken from the queue: one of the two, or none. */
struct queue_entry {
    struct thread *thread;         /* owned by the caller, status send */
    struct stored_message *stored; /* likewise */
};

/* Where a thread is about to receive. Others look at it who do not own the thread (port_unpublish),
 * and believe it when its status says so under that shard's lock. */
static inline void thread_set_shard(struct thread *thread, struct port *port, uint32_t number)
{
    __atomic_store_n(&thread->place, port, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->shard, number, __ATOMIC_RELAXED);
}

static inline bool thread_in_shard(const struct thread *thread, const struct port *port,
                                   uint32_t number)
{
    return __atomic_load_n(&thread->place, __ATOMIC_RELAXED) == port &&
           __atomic_load_n(&thread->shard, __ATOMIC_RELAXED) == number;
}

/* Puts the running thread into the shard of its CPU; a full barrier follows. */
void port_publish(struct port *port, struct thread *thread);

/* A receiver, of this CPU if there is one; the caller owns it. NULL if none waits. */
struct thread *port_take_receiver(struct port *port);

/* True if a receiver waits anywhere. Reads only. */
bool port_has_receiver(const struct port *port);

/*
 * After something was queued, and a full barrier: receivers that published themselves meanwhile get
 * what is pending. Waking alone would not do: who is stopped before it looks leaves the message to
 * others, who sleep.
 */
void port_wake_receiver(struct port *port);

/* Takes `thread` out of its shard, or out of the queue; false if it is not there any more. */
bool port_unpublish(struct port *port, struct thread *thread);
bool port_unqueue(struct port *port, struct thread *thread);

/* Puts an owned thread into state send; a full barrier follows. False if the port is closed. */
bool port_enqueue(struct port *port, struct thread *thread);

/*
 * Keeps room for a message that will be stored, or takes it `beyond` the depth; dead; full also if
 * a thread waits to send, which came first.
 */
error_t port_keep_room(struct port *port, bool beyond);

/*
 * Stores a message that room was kept for, at the end, or in front of all if it was `taken` before.
 * False if the port is closed: then the room is free again. A full barrier follows.
 */
bool port_store(struct port *port, struct stored_message *stored, bool taken);

/* The best of the queue, taken out. */
struct queue_entry port_dequeue(struct port *port);
