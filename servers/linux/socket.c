/* The socket itself: its file, its peers, its end (socket.h). */
#include "socket.h"
#include "clock.h"
#include "group.h"
#include "user.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>

struct list sockets = LIST_INIT(sockets);

struct socket *socket_make(int32_t type)
{
    struct socket *socket = calloc(1, sizeof(*socket));
    if (socket == NULL)
        return NULL;
    socket->type = type;
    socket->send_size = socket->receive_size = SOCKET_SIZE;
    socket->other = (struct ucred){.pid = 0, .uid = UINT32_MAX, .gid = UINT32_MAX};
    pollable_init(&socket->pollable);
    list_init(&socket->callers);
    list_init(&socket->among_callers);
    list_init(&socket->pending);
    list_init(&socket->of_listener);
    list_init(&socket->packets);
    list_init(&socket->in_work);
    list_add_last(&sockets, &socket->in_all);
    return socket;
}

struct ucred socket_self(const struct call *call)
{
    const struct group *group = call->task->group;
    return (struct ucred){.pid = (int32_t)group->pid, .uid = group->euid, .gid = group->egid};
}

/* --- peers --- */

void socket_join(struct socket *socket, struct socket *peer)
{
    list_remove(&socket->among_callers);
    socket->peer = peer;
    if (peer != NULL)
        list_add_last(&peer->callers, &socket->among_callers);
    pollable_wake(&socket->pollable);
}

void socket_connect(struct socket *a, struct socket *b)
{
    if (socket_connects(a))
        a->state = b->state = SOCKET_CONNECTED;
    socket_join(a, b);
    socket_join(b, a);
}

/* What one side does not read the other one cannot write. */
void socket_shut(struct socket *socket, bool read, bool write)
{
    struct socket *peer = socket_connects(socket) ? socket->peer : NULL;
    socket->shut_read |= read;
    socket->shut_write |= write;
    if (peer != NULL) {
        peer->shut_read |= write;
        peer->shut_write |= read;
        pollable_wake(&peer->pollable);
    }
    LIST_EACH(node, &socket->callers)
    {
        pollable_wake(&CONTAINER_OF(node, struct socket, among_callers)->pollable);
    }
    pollable_wake(&socket->pollable);
}

/* The peer of `caller` ends; what it had not read is lost, and who sent that is told. */
static void peer_lost(struct socket *caller, const struct socket *gone)
{
    if (socket_connects(caller)) {
        caller->shut_read = caller->shut_write = true;
        if (!list_empty(&gone->packets) || gone->file == NULL)
            caller->error = ECONNRESET;
    } else {
        caller->refused = true;
    }
    socket_join(caller, NULL);
}

void socket_free(struct socket *socket)
{
    list_remove(&socket->of_listener);
    for (struct list *at = socket->pending.next, *next; at != &socket->pending; at = next) {
        next = at->next;
        socket_free(CONTAINER_OF(at, struct socket, of_listener)); /* it has none itself */
    }
    while (!list_empty(&socket->callers))
        peer_lost(CONTAINER_OF(socket->callers.next, struct socket, among_callers), socket);
    list_remove(&socket->among_callers);
    list_remove(&socket->in_all);
    name_leave(socket);
    while (!list_empty(&socket->packets))
        packet_drop(packet_first(socket), socket);
    assert(socket->queued == 0 && socket->flying == 0);
    name_put(socket->name);
    name_put(socket->peer_name);
    pollable_end(&socket->pollable);
    free(socket);
}

/* --- its file --- */

