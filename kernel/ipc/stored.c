/* Messages that a port keeps (stored.h). */
#include "ipc/stored.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define SLOTS (1 + MESSAGE_CAPS_MAX) /* a chunk's first is its head */

/*
 * Capabilities on their way: a page that is a table of its own, with as many slots as a message can
 * need. It outlives its message by the grace periods of its slots.
 */
struct transit {
    struct slot slots[SLOTS];
    struct slot *_Atomic directory[1];
    struct slot_table table;
    struct job *job; /* a reference: it pays for the page */
    struct reclaim ending;
};
_Static_assert(sizeof(struct transit) <= PAGE_SIZE, "one page");

static struct transit *transit_make(struct job *job)
{
    phys_t frame;
    if (job_frame_alloc(job, cpu_self()->node, &frame) != OK)
        return NULL;
    struct transit *transit = phys_to_virt(frame);
    transit->job = job;
    object_get(&job->object);
    slot_table_init_one(&transit->table, transit->directory, transit->slots, SLOTS);
    return transit;
}

static void transit_free(struct reclaim *reclaim)
{
    struct transit *transit = CONTAINER_OF(reclaim, struct transit, ending);
    struct job *job = transit->job;
    job_frame_free(job, virt_to_phys(transit));
    object_put(&job->object);
}

/* For the reaper: all capabilities are deleted, and then nobody knows the slots any more. */
static bool transit_end_step(struct reclaim *reclaim)
{
    struct transit *transit = CONTAINER_OF(reclaim, struct transit, ending);
    if (!slot_table_clear(&transit->table, SLOTS))
        return false;
    reclaim_after(reclaim, transit_free);
    return true;
}

void stored_drop(struct port *port, struct stored_message *stored)
{
    if (stored->transit != NULL)
        reap_steps(&stored->transit->ending, transit_end_step);
    job_release(port->object.job, stored, stored->size);
}

/* With an empty transit if it has capabilities; NULL without memory. */
static struct stored_message *stored_make(struct job *job, const struct message *message)
{
    size_t size = sizeof(struct stored_message) + message->bytes;
    struct transit *transit = message->caps != 0 ? transit_make(job) : NULL;
    struct stored_message *stored =
        message->caps == 0 || transit != NULL ? job_alloc(job, size) : NULL;
    if (stored == NULL) {
        if (transit != NULL)
            reap_steps(&transit->ending, transit_end_step);
        return NULL;
    }
    stored->size = size;
    stored->transit = transit;
    stored->message = *message;
    stored->message.page = stored + 1;
    if (message->page != NULL)
        memcpy(stored + 1, message->page, message->bytes);
    return stored;
}

/* From the sender's table into its own; the message then moves them on from there. */
static void caps_store(struct stored_message *stored)
{
    struct message *message = &stored->message;
    error_t error = message_prepare(message, &stored->transit->table);
    assert(error == OK); /* it has a slot for each */
    message_move_caps(message);
    message->table = &stored->transit->table;
    message->moved = (1u << MESSAGE_CAPS_MAX) - 1;
}

/* None of a message's capabilities lets receive: one that does is never stored (stored.h). */
static bool caps_storable(const struct message *message)
{
    for (uint32_t i = 0; i < message->caps; i++) {
        const struct slot *slot = slot_find(message->table, message_cap(message, i));
        if (slot != NULL && (slot->rights & RIGHT_receive) != 0)
            return false;
    }
    return true;
}

error_t message_store(struct port *port, const struct message *message, bool beyond)
{
    if ((port->depth == 0 && !beyond) || !caps_storable(message))
        return ERR_full;
    struct stored_message *stored = stored_make(port->object.job, message);
    if (stored == NULL)
        return ERR_no_memory;
    error_t error = port_keep_room(port, beyond);
    if (error != OK) {
        stored_drop(port, stored);
        return error;
    }
    if (stored->transit != NULL)
        caps_store(stored);
    if (port_store(port, stored, false))
        port_wake_receiver(port);
    else
        stored_drop(port, stored);
    return OK;
}

error_t stored_take(struct port *port, struct stored_message *stored, struct thread *receiver)
{
    error_t error = message_prepare(&stored->message, &receiver->process->table);
    if (error != OK) {
        if (!port_store(port, stored, true))
            stored_drop(port, stored);
        return error;
    }
    message_deliver(&stored->message, receiver);
    stored_drop(port, stored);
    return OK;
}

struct slot *stored_cap(const struct stored_message *stored, uint32_t i)
{
    return slot_find(stored->message.table, message_cap(&stored->message, i));
}
