/* What stands in the queues of sockets (socket.h). */
#include "socket.h"
#include <assert.h>
#include <stdlib.h>

static uint64_t used_bytes, limit_bytes = UINT64_MAX;

void packets_limit(uint64_t bytes)
{
    limit_bytes = bytes;
}

struct packet *packet_make(struct socket_message *message, uint64_t size, int64_t *error)
{
    *error = -ENOBUFS;
    if (used_bytes + size > limit_bytes)
        return NULL;
    struct packet *packet = malloc(sizeof(*packet) + size);
    if (packet == NULL)
        return NULL;
    *packet = (struct packet){.from = message->from};
    int64_t got = size != 0 ? transfer_get(&message->transfer, packet->bytes, size) : 0;
    if (got < 0 || (got == 0 && size != 0)) {
        *error = got < 0 ? got : -EFAULT;
        free(packet);
        return NULL;
    }
    packet->size = (uint32_t)got;
    return packet;
}

void packet_queue(struct packet *packet, struct socket *to, struct socket_message *message)
{
    packet->cost = packet->size + (uint32_t)sizeof(*packet);
    packet->rights = message->rights;
    message->rights = NULL;
    if (packet->rights != NULL) {
        packet->cost += packet->rights->count * (uint32_t)sizeof(struct file *);
        rights_fly(packet->rights);
    }
    to->queued += packet->cost;
    used_bytes += packet->cost;
    list_add_last(&to->packets, &packet->among);
    pollable_wake(&to->pollable);
}

void packet_tell(struct packet *packet, struct socket_message *message)
{
    message->from = packet->from;
    if (packet->name != NULL && message->name == NULL)
        message->name = name_get(packet->name);
    if (packet->rights == NULL)
        return;
    assert(message->rights == NULL);
    if ((message->flags & MSG_PEEK) != 0) {
        message->rights = rights_copy(packet->rights);
        message->told |= message->rights == NULL ? MSG_CTRUNC : 0;
        return;
    }
    message->rights = packet->rights;
    packet->rights = NULL;
    rights_land(message->rights);
}

/* Whoever waits to send here: those that are connected to it, and those that named it. */
static void senders_wake(struct socket *socket)
{
    socket->crowd = 0;
    LIST_EACH(node, &socket->callers)
    {
        pollable_wake(&CONTAINER_OF(node, struct socket, among_callers)->pollable);
    }
    if (!socket_connects(socket))
        pollable_wake(&socket->pollable);
}

void packet_drop(struct packet *packet, struct socket *socket)
{
    list_remove(&packet->among);
    socket->queued -= packet->cost;
    used_bytes -= packet->cost;
    if (packet->rights != NULL) {
        rights_land(packet->rights);
        rights_put(packet->rights);
    }
    name_put(packet->name);
    free(packet);
    if (socket->crowd != 0 && socket->queued <= socket->crowd / 4)
        senders_wake(socket);
}

/* Of many that wait the smallest decides: the others are woken later than they might be. */
void packet_crowd(struct socket *to, uint32_t send_size)
{
    if (to->crowd == 0 || send_size < to->crowd)
        to->crowd = send_size;
}
