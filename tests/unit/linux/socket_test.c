/* Sockets of AF_UNIX: streams, datagrams, sequences, names, and what comes along. */
#include "fake.h"
#include "socket.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/un.h>

/* Descriptors 0 and 1, and another program with the same. */
static struct program *begin(int kind, struct program **other)
{
    struct program *p = fake_start();
    int32_t *ends = fake_memory(8);
    EXPECT(DO(p, socketpair, AF_UNIX, (uint64_t)kind, 0, P(ends)) == 0);
    EXPECT(ends[0] == 0 && ends[1] == 1);
    *other = fake_fork(p);
    return p;
}

static void finish(struct program *p, struct program *other)
{
    fake_end(p);
    fake_end(other);
    EXPECT(list_empty(&sockets));
}

/* An address; of a text that begins with '@' the abstract one. */
static struct sockaddr_un *address(const char *path, uint64_t *size)
{
    struct sockaddr_un *at = fake_memory(sizeof(*at));
    at->sun_family = AF_UNIX;
    strcpy(at->sun_path, path);
    if (*path == '@')
        at->sun_path[0] = 0;
    *size = sizeof(at->sun_family) + strlen(path);
    return at;
}

#define NAMED(call, program, fd, path)                                                             \
    ({                                                                                             \
        uint64_t size_;                                                                            \
        struct sockaddr_un *at_ = address(path, &size_);                                           \
        DO(program, call, fd, P(at_), size_);                                                      \
    })

static uint32_t poll_of(struct program *p, int fd)
{
    return file_poll(files_find(p->task.files, fd));
}

static int32_t option_of(struct program *p, uint64_t fd, uint64_t option)
{
    int32_t *value = fake_memory(4), *size = fake_memory(4);
    *size = 4;
    EXPECT(DO(p, getsockopt, fd, SOL_SOCKET, option, P(value), P(size)) == 0 && *size == 4);
    return *value;
}

TEST(linux_socket_kinds)
{
    struct program *p = fake_start();
    int32_t *ends = fake_memory(8);
    EXPECT(DO(p, socket, AF_INET, SOCK_STREAM, 0) == -EAFNOSUPPORT);
    EXPECT(DO(p, socket, 10, SOCK_DGRAM, 0) == -EAFNOSUPPORT);
    EXPECT(DO(p, socket, 4000, SOCK_DGRAM, 0) == -EAFNOSUPPORT);
    EXPECT(DO(p, socket, AF_UNIX, 4, 0) == -ESOCKTNOSUPPORT);
    EXPECT(DO(p, socket, AF_UNIX, 14, 0) == -EINVAL);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_STREAM | 0x100, 0) == -EINVAL);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_STREAM, 6) == -EPROTONOSUPPORT);
    EXPECT(DO(p, socketpair, AF_UNIX, SOCK_STREAM, 0, 8) == -EFAULT);
    EXPECT(DO(p, socketpair, AF_INET, SOCK_STREAM, 0, P(ends)) == -EAFNOSUPPORT);
    EXPECT(list_empty(&sockets) && files_next(p->task.files, 0) < 0);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) == 0);
    EXPECT(files_on_exec(p->task.files, 0) && DO(p, fcntl, 0, F_GETFL, 0) == (O_RDWR | O_NONBLOCK));
    EXPECT(option_of(p, 0, SO_TYPE) == SOCK_SEQPACKET && option_of(p, 0, SO_DOMAIN) == AF_UNIX);
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(DO(p, fstat, 0, P(told)) == 0 && S_ISSOCK(told->st_mode));
    char *link = fake_memory(100);
    EXPECT(DO(p, readlink, P(fake_text("/proc/self/fd/0")), P(link), 100) > 9);
    EXPECT(memcmp(link, "socket:[", 8) == 0 && DO(p, lseek, 0, 0, 0) == -ESPIPE);
    EXPECT(DO(p, open, P(fake_text("/f")), O_CREAT | O_RDWR, 0644) == 1);
    EXPECT(DO(p, listen, 1, 5) == -ENOTSOCK && DO(p, listen, 7, 5) == -EBADF);
    EXPECT(DO(p, read, 0, P(ends), 8) == -ENOTCONN);
    fake_end(p);
    EXPECT(list_empty(&sockets));
}

