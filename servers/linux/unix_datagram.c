/* Datagrams, and packets in sequence: what is sent at once is received at once, or cut. */
#include "socket.h"
#include <stdlib.h>

#define OVERHEAD 32 /* bytes of SO_SNDBUF that no packet can have, as on Linux */

/* Who is to receive: 0, or why nobody can. */
static int64_t receiver_find(struct socket *socket, const struct socket_message *message,
                             struct socket **to)
{
    bool refused = socket->refused && message->to == NULL;
    *to = message->to != NULL ? message->to : socket->peer;
    if (socket_connects(socket) && socket->state != SOCKET_CONNECTED)
        return -ENOTCONN;
    if (socket->shut_write)
        return -EPIPE;
    if (*to == NULL) {
        socket->refused = socket->refused && !refused;
        return refused ? -ECONNREFUSED : -ENOTCONN;
    }
    if ((*to)->shut_read)
        return -EPIPE;
    return (*to)->peer == NULL || (*to)->peer == socket ? 0 : -EPERM;
}

int64_t datagram_send(struct call *call, struct socket *socket, struct socket_message *message)
{
    uint64_t size = transfer_left(&message->transfer);
    struct socket *to;
    int64_t error;
    if ((message->flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    if (size > socket->send_size - OVERHEAD)
        return -EMSGSIZE;
    int64_t result = receiver_find(socket, message, &to);
    if (result != 0)
        return result;
    if (to->queued >= socket->send_size) {
        packet_crowd(to, socket->send_size);
        return socket_wait(call, to == socket->peer ? &socket->pollable : &to->pollable,
                           message->flags, socket->send_time, 0);
    }
    struct packet *packet = packet_make(message, size, &error);
    if (packet == NULL)
        return error;
    if (packet->size < size) {
        free(packet);
        return -EFAULT;
    }
    packet->name = name_get(socket->name);
    packet_queue(packet, to, message);
    return (int64_t)size;
}

/* No packet is there. */
static int64_t datagram_await(struct call *call, struct socket *socket,
                              const struct socket_message *message)
{
    if (socket->error != 0) {
        int32_t error = socket->error;
        socket->error = 0;
        return -error;
    }
    if (socket->shut_read)
        return 0;
    return socket_wait(call, &socket->pollable, message->flags, socket->receive_time, 0);
}

int64_t datagram_receive(struct call *call, struct socket *socket, struct socket_message *message)
{
    struct packet *packet = packet_first(socket);
    if (socket_connects(socket) && socket->state != SOCKET_CONNECTED)
        return -ENOTCONN;
    if (packet == NULL)
        return datagram_await(call, socket, message);
    uint64_t part = min_u64(packet->size, transfer_left(&message->transfer));
    int64_t moved = part != 0 ? transfer_put(&message->transfer, packet->bytes, part) : 0;
    if (moved < (int64_t)part)
        return moved < 0 ? moved : -EFAULT; /* it stays */
    packet_tell(packet, message);
    if (part < packet->size) {
        message->told |= MSG_TRUNC;
        moved = (message->flags & MSG_TRUNC) != 0 ? (int64_t)packet->size : moved;
    }
    if ((message->flags & MSG_PEEK) == 0)
        packet_drop(packet, socket);
    return moved;
}
