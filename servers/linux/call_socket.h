/* What the calls on sockets share (call_socket.c, call_message.c, call_sockopt.c). */
#ifndef LINUX_CALL_SOCKET_H
#define LINUX_CALL_SOCKET_H

#include "call_file.h"
#include "socket.h"

/* A socket by its descriptor: 0, -EBADF, or -ENOTSOCK. */
static inline int64_t call_find_socket(struct call *call, int fd, struct socket **found)
{
    struct file *file = call_file(call, fd);
    *found = file != NULL ? socket_of(file) : NULL;
    if (file == NULL)
        return -EBADF;
    return *found != NULL ? 0 : -ENOTSOCK;
}

/* What a call on it is to do instead of waiting, as a flag of messages. */
static inline uint32_t call_wait_flags(struct call *call, int fd)
{
    return (call_file(call, fd)->flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0;
}

/* The room for a name that the word at `at` tells. -EINVAL: below 0. */
static inline int64_t call_name_room(struct call *call, uaddr_t at, uint32_t *room)
{
    int64_t result = user_word(call->task, at, room);
    return result == 0 && *room > INT32_MAX ? -EINVAL : result;
}

#endif