TEST(linux_socket_stream)
{
    struct program *other, *p = begin(SOCK_STREAM, &other);
    char *buffer = fake_memory(100);
    EXPECT(DO(p, close, 1) == 0 && DO(other, close, 0) == 0);
    EXPECT(DO(p, read, 0, P(buffer), 100) == WAIT);
    EXPECT(DO(other, write, 1, P(fake_text("abc")), 3) == 3);
    EXPECT(fake_result(p) == 3 && memcmp(buffer, "abc", 3) == 0);
    EXPECT(DO(p, write, 0, P(fake_text("defg")), 4) == 4 && DO(p, write, 0, P(buffer), 3) == 3);
    EXPECT(DO(other, recvfrom, 1, P(buffer), 2, MSG_PEEK, 0, 0) == 2);
    int32_t *left = fake_memory(4);
    EXPECT(DO(other, ioctl, 1, FIONREAD, P(left)) == 0 && *left == 7);
    EXPECT(DO(other, read, 1, P(buffer), 6) == 6 && memcmp(buffer, "defgab", 6) == 0);
    EXPECT(DO(other, recvfrom, 1, P(buffer), 4, MSG_WAITALL, 0, 0) == WAIT);
    EXPECT(DO(p, write, 0, P(fake_text("xy")), 2) == 2);
    fake_run();
    EXPECT(fake_waits(other) && DO(p, write, 0, P(fake_text("zw")), 2) == 2);
    EXPECT(fake_result(other) == 4 && memcmp(buffer, "cxyz", 4) == 0);
    EXPECT(DO(other, recvfrom, 1, P(buffer), 100, MSG_DONTWAIT, 0, 0) == 1);
    EXPECT(DO(other, recvfrom, 1, P(buffer), 100, MSG_DONTWAIT, 0, 0) == -EAGAIN);
    EXPECT(DO(other, recvfrom, 1, P(buffer), 100, MSG_OOB, 0, 0) == -EOPNOTSUPP);
    EXPECT(DO(p, write, 0, P(buffer), 0) == 0 && DO(other, read, 1, P(buffer), 0) == 0);
    EXPECT(DO(other, read, 1, P(buffer), 5) == WAIT);
    fake_interrupt(other);
    EXPECT(fake_result(other) == RESTART_ALWAYS);
    EXPECT(DO(other, read, 1, P(buffer), 5) == WAIT && DO(p, close, 0) == 0);
    EXPECT(fake_result(other) == 0 && (poll_of(other, 1) & POLLHUP) != 0);
    EXPECT(DO(other, sendto, 1, P(buffer), 1, MSG_NOSIGNAL, 0, 0) == -EPIPE && other->signals == 0);
    EXPECT(DO(other, write, 1, P(buffer), 1) == -EPIPE);
    EXPECT(other->signals == UINT64_C(1) << SIGPIPE);
    finish(p, other);
}

TEST(linux_socket_stream_large)
{
    enum { SIZE = 700000 };
    struct program *other, *p = begin(SOCK_STREAM, &other);
    char *bytes = fake_memory(SIZE), *got = fake_memory(SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 13 + i / 251);
    EXPECT(DO(p, write, 0, P(bytes), SIZE) == WAIT && (poll_of(p, 0) & POLLOUT) == 0);
    uint64_t done = 0;
    for (unsigned round = 0; done < SIZE && round < 1000; round++) {
        int64_t part = DO(other, read, 1, P(got + done), 1 + round * 977 % 9000);
        REQUIRE(part > 0);
        done += (uint64_t)part;
        fake_run();
    }
    EXPECT(done == SIZE && memcmp(got, bytes, SIZE) == 0 && fake_result(p) == SIZE);
    EXPECT((poll_of(p, 0) & POLLOUT) != 0);
    /* Bytes that the program does not have end a write; the queue's end ends one that may not wait.
     */
    EXPECT(DO(p, write, 0, P(bytes + SIZE - 10), 100000) == 10);
    int64_t sent = DO(p, sendto, 0, P(bytes), SIZE, MSG_DONTWAIT, 0, 0);
    EXPECT(sent >= SOCKET_SIZE - 32768 && sent < 2 * SOCKET_SIZE);
    EXPECT(DO(p, sendto, 0, P(bytes), 1, MSG_DONTWAIT, 0, 0) == -EAGAIN);
    EXPECT(DO(p, write, 0, P(bytes), 1) == WAIT);
    fake_interrupt(p);
    EXPECT(fake_result(p) == RESTART_ALWAYS);
    finish(p, other);
}

