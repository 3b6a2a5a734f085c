/* setsockopt and getsockopt, of the level SOL_SOCKET (socket(7)). */
#include "call_socket.h"
#include "clock.h"
#include "user.h"
#include <sys/time.h>

#define SIZE_MIN    4608 /* of SO_SNDBUF, as Linux has it */
#define OPTIONS_OLD 64   /* options below are bits */

/* Options that are kept and told, and that mean nothing between two programs of one machine; and
 * SO_PASSCRED. */
#define BIT(option) (UINT64_C(1) << (option))
#define KEPT                                                                                       \
    (BIT(SO_DEBUG) | BIT(SO_REUSEADDR) | BIT(SO_DONTROUTE) | BIT(SO_BROADCAST) |                   \
     BIT(SO_KEEPALIVE) | BIT(SO_OOBINLINE) | BIT(SO_REUSEPORT) | BIT(SO_PASSCRED))

static bool is_kept(int32_t option)
{
    return option >= 0 && option < OPTIONS_OLD && (KEPT >> option & 1) != 0;
}

union option_value {
    int32_t number;
    struct ucred credentials;
    struct linger linger;
    struct timeval time;
};

/* --- setting --- */

static int64_t time_set(struct call *call, uint64_t *time, uaddr_t at, int32_t size)
{
    struct timeval length;
    if (size < (int32_t)sizeof(length))
        return -EINVAL;
    int64_t result = user_read(call->task, &length, at, sizeof(length));
    if (result != 0)
        return result;
    if (length.tv_usec < 0 || length.tv_usec >= 1000000)
        return -EDOM;
    if (length.tv_sec < 0 || (uint64_t)length.tv_sec >= INT64_MAX / SECOND)
        *time = length.tv_sec < 0 ? 1 : 0; /* at once, or never */
    else
        *time = (uint64_t)length.tv_sec * SECOND + (uint64_t)length.tv_usec * 1000;
    return 0;
}

/* As Linux: twice what is asked for, within bounds; -1 is very much. */
static uint32_t size_of(int32_t value)
{
    uint64_t twice = 2 * min_u64((uint32_t)value, SOCKET_SIZE_MAX / 2);
    return (uint32_t)(twice > SIZE_MIN ? twice : SIZE_MIN);
}

static int64_t number_set(struct socket *socket, int32_t option, int32_t value)
{
    switch (option) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        socket->send_size = size_of(value);
        pollable_wake(&socket->pollable);
        return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        socket->receive_size = size_of(value);
        return 0;
    default:
        break;
    }
    if (!is_kept(option))
        return -ENOPROTOOPT;
    socket->options &= ~BIT(option);
    socket->options |= value != 0 ? BIT(option) : 0;
    return 0;
}

int64_t call_setsockopt(struct call *call, arg_int fd, arg_int level, arg_int option, arg_user at,
                        arg_int size)
{
    struct socket *socket;
    int32_t value;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (option == SO_RCVTIMEO || option == SO_SNDTIMEO)
        return time_set(call, option == SO_RCVTIMEO ? &socket->receive_time : &socket->send_time,
                        at, size);
    if (size < (int32_t)sizeof(value))
        return -EINVAL;
    if (option == SO_LINGER)
        return 0; /* what was sent is there: nothing to wait for */
    result = user_read(call->task, &value, at, sizeof(value));
    return result != 0 ? result : number_set(socket, option, value);
}

/* --- getting --- */

static int64_t number_get(struct socket *socket, int32_t option, int32_t *value)
{
    switch (option) {
    case SO_TYPE:
        *value = socket->type;
        return 0;
    case SO_ERROR:
        *value = socket->error;
        socket->error = 0;
        return 0;
    case SO_SNDBUF:
        *value = (int32_t)socket->send_size;
        return 0;
    case SO_RCVBUF:
        *value = (int32_t)socket->receive_size;
        return 0;
    case SO_ACCEPTCONN:
        *value = socket->state == SOCKET_LISTENS;
        return 0;
    case SO_DOMAIN:
        *value = AF_UNIX;
        return 0;
    case SO_PROTOCOL:
        *value = 0;
        return 0;
    default:
        *value = is_kept(option) && (socket->options & BIT(option)) != 0;
        return is_kept(option) ? 0 : -ENOPROTOOPT;
    }
}

/* The value to `told`: its size, or an error. */
static int64_t option_get(struct socket *socket, int32_t option, union option_value *told)
{
    uint64_t time = option == SO_RCVTIMEO ? socket->receive_time : socket->send_time;
    switch (option) {
    case SO_PEERCRED:
        told->credentials = socket->other;
        return sizeof(told->credentials);
    case SO_LINGER:
        told->linger = (struct linger){0};
        return sizeof(told->linger);
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
        told->time.tv_sec = (int64_t)(time / SECOND);
        told->time.tv_usec = (int64_t)(time % SECOND / 1000);
        return sizeof(told->time);
    default: {
        int64_t result = number_get(socket, option, &told->number);
        return result != 0 ? result : (int64_t)sizeof(told->number);
    }
    }
}

int64_t call_getsockopt(struct call *call, arg_int fd, arg_int level, arg_int option, arg_user at,
                        arg_user size_at)
{
    struct socket *socket;
    union option_value told = {0};
    uint32_t room;
    int64_t result = call_find_socket(call, fd, &socket);
    if (result != 0)
        return result;
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    result = user_word(call->task, size_at, &room);
    if (result != 0)
        return result;
    if (room > INT32_MAX)
        return -EINVAL;
    int64_t size = option_get(socket, option, &told);
    if (size < 0)
        return size;
    room = (uint32_t)min_u64(room, (uint64_t)size);
    result = user_write(call->task, at, &told, room);
    return result != 0 ? result : user_write(call->task, size_at, &room, sizeof(room));
}
