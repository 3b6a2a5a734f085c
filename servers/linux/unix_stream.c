/* Streams of sockets: bytes without bounds, but those that descriptors and senders make. */
#include "signals.h"
#include "socket.h"
#include "task.h"
#include <stdlib.h>
#include <string.h>

#define PIECE 32768 /* bytes of a packet at most */

/* --- sending: what earlier runs sent is in progress[0] --- */

static int64_t broken(struct call *call, const struct socket_message *message, uint64_t done)
{
    if (done != 0)
        return (int64_t)done;
    if ((message->flags & MSG_NOSIGNAL) == 0)
        signal_task(call->task, SIGPIPE);
    return -EPIPE;
}

/* One packet: bytes of it, or an error; *cut: the program's memory ended. */
static int64_t piece_send(struct socket *to, struct socket_message *message, uint64_t size,
                          bool *cut)
{
    int64_t error;
    struct packet *packet = packet_make(message, size, &error);
    if (packet == NULL)
        return error;
    *cut = packet->size < size;
    size = packet->size;
    packet_queue(packet, to, message);
    return (int64_t)size;
}

static int64_t send_allowed(const struct socket *socket, const struct socket_message *message)
{
    bool connected = socket->state == SOCKET_CONNECTED;
    if ((message->flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    if (message->named)
        return connected ? -EISCONN : -EOPNOTSUPP;
    return connected ? 0 : -ENOTCONN;
}

int64_t stream_send(struct call *call, struct socket *socket, struct socket_message *message)
{
    uint64_t *done = &call->task->progress[0], left;
    bool cut = false;
    int64_t result = send_allowed(socket, message);
    if (result != 0)
        return result;
    if (*done != 0 && transfer_skip(&message->transfer, *done) < 0)
        return (int64_t)*done;
    if (socket->peer == NULL || socket->shut_write)
        return broken(call, message, *done);
    while (!cut && (left = transfer_left(&message->transfer)) != 0) {
        if (socket->peer->queued >= socket->send_size) {
            packet_crowd(socket->peer, socket->send_size);
            return socket_wait(call, &socket->pollable, message->flags, socket->send_time, *done);
        }
        uint64_t most = min_u64(PIECE, socket->send_size / 2);
        result = piece_send(socket->peer, message, min_u64(left, most), &cut);
        if (result < 0)
            return *done != 0 ? (int64_t)*done : result;
        *done += (uint64_t)result;
    }
    return (int64_t)*done;
}

/* --- receiving --- */

/* Whether a packet may follow what the message has already. */
static bool may_follow(const struct socket *socket, const struct socket_message *message,
                       const struct packet *packet)
{
    bool tells = (socket->options >> SO_PASSCRED & 1) != 0;
    return packet->rights == NULL && message->rights == NULL &&
           (!tells || memcmp(&packet->from, &message->from, sizeof(packet->from)) == 0);
}

/* Bytes of what is there. */
static int64_t stream_take(struct socket *socket, struct socket_message *message)
{
    bool peek = (message->flags & MSG_PEEK) != 0;
    int64_t got = 0;
    for (struct list *at = socket->packets.next, *next; at != &socket->packets; at = next) {
        struct packet *packet = CONTAINER_OF(at, struct packet, among);
        uint32_t left = packet->size - packet->taken;
        next = at->next;
        message->bounded = got != 0 && !may_follow(socket, message, packet);
        if (message->bounded || transfer_left(&message->transfer) == 0)
            break;
        int64_t moved = transfer_put(&message->transfer, packet->bytes + packet->taken, left);
        message->bounded = moved < (int64_t)left || packet->rights != NULL;
        if (moved <= 0)
            return got != 0 ? got : moved;
        got += moved;
        packet_tell(packet, message);
        if (!peek && moved == (int64_t)left)
            packet_drop(packet, socket);
        else if (!peek)
            packet->taken += (uint32_t)moved;
        if (message->bounded)
            break;
    }
    return got;
}

/* MSG_WAITALL wants more: what came in earlier runs is in progress[0]. */
static bool wants_more(const struct socket *socket, const struct socket_message *message)
{
    return (message->flags & MSG_WAITALL) != 0 && (message->flags & MSG_PEEK) == 0 &&
           !message->bounded && (socket->options >> SO_PASSCRED & 1) == 0 &&
           transfer_left(&message->transfer) != 0;
}

/* Nothing more is there: the end, an error, or a wait. */
static int64_t stream_await(struct call *call, struct socket *socket,
                            const struct socket_message *message, uint64_t done)
{
    if (done == 0 && socket->error != 0) {
        int32_t error = socket->error;
        socket->error = 0;
        return -error;
    }
    if (socket->shut_read)
        return (int64_t)done;
    return socket_wait(call, &socket->pollable, message->flags, socket->receive_time, done);
}

int64_t stream_receive(struct call *call, struct socket *socket, struct socket_message *message)
{
    uint64_t *done = &call->task->progress[0];
    if (socket->state != SOCKET_CONNECTED)
        return -EINVAL;
    if (*done != 0 && transfer_skip(&message->transfer, *done) < 0)
        return (int64_t)*done;
    if (transfer_left(&message->transfer) == 0)
        return (int64_t)*done;
    int64_t got = stream_take(socket, message);
    if (got < 0)
        return *done != 0 ? (int64_t)*done : got;
    *done += (uint64_t)got;
    if (*done != 0 && !wants_more(socket, message))
        return (int64_t)*done;
    return stream_await(call, socket, message, *done);
}