/* Who closes with bytes unread resets; who shuts down ends. */
TEST(linux_socket_ends)
{
    struct program *other, *p = begin(SOCK_STREAM, &other);
    char *buffer = fake_memory(100);
    EXPECT(DO(p, close, 1) == 0 && DO(other, close, 0) == 0);
    EXPECT(DO(p, shutdown, 0, 7) == -EINVAL && DO(p, write, 0, P(buffer), 4) == 4);
    EXPECT(DO(p, shutdown, 0, SHUT_WR) == 0 && DO(p, write, 0, P(buffer), 1) == -EPIPE);
    EXPECT((poll_of(other, 1) & (POLLRDHUP | POLLHUP)) == POLLRDHUP);
    EXPECT(DO(other, read, 1, P(buffer), 100) == 4 && DO(other, read, 1, P(buffer), 100) == 0);
    EXPECT(DO(other, write, 1, P(buffer), 3) == 3 && DO(p, close, 0) == 0);
    EXPECT((poll_of(other, 1) & POLLERR) != 0);
    EXPECT(DO(other, read, 1, P(buffer), 100) == -ECONNRESET);
    EXPECT(DO(other, read, 1, P(buffer), 100) == 0 && option_of(other, 1, SO_ERROR) == 0);
    finish(p, other);
}

