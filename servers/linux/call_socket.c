/* Sockets by unix(7): making, naming and connecting them. */
#include "call_socket.h"
#include "user.h"
#include <assert.h>

#define BACKLOG_MAX  4096 /* SOMAXCONN */
#define FAMILIES     46   /* that Linux knows: AF_MAX */
#define SOCKET_TYPES 11   /* likewise: SOCK_MAX */
#define TYPE_MASK    0xf
#define SOCKET_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* What socket and socketpair are asked for: 0, and the type. */
static int64_t kind_read(int32_t family, int32_t kind, int32_t protocol, int32_t *type)
{
    *type = kind & TYPE_MASK;
    if ((kind & ~(TYPE_MASK | SOCKET_FLAGS)) != 0)
        return -EINVAL;
    if (family < 0 || family >= FAMILIES)
        return -EAFNOSUPPORT;
    if (*type >= SOCKET_TYPES)
        return -EINVAL;
    if (family != AF_UNIX)
        return -EAFNOSUPPORT;
    if (protocol != 0 && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    if (*type == SOCK_RAW)
        *type = SOCK_DGRAM;
    bool known = *type == SOCK_STREAM || *type == SOCK_DGRAM || *type == SOCK_SEQPACKET;
    return known ? 0 : -ESOCKTNOSUPPORT;
}

static uint32_t file_flags(int32_t kind)
{
    return (kind & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0;
}

/* A new socket with its file. NULL: no memory. */
static struct file *file_new(int32_t type, int32_t kind)
{
    struct socket *socket = socket_make(type);
    struct file *file = socket != NULL ? socket_file(socket, file_flags(kind)) : NULL;
    if (socket != NULL && file == NULL)
        socket_free(socket);
    return file;
}

int64_t call_socket(struct call *call, arg_int family, arg_int kind, arg_int protocol)
{
    int32_t type;
    int64_t result = kind_read(family, kind, protocol, &type);
    if (result != 0)
        return result;
    struct file *file = file_new(type, kind);
    if (file == NULL)
        return -ENOMEM;
    return files_give(call->task->files, file, (kind & SOCK_CLOEXEC) != 0);
}

/* Both get descriptors, or none does. The references go. */
static int64_t pair_give(struct call *call, struct file *const pair[2], bool on_exec, uaddr_t at)
{
    struct files *files = call->task->files;
    int64_t first = files_give(files, pair[0], on_exec);
    if (first < 0) {
        file_put(pair[1]);
        return first;
    }
    int64_t second = files_give(files, pair[1], on_exec);
    int32_t told[2] = {(int32_t)first, (int32_t)second};
    int64_t result = second < 0 ? second : user_write(call->task, at, told, sizeof(told));
    if (result >= 0)
        return 0;
    (void)files_close(files, told[0]);
    if (second >= 0)
        (void)files_close(files, told[1]);
    return result;
}

int64_t call_socketpair(struct call *call, arg_int family, arg_int kind, arg_int protocol,
                        arg_user at)
{
    int32_t type;
    int64_t result = kind_read(family, kind, protocol, &type);
    if (result != 0)
        return result;
    struct file *pair[2] = {file_new(type, kind), file_new(type, kind)};
    if (pair[0] == NULL || pair[1] == NULL) {
        file_put(pair[0]);
        file_put(pair[1]);
        return -ENOMEM;
    }
    struct socket *a = socket_of(pair[0]), *b = socket_of(pair[1]);
    a->other = b->other = socket_self(call);
    socket_connect(a, b);
    return pair_give(call, pair, (kind & SOCK_CLOEXEC) != 0, at);
}

/* --- names --- */

int64_t call_bind(struct call *call, arg_int fd, arg_user at, arg_int size)
{
    struct socket *socket;
    struct socket_name name;
    uint32_t family;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0)
        result = name_read(call, at, (uint32_t)size, &name, &family);
    return result != 0 ? result : name_bind(call, socket, &name);
}

int64_t call_getsockname(struct call *call, arg_int fd, arg_user at, arg_user size_at)
{
    struct socket *socket;
    uint32_t room;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0)
        result = call_name_room(call, size_at, &room);
    return result != 0 ? result : name_tell(call, socket->name, at, room, size_at);
}

int64_t call_getpeername(struct call *call, arg_int fd, arg_user at, arg_user size_at)
{
    struct socket *socket;
    uint32_t room;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0 && socket->peer == NULL && socket->state != SOCKET_CONNECTED)
        result = -ENOTCONN;
    if (result == 0)
        result = call_name_room(call, size_at, &room);
    if (result != 0)
        return result;
    const struct socket_name *name = socket->peer != NULL ? socket->peer->name : socket->peer_name;
    return name_tell(call, name, at, room, size_at);
}

/* --- listening and accepting --- */