static int64_t socket_read(struct call *call, struct file *file, struct transfer *to,
                           uint64_t offset)
{
    struct socket_message message = {.transfer = *to};
    (void)offset;
    if (transfer_left(to) == 0)
        return 0;
    message.flags = (file->flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0;
    int64_t result = socket_receive(call, socket_of(file), &message);
    *to = message.transfer;
    rights_put(message.rights); /* nobody asked for them */
    name_put(message.name);
    return result;
}

static int64_t socket_write(struct call *call, struct file *file, struct transfer *from,
                            uint64_t offset)
{
    struct socket_message message = {.transfer = *from, .from = socket_self(call)};
    (void)offset;
    message.flags = (file->flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0;
    int64_t result = socket_send(call, socket_of(file), &message);
    *from = message.transfer;
    return result;
}

static bool socket_writable(struct socket *socket)
{
    struct socket *to = socket->peer;
    if (socket->state == SOCKET_LISTENS)
        return false;
    if (to == NULL || to->queued <= socket->send_size / 4)
        return true;
    packet_crowd(to, socket->send_size);
    return false;
}

static uint32_t socket_poll(struct file *file)
{
    struct socket *socket = socket_of(file);
    uint32_t ready = socket->error != 0 ? POLLERR : 0;
    if (socket->shut_read && socket->shut_write)
        ready |= POLLHUP;
    if (socket->shut_read)
        ready |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (!list_empty(&socket->packets) || !list_empty(&socket->pending))
        ready |= POLLIN | POLLRDNORM;
    if (socket_connects(socket) && socket->state == SOCKET_IDLE)
        ready |= POLLHUP;
    return socket_writable(socket) ? ready | POLLOUT | POLLWRNORM | POLLWRBAND : ready;
}

static struct pollable *socket_pollable(struct file *file)
{
    return &socket_of(file)->pollable;
}

/* Bytes that the next read may bring: of a stream all, else those of one packet. */
static int32_t bytes_waiting(const struct socket *socket)
{
    uint64_t sum = 0;
    LIST_EACH(node, &socket->packets)
    {
        const struct packet *packet = CONTAINER_OF(node, struct packet, among);
        sum += packet->size - packet->taken;
        if (socket->type != SOCK_STREAM)
            break;
    }
    return (int32_t)min_u64(sum, INT32_MAX);
}

static int64_t socket_ioctl(struct call *call, struct file *file, uint32_t command,
                            uint64_t argument)
{
    const struct socket *socket = socket_of(file);
    int32_t bytes = bytes_waiting(socket);
    if (command != FIONREAD)
        return -ENOTTY;
    if (socket->state == SOCKET_LISTENS)
        return -EINVAL;
    return user_write(call->task, (uaddr_t){argument}, &bytes, sizeof(bytes));
}

static void socket_close(struct file *file)
{
    struct socket *socket = file->own;
    if (socket == NULL)
        return; /* given back */
    socket_free(socket);
}

static const struct file_ops socket_ops = {.read = socket_read,
                                           .write = socket_write,
                                           .poll = socket_poll,
                                           .pollable = socket_pollable,
                                           .ioctl = socket_ioctl,
                                           .close = socket_close};

struct socket *socket_of(const struct file *file)
{
    return file->ops == &socket_ops ? file->own : NULL;
}

/* A node of its own, for fstat and /proc; it cannot be opened. */
static void node_release(struct node *node)
{
    free(node);
}

struct file *socket_file(struct socket *socket, uint32_t flags)
{
    static const struct node_ops node_ops = {.release = node_release};
    struct node *node = malloc(sizeof(*node));
    if (node == NULL)
        return NULL;
    node_init(node, &node_ops, S_IFSOCK | 0777, DEV_SOCKET);
    struct file *file = file_make(node, &socket_ops, O_RDWR | flags);
    node_put(node);
    if (file == NULL)
        return NULL;
    file->own = socket;
    socket->file = file;
    return file;
}

void socket_unfile(struct socket *socket)
{
    struct file *file = socket->file;
    assert(file->references == 1);
    file->own = NULL;
    socket->file = NULL;
    file_put(file);
}

/* --- sending and receiving --- */

int64_t socket_wait(struct call *call, struct pollable *pollable, uint32_t flags, uint64_t time,
                    uint64_t done)
{
    int64_t had = (int64_t)done;
    if ((flags & MSG_DONTWAIT) != 0 || wait_over(call))
        return had != 0 ? had : -EAGAIN;
    if (time != 0 && !call->again)
        wait_for(call, time);
    int64_t result = wait_on(call, &pollable->queue, 0, false);
    if (result != 0)
        return had != 0 ? had : result;
    int64_t interrupted = time != 0 ? -EINTR : RESTART_ALWAYS;
    return wait_begin(call, had != 0 ? had : interrupted);
}

int64_t socket_send(struct call *call, struct socket *socket, struct socket_message *message)
{
    return socket->type == SOCK_STREAM ? stream_send(call, socket, message)
                                       : datagram_send(call, socket, message);
}

int64_t socket_receive(struct call *call, struct socket *socket, struct socket_message *message)
{
    if ((message->flags & MSG_OOB) != 0)
        return -EOPNOTSUPP;
    return socket->type == SOCK_STREAM ? stream_receive(call, socket, message)
                                       : datagram_receive(call, socket, message);
}