TEST(linux_socket_connects)
{
    struct program *server = fake_start(), *client = fake_program(1000);
    char *buffer = fake_memory(100);
    uint32_t *size = fake_memory(4);
    struct sockaddr_un *told = fake_memory(sizeof(*told));
    EXPECT(DO(server, socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    EXPECT(DO(server, listen, 0, 0) == -EINVAL);
    EXPECT(NAMED(connect, client, 0, "/tmp/s") == -ENOENT);
    EXPECT(NAMED(bind, server, 0, "/tmp/s") == 0 && NAMED(bind, server, 0, "/tmp/t") == -EINVAL);
    EXPECT(DO(client, open, P(fake_text("/tmp/s")), O_RDWR, 0) == -EACCES);
    EXPECT(NAMED(connect, client, 0, "/tmp/s") == -EACCES);
    EXPECT(DO(server, chmod, P(fake_text("/tmp/s")), 0777) == 0);
    EXPECT(DO(client, open, P(fake_text("/tmp/s")), O_RDWR, 0) == -ENXIO);
    EXPECT(NAMED(connect, client, 0, "/tmp/s") == -ECONNREFUSED);
    EXPECT(NAMED(connect, client, 0, "/tmp") == -ECONNREFUSED);
    EXPECT(NAMED(connect, client, 0, "/") == -EACCES);
    EXPECT(DO(client, write, 0, P(buffer), 1) == -ENOTCONN);
    EXPECT(DO(client, read, 0, P(buffer), 1) == -EINVAL && (poll_of(client, 0) & POLLHUP) != 0);
    EXPECT(DO(server, listen, 0, 0) == 0 && option_of(server, 0, SO_ACCEPTCONN) == 1);
    EXPECT(DO(server, accept, 0, 0, 0) == WAIT && NAMED(connect, client, 0, "/tmp/s") == 0);
    EXPECT(fake_result(server) == 1 && NAMED(connect, client, 0, "/tmp/s") == -EISCONN);
    struct ucred *who = fake_memory(sizeof(*who));
    *size = sizeof(*who);
    EXPECT(DO(server, getsockopt, 1, SOL_SOCKET, SO_PEERCRED, P(who), P(size)) == 0);
    EXPECT(who->pid == (int32_t)client->group.pid && who->uid == 1000 && who->gid == 1000);
    EXPECT(DO(client, getsockopt, 0, SOL_SOCKET, SO_PEERCRED, P(who), P(size)) == 0);
    EXPECT(who->pid == (int32_t)server->group.pid && who->uid == 0);
    *size = sizeof(*told);
    EXPECT(DO(client, getpeername, 0, P(told), P(size)) == 0 && *size == 9);
    EXPECT(told->sun_family == AF_UNIX && strcmp(told->sun_path, "/tmp/s") == 0);
    *size = sizeof(*told);
    EXPECT(DO(server, getpeername, 1, P(told), P(size)) == 0 && *size == 2);
    *size = 4;
    EXPECT(DO(server, getsockname, 1, P(told), P(size)) == 0 && *size == 9);
    EXPECT(DO(client, sendto, 0, P(buffer), 5, 0, P(told), 9) == -EISCONN);
    EXPECT(DO(client, write, 0, P(fake_text("hello")), 5) == 5);
    *size = sizeof(*told);
    EXPECT(DO(server, recvfrom, 1, P(buffer), 100, 0, P(told), P(size)) == 5 && *size == 0);
    finish(server, client);
}

/* One may wait to be accepted beyond the backlog; then connect waits, or is refused. */
TEST(linux_socket_backlog)
{
    struct program *server = fake_start(), *client = fake_program(0);
    char *buffer = fake_memory(10);
    EXPECT(DO(server, socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    EXPECT(NAMED(bind, server, 0, "/tmp/s") == 0 && DO(server, listen, 0, 0) == 0);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM, 0) == 1);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) == 2);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM, 0) == 3);
    EXPECT(NAMED(connect, client, 1, "/tmp/s") == 0 && (poll_of(server, 0) & POLLIN) != 0);
    EXPECT(NAMED(connect, client, 2, "/tmp/s") == -EAGAIN);
    EXPECT(NAMED(connect, client, 3, "/tmp/s") == WAIT);
    EXPECT(DO(server, accept4, 0, 0, 0, SOCK_CLOEXEC) == 1 && fake_result(client) == 0);
    EXPECT(DO(server, accept4, 0, 0, 0, 1) == -EINVAL && files_on_exec(server->task.files, 1));
    EXPECT(DO(server, accept, 0, 8, 8) == -EFAULT && (poll_of(server, 0) & POLLIN) != 0);
    EXPECT(DO(client, socket, AF_UNIX, SOCK_STREAM, 0) == 4);
    EXPECT(NAMED(connect, client, 4, "/tmp/s") == WAIT && DO(server, close, 0) == 0);
    EXPECT(fake_result(client) == -ECONNREFUSED);
    EXPECT(DO(client, read, 3, P(buffer), 1) == -ECONNRESET);
    EXPECT(DO(server, socket, AF_UNIX, SOCK_STREAM, 0) == 0);
    EXPECT(NAMED(bind, server, 0, "/tmp/s") == -EADDRINUSE);
    EXPECT(DO(server, unlink, P(fake_text("/tmp/s"))) == 0 &&
           NAMED(bind, server, 0, "/tmp/s") == 0);
    EXPECT(DO(server, unlink, P(fake_text("/tmp/s"))) == 0);
    finish(server, client);
}

TEST(linux_socket_abstract)
{
    struct program *p = fake_start(), *other = fake_program(5);
    uint64_t size;
    struct sockaddr_un *at = address("@one", &size);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_SEQPACKET, 0) == 0 && NAMED(bind, p, 0, "@one") == 0);
    EXPECT(DO(other, socket, AF_UNIX, SOCK_SEQPACKET, 0) == 0);
    EXPECT(NAMED(bind, other, 0, "@one") == -EADDRINUSE && DO(p, listen, 0, 3) == 0);
    EXPECT(DO(other, connect, 0, P(at), size + 1) == -ECONNREFUSED); /* another name */
    EXPECT(DO(other, connect, 0, P(at), 111) == -EINVAL &&
           DO(other, connect, 0, P(at), 1) == -EINVAL);
    EXPECT(DO(other, connect, 0, 8, size) == -EFAULT);
    EXPECT(DO(other, connect, 0, P(at), (uint64_t)-1) == -EINVAL);
    EXPECT(DO(other, socket, AF_UNIX, SOCK_STREAM, 0) == 1);
    EXPECT(NAMED(connect, other, 1, "@one") == -EPROTOTYPE &&
           NAMED(connect, other, 0, "@one") == 0);
    EXPECT(DO(p, accept, 0, 0, 0) == 1);
    char *buffer = fake_memory(300000);
    EXPECT(DO(other, write, 0, P(fake_text("first")), 5) == 5 &&
           DO(other, write, 0, P(buffer), 0) == 0);
    EXPECT(DO(other, write, 0, P(fake_text("second")), 6) == 6);
    EXPECT(DO(p, recvfrom, 1, P(buffer), 2, MSG_PEEK | MSG_TRUNC, 0, 0) == 5);
    EXPECT(DO(p, read, 1, P(buffer), 3) == 3 && DO(p, read, 1, P(buffer), 100) == 0);
    EXPECT(DO(p, read, 1, P(buffer), 100) == 6 && memcmp(buffer, "second", 6) == 0);
    EXPECT(DO(p, write, 1, P(buffer), 300000) == -EMSGSIZE && DO(p, close, 1) == 0);
    EXPECT(DO(other, read, 0, P(buffer), 9) == 0 && DO(other, write, 0, P(buffer), 9) == -EPIPE);
    /* The socket's end frees the name; bind without one chooses. */
    EXPECT(DO(p, close, 0) == 0 && NAMED(bind, other, 1, "@one") == 0);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_DGRAM, 0) == 0 && DO(p, bind, 0, P(at), 2) == 0);
    uint32_t *room = fake_memory(4);
    *room = 110;
    EXPECT(DO(p, getsockname, 0, P(at), P(room)) == 0 && *room == 8 && at->sun_path[0] == 0);
    finish(p, other);
}