int64_t call_listen(struct call *call, arg_int fd, arg_int backlog)
{
    struct socket *socket;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    if (!socket_connects(socket))
        return -EOPNOTSUPP;
    if (socket->name == NULL || socket->state == SOCKET_CONNECTED)
        return -EINVAL;
    socket->state = SOCKET_LISTENS;
    socket->backlog = (uint32_t)min_u64((uint32_t)backlog, BACKLOG_MAX);
    socket->other = socket_self(call);
    pollable_wake(&socket->pollable); /* who waits to connect may be let in */
    return 0;
}

/* The first of those that wait gets a descriptor; an error leaves it where it is. */
static int64_t accept_first(struct call *call, struct socket *listener, int32_t flags)
{
    struct socket *child = CONTAINER_OF(listener->pending.next, struct socket, of_listener);
    struct file *file = socket_file(child, file_flags(flags));
    if (file == NULL)
        return -ENOMEM;
    int64_t fd = files_add(call->task->files, file, 0, (flags & SOCK_CLOEXEC) != 0);
    if (fd < 0) {
        socket_unfile(child);
        return fd;
    }
    list_remove(&child->of_listener);
    listener->pending_count--;
    pollable_wake(&listener->pollable); /* there is room again */
    return fd;
}

static int64_t accept_tell(struct call *call, const struct socket *child, uaddr_t at,
                           uaddr_t size_at)
{
    uint32_t room;
    if (at.va == 0)
        return 0;
    int64_t result = call_name_room(call, size_at, &room);
    return result != 0 ? result : name_tell(call, child->peer_name, at, room, size_at);
}

int64_t call_accept4(struct call *call, arg_int fd, arg_user at, arg_user size_at, arg_int flags)
{
    struct socket *socket;
    int64_t result = (flags & ~SOCKET_FLAGS) != 0 ? -EINVAL : call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    if (!socket_connects(socket))
        return -EOPNOTSUPP;
    if (socket->state != SOCKET_LISTENS || socket->shut_read)
        return -EINVAL;
    if (list_empty(&socket->pending))
        return socket_wait(call, &socket->pollable, call_wait_flags(call, fd), socket->receive_time,
                           0);
    struct socket *child = CONTAINER_OF(socket->pending.next, struct socket, of_listener);
    result = accept_tell(call, child, at, size_at);
    return result != 0 ? result : accept_first(call, socket, flags);
}

int64_t call_accept(struct call *call, arg_int fd, arg_user at, arg_user size_at)
{
    return call_accept4(call, fd, at, size_at, 0);
}

/* --- connecting --- */

/* The other side of a new connection waits at the listener to be accepted. */
static int64_t connect_to(struct call *call, struct socket *socket, struct socket *listener)
{
    struct socket *child = socket_make(socket->type);
    if (child == NULL)
        return -ENOMEM;
    child->name = name_get(listener->name);
    child->peer_name = name_get(socket->name);
    child->options = listener->options;
    child->other = socket_self(call);
    socket->other = listener->other;
    socket->peer_name = name_get(listener->name);
    socket_connect(socket, child);
    list_add_last(&listener->pending, &child->of_listener);
    listener->pending_count++;
    pollable_wake(&listener->pollable);
    return 0;
}

static int64_t connect_stream(struct call *call, struct socket *socket, uint32_t flags,
                              const struct socket_name *name)
{
    struct socket *listener;
    int64_t result = name_find(call, name, socket->type, &listener);
    if (result != 0)
        return result;
    if (listener->state != SOCKET_LISTENS || listener->shut_read)
        return -ECONNREFUSED;
    if (socket->state != SOCKET_IDLE)
        return socket->state == SOCKET_CONNECTED ? -EISCONN : -EINVAL;
    if (listener->pending_count > listener->backlog)
        return socket_wait(call, &listener->pollable, flags, socket->send_time, 0);
    return connect_to(call, socket, listener);
}

static int64_t connect_datagram(struct call *call, struct socket *socket,
                                const struct socket_name *name)
{
    struct socket *peer;
    int64_t result = name_find(call, name, socket->type, &peer);
    if (result != 0)
        return result;
    if (peer->peer != NULL && peer->peer != socket)
        return -EPERM;
    socket->refused = false;
    socket_join(socket, peer);
    return 0;
}

int64_t call_connect(struct call *call, arg_int fd, arg_user at, arg_int size)
{
    struct socket *socket;
    struct socket_name name;
    uint32_t family = AF_UNIX;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0)
        result = name_read(call, at, (uint32_t)size, &name, &family);
    if (result == -EINVAL && family == AF_UNSPEC && !socket_connects(socket)) {
        socket_join(socket, NULL);
        return 0;
    }
    if (result != 0)
        return result;
    return socket_connects(socket) ? connect_stream(call, socket, call_wait_flags(call, fd), &name)
                                   : connect_datagram(call, socket, &name);
}

int64_t call_shutdown(struct call *call, arg_int fd, arg_int how)
{
    struct socket *socket;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    socket_shut(socket, how != SHUT_WR, how != SHUT_RD);
    return 0;
}
