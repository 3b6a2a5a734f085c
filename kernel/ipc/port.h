/*
 * Ports and reply objects: messages, calls, signal bits.
 *
 * A port has, per CPU, a *shard*: the threads that wait to receive and ran on that CPU; and one
 * queue of what nobody has taken yet: stored messages (depth above 0), by arrival, then threads in
 * *send*, by priority, then by arrival. A message takes a receiver of its own CPU's shard, else
 * another's.
 *
 *     receiver: publish in shard; full barrier; look at `pending`; if there is: claim itself back
 *     sender:   put into the queue, raise `pending`; full barrier; look at the shards
 *
 * so one of the two sees the other. `pending` counts queued ones and is 1 more while signal bits
 * are set.
 *
 * A reply object is one word: free; waited (a receiver will bind it); bound (a thread in reply or
 * fault); dead. It goes free -> waited -> bound -> free, each by its owner or by exchange:
 *     waited  by the receiving thread; back to free by who claims that thread
 *     bound   by who delivers to that receiver
 *     free    by who answers, or by who claims the caller (cancels it)
 *
 * Locks: a shard's lock for its list (rank shard); the port's lock for the queue (rank port).
 * Deliver takes no two of them at once.
 */
#pragma once

#include "obj/object.h"
#include "obj/thread.h"
#include "sched/deadline.h"

struct port_shard {
    struct spinlock lock;  /* rank shard */
    struct list receivers; /* of struct thread.wait, first come first served */
    uint64_t padding[4];
} __attribute__((aligned(64)));

struct port {
    struct object object;
    _Atomic(uint32_t) pending; /* see above */
    _Atomic(uint32_t) closed;  /* nobody can ever receive (bit 0), or send (bit 1) */
    _Atomic(uint64_t) signals; /* bits set and not yet received */
    uint32_t depth;            /* messages it stores; constant */
    _Atomic(uint32_t) receiver_caps, sender_caps; /* capabilities with such rights; object lock */
    _Atomic(uint32_t) sources;   /* timers, irqs and threads that send to it without a capability */
    _Atomic(uint32_t) ending;    /* not 0: the reaper lets go of who waits (port.c) */
    struct spinlock lock;        /* rank port: what follows */
    struct deadline_queue queue; /* of thread.queued and of struct stored_message */
    uint32_t stored;             /* messages in the queue, or room kept for them; at most depth,
                                  * but for what comes beyond it */
    uint32_t senders;            /* threads in the queue whose message could be stored */
    uint32_t shard_count;        /* constant: CPUs */
    struct port_shard shards[];  /* by CPU number */
};

/* Of the word: no tag, and it is a thread that is bound; held: the same, while somebody looks at it
 * (obj/hold.h), who alone may take it out. */
enum {
    REPLY_WAITED_TAG = 1,
    REPLY_HELD_TAG = 2,
    REPLY_FREE = 2, /* and no thread */
    REPLY_DEAD = 3,
    REPLY_TAGS = 3,
};

struct reply {
    struct object object;
    _Atomic(uintptr_t) word; /* a thread that is bound; a thread + REPLY_WAITED_TAG; free; dead */
    _Atomic(struct thread *) server; /* whose `serving` names this; see below */
};

/*
 * Lending. A thread that receives with a reply object is linked with it, both ways (`serving`,
 * `server`), until it receives with another, and the caller bound to the object names the thread
 * that took its call (`thread.server`). The caller lends while all three agree. The link is made
 * by the thread if the object has none, and broken by the thread's owner alone; a retiring object
 * waits for that.
 */

/* The caller that lends to `server` now, or NULL. Valid until the CPU leaves the kernel. */
struct thread *reply_lender(const struct thread *server);

error_t port_create(struct job *job, uint32_t depth, struct port **result);
error_t reply_create(struct job *job, struct reply **result);

/* Who sends without a capability (a timer, an interrupt, a thread's faults) is a source: it keeps
 * a reference, and receivers wait on while there is one. False if the port is retiring. */
bool port_source_get(struct port *port);
void port_source_put(struct port *port);

extern const struct object_ops port_ops;

/* Sets signal bits and wakes a receiver. Any context, also interrupts; takes shard and run queue
 * locks. */
void port_signal(struct port *port, uint64_t bits);

/*
 * The same for the handler of an interrupt of user mode, or between two steps of a call: the
 * current thread may be another one afterwards. No lock is held.
 */
void port_interrupt(struct cpu *self, struct port *port, uint64_t bits);