TEST(linux_socket_datagrams)
{
    struct program *p = fake_start(), *other = fake_program(0);
    char *buffer = fake_memory(60000);
    uint64_t size;
    struct sockaddr_un *to = address("@to", &size), *from = address("@from", &size);
    uint32_t *room = fake_memory(4);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_DGRAM, 0) == 0 && NAMED(bind, p, 0, "@to") == 0);
    EXPECT(DO(other, socket, AF_UNIX, SOCK_DGRAM, 0) == 0 && NAMED(bind, other, 0, "@from") == 0);
    EXPECT(DO(other, write, 0, P(buffer), 1) == -ENOTCONN && DO(p, listen, 0, 1) == -EOPNOTSUPP);
    EXPECT(DO(p, recvfrom, 0, P(buffer), 100, 0, P(from), P(room)) == WAIT);
    *room = sizeof(*from);
    EXPECT(DO(other, sendto, 0, P(fake_text("abcdef")), 6, 0, P(to), 5) == 6);
    EXPECT(fake_result(p) == 6 && *room == 7 && memcmp(from->sun_path, "\0from", 5) == 0);
    EXPECT(NAMED(connect, other, 0, "@to") == 0);
    EXPECT(DO(p, socket, AF_UNIX, SOCK_DGRAM, 0) == 1);
    EXPECT(NAMED(connect, p, 1, "@from") == -EPERM); /* it hears its peer alone */
    /* Full: who is connected waits, and so does who names it. */
    uint64_t sent = 0;
    while (DO(other, sendto, 0, P(buffer), 60000, MSG_DONTWAIT, 0, 0) == 60000)
        sent++;
    EXPECT(sent == 4 && DO(other, write, 0, P(buffer), 10) == WAIT);
    EXPECT(DO(p, sendto, 1, P(buffer), 10, MSG_DONTWAIT, P(to), 5) == -EAGAIN);
    struct program *third = fake_fork(p);
    EXPECT(DO(third, sendto, 1, P(buffer), 10, 0, P(to), 5) == WAIT);
    for (unsigned i = 0; i < sent; i++)
        EXPECT(DO(p, read, 0, P(buffer), 60000) == 60000);
    EXPECT(fake_result(other) == 10 && fake_result(third) == 10);
    fake_end(third);
    EXPECT(DO(p, close, 0) == 0 && DO(other, write, 0, P(buffer), 1) == -ECONNREFUSED);
    EXPECT(DO(other, write, 0, P(buffer), 1) == -ENOTCONN);
    finish(p, other);
}

