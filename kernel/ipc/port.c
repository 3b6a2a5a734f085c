/* Ports: their life (port.h). */
#include "ipc/port.h"
#include "ipc/queue.h"
#include "ipc/stored.h"
#include "ipc/transfer.h"
#include "ipc/word.h"
#include "lib/assert.h"
#include "mem/heap.h"
#include "sched/sched.h"

#define RETIRE_BUDGET 16 /* threads and messages per step */
#define GONE_BUDGET   4  /* when a capability goes */

error_t port_create(struct job *job, uint32_t depth, struct port **result)
{
    if (depth > PORT_DEPTH_MAX)
        return ERR_bad_argument;
    uint32_t cpus = atomic_load_explicit(&cpu_count, memory_order_acquire);
    struct object *object;
    error_t error = object_make(job, OBJECT_port,
                                sizeof(struct port) + cpus * sizeof(struct port_shard), &object);
    if (error != OK)
        return error;
    struct port *port = CONTAINER_OF(object, struct port, object);
    port->depth = depth;
    port->shard_count = cpus;
    spinlock_init(&port->lock, LOCK_RANK_port);
    for (uint32_t i = 0; i < cpus; i++) {
        spinlock_init(&port->shards[i].lock, LOCK_RANK_shard);
        list_init(&port->shards[i].receivers);
    }
    *result = port;
    return OK;
}

static void port_cap_added(struct object *object, rights_t rights)
{
    struct port *port = CONTAINER_OF(object, struct port, object);
    if ((rights.bits & RIGHT_receive) != 0)
        atomic_fetch_add(&port->receiver_caps, 1);
    if ((rights.bits & (RIGHT_send | RIGHT_signal)) != 0)
        atomic_fetch_add(&port->sender_caps, 1);
}

static void port_cap_removed(struct object *object, rights_t rights)
{
    struct port *port = CONTAINER_OF(object, struct port, object);
    if ((rights.bits & RIGHT_receive) != 0)
        atomic_fetch_sub(&port->receiver_caps, 1);
    if ((rights.bits & (RIGHT_send | RIGHT_signal)) != 0)
        atomic_fetch_sub(&port->sender_caps, 1);
}

/* Nobody can ever send here again: who waits to receive is told. True if none is left. */
static bool port_end_receivers(struct port *port, uint32_t budget)
{
    atomic_fetch_or(&port->closed, CLOSED_SENDERS);
    atomic_fetch_or(&port->pending, PORT_CLOSED);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < budget; i++) {
        struct thread *thread = port_take_receiver(port);
        if (thread == NULL)
            return true;
        receive_fail(thread, ERR_dead);
    }
    return false;
}

/* Nobody can ever receive here again: what waits is let go. True if nothing is left. */
static bool port_end_senders(struct port *port, uint32_t budget)
{
    atomic_fetch_or(&port->closed, CLOSED_RECEIVERS);
    for (uint32_t i = 0; i < budget; i++) {
        struct queue_entry entry = port_dequeue(port);
        if (entry.thread != NULL)
            send_fail(entry.thread, ERR_dead);
        else if (entry.stored != NULL)
            stored_drop(port, entry.stored);
        else
            return true;
    }
    return false;
}

/* Nothing comes any more: receivers issue their calls again, and take what is left or are told. */
static bool port_recall_receivers(struct port *port, uint32_t budget)
{
    atomic_fetch_or(&port->pending, PORT_CLOSED);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < budget; i++) {
        struct thread *thread = port_take_receiver(port);
        if (thread == NULL)
            return true;
        receive_again(thread);
    }
    return false;
}

/* What follows from nobody being able to receive, or to send; true when all is done. */
static bool port_end_some(struct port *port, uint32_t budget)
{
    bool deaf = atomic_load(&port->receiver_caps) == 0;
    bool mute = atomic_load(&port->sender_caps) == 0 && atomic_load(&port->sources) == 0;
    if (deaf && !port_end_senders(port, budget))
        return false;
    return (!deaf && !mute) || port_recall_receivers(port, budget);
}

/* The reaper's, with a reference; again if more was wanted meanwhile. */
static bool port_end_step(struct reclaim *reclaim)
{
    struct port *port = CONTAINER_OF(reclaim, struct port, object.reclaim);
    uint32_t wanted = atomic_load(&port->ending);
    if (!port_end_some(port, RETIRE_BUDGET) ||
        !atomic_compare_exchange_strong(&port->ending, &wanted, 0))
        return false;
    object_put(&port->object);
    return true;
}

/* Mostly that is few, which is done here. The object is live. */
static void port_cap_gone(struct object *object)
{
    struct port *port = CONTAINER_OF(object, struct port, object);
    if (!port_end_some(port, GONE_BUDGET)) {
        object_get(object);
        if (atomic_fetch_add(&port->ending, 1) == 0)
            reap_steps(&object->reclaim, port_end_step);
        else
            object_put(object);
    }
    if (port_deaf(port) && atomic_load(&port->sources) != 0)
        word_wake_pages(); /* it may be a pager's */
}

bool port_source_get(struct port *port)
{
    if (!object_try_get(&port->object))
        return false;
    atomic_fetch_add(&port->sources, 1);
    return true;
}

void port_source_put(struct port *port)
{
    assert(atomic_load(&port->sources) > 0);
    atomic_fetch_sub(&port->sources, 1);
    port_cap_gone(&port->object);
    object_put(&port->object);
}

static bool port_retire(struct object *object)
{
    struct port *port = CONTAINER_OF(object, struct port, object);
    return port_end_senders(port, RETIRE_BUDGET) && port_end_receivers(port, RETIRE_BUDGET);
}

static void port_free(struct object *object)
{
    struct port *port = CONTAINER_OF(object, struct port, object);
    assert(port->stored == 0 && deadline_first(&port->queue) == NULL);
    object_free(object);
}

const struct object_ops port_ops = {.name = "port",
                                    .cap_added = port_cap_added,
                                    .cap_removed = port_cap_removed,
                                    .cap_gone = port_cap_gone,
                                    .retire = port_retire,
                                    .free = port_free};
