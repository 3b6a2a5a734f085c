/* sendto, recvfrom, sendmsg, recvmsg. */
#include "call_socket.h"
#include "control.h"
#include "user.h"
#include <limits.h>

/* The kernel's struct msghdr, on both CPUs. */
struct header {
    uint64_t name;
    uint32_t name_size, reserved;
    uint64_t vector, count;
    uint64_t control, control_size;
    uint32_t flags, reserved_2;
};

/* --- sending --- */

/* Whom an address names (0: nobody). */
static int64_t to_find(struct call *call, const struct socket *socket, uaddr_t at, uint64_t size,
                       struct socket_message *message)
{
    struct socket_name name;
    uint32_t family;
    if (at.va == 0 || size == 0 || socket->type == SOCK_SEQPACKET)
        return 0;
    message->named = true;
    if (socket_connects(socket))
        return 0; /* refused by itself */
    int64_t result = name_read(call, at, size, &name, &family);
    return result != 0 ? result : name_find(call, &name, socket->type, &message->to);
}

/* With the transfer and what comes along; the rights go if they are not sent. */
static int64_t message_send(struct call *call, struct socket *socket, int fd,
                            const struct header *header, struct socket_message *message)
{
    message->from = socket_self(call);
    message->flags |= call_wait_flags(call, fd);
    int64_t result = to_find(call, socket, (uaddr_t){header->name}, header->name_size, message);
    if (result == 0 && call->task->progress[0] == 0) /* else it went with the first bytes */
        result = control_read(call, (uaddr_t){header->control}, header->control_size, message);
    if (result == 0)
        result = socket_send(call, socket, message);
    rights_put(message->rights);
    return result;
}

int64_t call_sendto(struct call *call, arg_int fd, arg_user from, arg_size size, arg_uint flags,
                    arg_user name, arg_int name_size)
{
    struct socket *socket;
    struct socket_message message = {.flags = flags};
    const struct header header = {.name = name.va, .name_size = (uint32_t)name_size};
    int64_t result = call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    transfer_user(&message.transfer, call->task, from, size);
    return message_send(call, socket, fd, &header, &message);
}

/* The header, and its vector into the transfer. */
static int64_t header_read(struct call *call, uaddr_t at, struct header *header,
                           struct transfer *transfer)
{
    int64_t result = user_read(call->task, header, at, sizeof(*header));
    if (result != 0)
        return result;
    if (header->count > IOV_MAX)
        return -EMSGSIZE;
    if (header->name_size > INT32_MAX)
        return -EINVAL;
    return transfer_vector(transfer, call->task, (uaddr_t){header->vector}, header->count);
}

int64_t call_sendmsg(struct call *call, arg_int fd, arg_user at, arg_uint flags)
{
    struct socket *socket;
    struct socket_message message = {.flags = flags};
    struct header header;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0)
        result = header_read(call, at, &header, &message.transfer);
    return result != 0 ? result : message_send(call, socket, fd, &header, &message);
}

/* --- receiving --- */

/* A stream's sender is its peer. */
static const struct socket_name *sender(const struct socket *socket,
                                        const struct socket_message *message)
{
    if (socket->type != SOCK_STREAM)
        return message->name;
    return socket->peer != NULL ? socket->peer->name : socket->peer_name;
}

/* Tells the sender's name; of one without a name, that it has no bytes. */
static int64_t sender_tell(struct call *call, const struct socket_name *name, uaddr_t at,
                           uint32_t room, uaddr_t size_at)
{
    const uint32_t none = 0;
    return name != NULL ? name_tell(call, name, at, room, size_at)
                        : user_write(call->task, size_at, &none, sizeof(none));
}

static void message_end(struct socket_message *message)
{
    rights_put(message->rights);
    name_put(message->name);
}

int64_t call_recvfrom(struct call *call, arg_int fd, arg_user to, arg_size size, arg_uint flags,
                      arg_user name, arg_user size_at)
{
    struct socket *socket;
    struct socket_message message = {.flags = flags};
    uint32_t room = 0;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0 && name.va != 0)
        result = call_name_room(call, size_at, &room);
    if (result != 0)
        return result;
    message.flags |= call_wait_flags(call, fd);
    transfer_user(&message.transfer, call->task, to, size);
    result = socket_receive(call, socket, &message);
    if (result >= 0 && name.va != 0) {
        int64_t told = sender_tell(call, sender(socket, &message), name, room, size_at);
        result = told != 0 ? told : result;
    }
    message_end(&message);
    return result;
}

/* What came besides the bytes, to the program. */
static int64_t message_tell(struct call *call, uaddr_t at, const struct header *header,
                            const struct socket *socket, const struct socket_message *message)
{
    struct control control = {
        .call = call, .at = {header->control}, .room = header->control_size, .told = message->told};
    int64_t result = 0;
    if (header->name != 0)
        result =
            sender_tell(call, sender(socket, message), (uaddr_t){header->name}, header->name_size,
                        (uaddr_t){at.va + offsetof(struct header, name_size)});
    if (result != 0)
        return result;
    if ((socket->options >> SO_PASSCRED & 1) != 0)
        control_credentials(&control, &message->from);
    if (message->rights != NULL)
        control_rights(&control, message->rights, (message->flags & MSG_CMSG_CLOEXEC) != 0);
    result = user_write(call->task, (uaddr_t){at.va + offsetof(struct header, flags)},
                        &control.told, sizeof(control.told));
    if (result != 0)
        return result;
    return user_write(call->task, (uaddr_t){at.va + offsetof(struct header, control_size)},
                      &control.used, sizeof(control.used));
}

int64_t call_recvmsg(struct call *call, arg_int fd, arg_user at, arg_uint flags)
{
    struct socket *socket;
    struct socket_message message = {.flags = flags};
    struct header header;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result == 0)
        result = header_read(call, at, &header, &message.transfer);
    if (result != 0)
        return result;
    message.flags |= call_wait_flags(call, fd);
    result = socket_receive(call, socket, &message);
    if (result >= 0) {
        int64_t told = message_tell(call, at, &header, socket, &message);
        result = told != 0 ? told : result;
    }
    message_end(&message);
    return result;
}