/* All queues together have an end, for whoever sends; what is read is free again. */
TEST(linux_socket_queues_limited)
{
    struct program *other, *p = begin(SOCK_STREAM, &other);
    char *buffer = fake_memory(100000);
    int32_t *ends = fake_memory(8);
    packets_limit(150000);
    EXPECT(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0 && ends[0] == 2);
    EXPECT(DO(p, write, 0, P(buffer), 100000) == 100000);
    EXPECT(DO(p, write, 2, P(buffer), 60000) == -ENOBUFS && DO(p, write, 2, P(buffer), 9) == 9);
    EXPECT(DO(other, read, 1, P(buffer), 50000) == 50000);
    EXPECT(DO(p, write, 2, P(buffer), 60000) == 60000);
    EXPECT(DO(p, write, 0, P(buffer), 20000) == 20000);
    EXPECT(DO(p, write, 0, P(buffer), 20000) == -ENOBUFS);
    finish(p, other);
    p = begin(SOCK_STREAM, &other);
    EXPECT(DO(p, write, 0, P(buffer), 100000) == 100000);
    finish(p, other);
}

TEST(linux_socket_polls)
{
    struct program *other, *p = begin(SOCK_STREAM, &other);
    struct epoll_event *event = fake_memory(sizeof(*event));
    char *buffer = fake_memory(400000);
    EXPECT(DO(p, epoll_create1, 0) == 2);
    *event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.u64 = 7};
    EXPECT(DO(p, epoll_ctl, 2, EPOLL_CTL_ADD, 0, P(event)) == 0);
    EXPECT(DO(p, epoll_wait, 2, P(event), 1, (uint64_t)-1) == WAIT);
    EXPECT(DO(other, write, 1, P(buffer), 1) == 1 && fake_result(p) == 1 && event->data.u64 == 7);
    EXPECT(DO(p, epoll_wait, 2, P(event), 1, 0) == 0);
    /* Full, and told when a quarter is left. */
    struct pollfd *polls = fake_memory(sizeof(*polls));
    *polls = (struct pollfd){0, POLLOUT, 0};
    EXPECT(DO(p, fcntl, 0, F_SETFL, O_NONBLOCK) == 0 &&
           DO(p, write, 0, P(buffer), 400000) > 200000);
    EXPECT(DO(p, poll, P(polls), 1, (uint64_t)-1) == WAIT);
    EXPECT(DO(other, read, 1, P(buffer), 100000) == 100000);
    fake_run();
    EXPECT(fake_waits(p) && DO(other, read, 1, P(buffer), 400000) > 100000);
    EXPECT(fake_result(p) == 1 && polls->revents == POLLOUT);
    finish(p, other);
}

TEST(linux_socket_options)
{
    struct program *other, *p = begin(SOCK_STREAM, &other);
    int32_t *value = fake_memory(4), *size = fake_memory(4);
    int64_t *time = fake_memory(16);
    char *buffer = fake_memory(10);
    *value = 1;
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, P(value), 4) == 0);
    EXPECT(option_of(p, 0, SO_REUSEADDR) == 1 && option_of(p, 0, SO_KEEPALIVE) == 0);
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, P(value), 3) == -EINVAL);
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, 9999, P(value), 4) == -ENOPROTOOPT);
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, (uint64_t)-1, P(value), 4) == -ENOPROTOOPT);
    EXPECT(DO(p, setsockopt, 0, 6, 1, P(value), 4) == -EOPNOTSUPP);
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_SNDBUF, P(value), 4) == 0);
    EXPECT(option_of(p, 0, SO_SNDBUF) == 4608 && option_of(p, 0, SO_RCVBUF) == SOCKET_SIZE);
    *value = -1;
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_SNDBUF, P(value), 4) == 0);
    EXPECT(option_of(p, 0, SO_SNDBUF) == SOCKET_SIZE_MAX);
    *size = -1;
    EXPECT(DO(p, getsockopt, 0, SOL_SOCKET, SO_TYPE, P(value), P(size)) == -EINVAL);
    *size = 1, *value = 0;
    EXPECT(DO(p, getsockopt, 0, SOL_SOCKET, SO_TYPE, P(value), P(size)) == 0 && *size == 1);
    time[0] = 0, time[1] = 20000;
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_RCVTIMEO, P(time), 16) == 0);
    EXPECT(DO(p, read, 0, P(buffer), 1) == WAIT);
    fake_pass(20000000);
    EXPECT(fake_result(p) == -EAGAIN);
    time[1] = 1000000;
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_RCVTIMEO, P(time), 16) == -EDOM);
    finish(p, other);
}
