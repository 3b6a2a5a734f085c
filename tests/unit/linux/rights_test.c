/* What comes along with messages of sockets: descriptors, credentials, and circles of them. */
#include "fake.h"
#include "socket.h"
#include <stdlib.h>
#include <sys/uio.h>

/* A message of one byte, with room for control data. */
struct note {
    struct msghdr header;
    struct iovec vector;
    char byte[8];
    struct cmsghdr *control;
};

static struct note *note_make(uint64_t control_size)
{
    struct note *note = fake_memory(sizeof(*note));
    note->control = fake_memory(control_size);
    note->vector = (struct iovec){note->byte, 1};
    note->header = (struct msghdr){.msg_iov = &note->vector, .msg_iovlen = 1};
    note->header.msg_control = note->control;
    note->header.msg_controllen = control_size;
    return note;
}

static struct note *note_rights(const int *fds, uint32_t count)
{
    struct note *note = note_make(CMSG_SPACE(count * sizeof(int)));
    *note->control = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(note->control), fds, count * sizeof(int));
    return note;
}

static int64_t rights_send(struct program *p, uint64_t through, int fd)
{
    static struct note *note;
    if (note == NULL)
        note = note_rights(&fd, 1);
    memcpy(CMSG_DATA(note->control), &fd, sizeof(fd));
    return DO(p, sendmsg, through, P(note), 0);
}

static struct program *begin(int kind)
{
    struct program *p = fake_start();
    int32_t *ends = fake_memory(8);
    EXPECT(DO(p, socketpair, AF_UNIX, (uint64_t)kind, 0, P(ends)) == 0 && ends[1] == 1);
    return p;
}

static int fd_of(const struct note *note)
{
    int fd;
    memcpy(&fd, CMSG_DATA(note->control), sizeof(fd));
    return fd;
}

TEST(linux_rights_pass)
{
    struct program *p = begin(SOCK_STREAM), *other;
    char *text = fake_text("hello");
    EXPECT(DO(p, open, P(fake_text("/file")), O_CREAT | O_RDWR, 0600) == 2);
    EXPECT(DO(p, write, 2, P(text), 5) == 5);
    other = fake_fork(p);
    EXPECT(DO(other, close, 2) == 0 && DO(p, write, 0, P(text), 3) == 3);
    EXPECT(rights_send(p, 0, 2) == 1 && DO(p, close, 2) == 0 && DO(p, write, 0, P(text), 2) == 2);
    /* Bytes before are read alone; those with the descriptor end what is read. */
    struct note *note = note_make(64);
    note->vector.iov_len = 8;
    EXPECT(DO(other, recvmsg, 1, P(note), 0) == 3 && note->header.msg_controllen == 0);
    note->header.msg_controllen = 64;
    EXPECT(DO(other, recvmsg, 1, P(note), MSG_PEEK | MSG_CMSG_CLOEXEC) == 1 && fd_of(note) == 2);
    EXPECT(files_on_exec(other->task.files, 2) && note->header.msg_controllen == 24);
    note->header.msg_controllen = 64;
    EXPECT(DO(other, recvmsg, 1, P(note), 0) == 1 && note->header.msg_controllen == 24);
    EXPECT(note->control->cmsg_len == 20 && note->control->cmsg_type == SCM_RIGHTS);
    EXPECT(fd_of(note) == 3 && note->header.msg_flags == 0 && DO(other, close, 2) == 0);
    EXPECT(DO(other, pread64, 3, P(note->byte), 5, 0) == 5 && memcmp(note->byte, "hello", 5) == 0);
    EXPECT(DO(other, read, 1, P(note->byte), 8) == 2);
    fake_end(p);
    fake_end(other);
    EXPECT(list_empty(&sockets));
}

TEST(linux_rights_without_room)
{
    struct program *p = begin(SOCK_DGRAM);
    int32_t *ends = fake_memory(8);
    EXPECT(DO(p, pipe, P(ends)) == 0 && ends[1] == 3);
    struct note *two = note_rights(ends, 2), *small = note_make(20), *none = note_make(8);
    EXPECT(DO(p, sendmsg, 0, P(two), 0) == 1 && DO(p, sendmsg, 0, P(two), 0) == 1);
    EXPECT(DO(p, sendmsg, 0, P(two), 0) == 1 && DO(p, sendmsg, 0, P(two), 0) == 1);
    EXPECT(DO(p, close, 2) == 0 && DO(p, close, 3) == 0);
    EXPECT(DO(p, recvmsg, 1, P(small), 0) == 1 && small->header.msg_flags == MSG_CTRUNC);
    EXPECT(fd_of(small) == 2 && files_next(p->task.files, 3) < 0);
    EXPECT(DO(p, recvmsg, 1, P(none), 0) == 1 && none->header.msg_flags == MSG_CTRUNC);
    none->header.msg_control = (void *)8; /* nothing is given that cannot be told */
    none->header.msg_controllen = 64;
    EXPECT(DO(p, recvmsg, 1, P(none), 0) == 1 && none->header.msg_flags == MSG_CTRUNC);
    EXPECT(files_next(p->task.files, 3) < 0);
    EXPECT(DO(p, read, 1, P(none->byte), 1) == 1); /* dropped */
    EXPECT(DO(p, close, 2) == 0);
    fake_end(p);
    EXPECT(list_empty(&sockets));
}

TEST(linux_rights_hostile)
{
    struct program *p = begin(SOCK_STREAM);
    int fds[RIGHTS_MAX + 1] = {0};
    struct note *note = note_rights(fds, RIGHTS_MAX + 1);
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EINVAL);
    note = note_rights(fds, RIGHTS_MAX);
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == 1 && DO(p, read, 1, P(note->byte), 1) == 1);
    fds[1] = 99;
    note = note_rights(fds, 2);
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EBADF);
    const uint64_t lengths[] = {0, 15, 25, UINT64_MAX, UINT64_MAX - 7, INT64_MAX};
    for (unsigned i = 0; i < COUNT_OF(lengths); i++) {
        note->control->cmsg_len = lengths[i];
        EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EINVAL);
    }
    note->control->cmsg_len = 24;
    note->control->cmsg_type = 77;
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EINVAL);
    note->header.msg_controllen = UINT32_MAX;
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -ENOBUFS);
    note->header.msg_controllen = 1000;
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EFAULT && DO(p, sendmsg, 0, 8, 0) == -EFAULT);
    note->header.msg_iovlen = 1025;
    EXPECT(DO(p, sendmsg, 0, P(note), 0) == -EMSGSIZE);
    EXPECT(DO(p, recvmsg, 0, P(note), MSG_DONTWAIT) == -EMSGSIZE);
    fake_end(p);
    EXPECT(list_empty(&sockets));
}

TEST(linux_rights_credentials)
{
    struct program *p = begin(SOCK_STREAM), *other = fake_fork(p);
    struct note *note = note_make(CMSG_SPACE(sizeof(struct ucred))), *got = note_make(100);
    struct ucred said = {(int32_t)other->group.pid, 1000, 1000};
    int32_t *on = fake_memory(4);
    *on = 1;
    other->group.uid = other->group.euid = other->group.suid = 1000;
    other->group.gid = other->group.egid = other->group.sgid = 1000;
    *note->control = (struct cmsghdr){CMSG_LEN(sizeof(said)), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(note->control), &said, sizeof(said));
    EXPECT(DO(p, setsockopt, 0, SOL_SOCKET, SO_PASSCRED, P(on), 4) == 0);
    EXPECT(DO(p, write, 1, P(on), 1) == 1 && DO(other, sendmsg, 1, P(note), 0) == 1);
    got->vector.iov_len = 8;
    EXPECT(DO(p, recvmsg, 0, P(got), 0) == 1); /* two senders are two messages */
    memcpy(&said, CMSG_DATA(got->control), sizeof(said));
    EXPECT(said.pid == (int32_t)p->group.pid && said.uid == 0);
    got->header.msg_controllen = 100;
    EXPECT(DO(p, recvmsg, 0, P(got), 0) == 1 && got->header.msg_controllen == 32);
    memcpy(&said, CMSG_DATA(got->control), sizeof(said));
    EXPECT(said.pid == (int32_t)other->group.pid && said.uid == 1000 && said.gid == 1000);
    said.uid = 0;
    memcpy(CMSG_DATA(note->control), &said, sizeof(said));
    EXPECT(DO(other, sendmsg, 1, P(note), 0) == -EPERM && DO(p, sendmsg, 1, P(note), 0) == 1);
    note->control->cmsg_len--;
    EXPECT(DO(p, sendmsg, 1, P(note), 0) == -EINVAL);
    fake_end(p);
    fake_end(other);
    EXPECT(list_empty(&sockets));
}

static uint32_t sockets_count(void)
{
    uint32_t count = 0;
    LIST_EACH(node, &sockets)
    {
        count++;
    }
    return count;
}

/* Sockets that only their own queues hold are found, again and again. */
TEST(linux_rights_circles)
{
    struct program *p = fake_start();
    int32_t *ends = fake_memory(8);
    for (unsigned i = 0; i < 20000; i++) {
        REQUIRE(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0 && ends[0] == 0);
        REQUIRE(rights_send(p, 0, 0) == 1 && rights_send(p, 0, 1) == 1 &&
                rights_send(p, 1, 0) == 1);
        REQUIRE(DO(p, close, 0) == 0 && DO(p, close, 1) == 0);
        REQUIRE(sockets_count() < 2000);
    }
    /* What can be reached stays, over however many queues. */
    REQUIRE(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0);
    REQUIRE(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0 && ends[1] == 3);
    EXPECT(rights_send(p, 2, 3) == 1 && rights_send(p, 2, 2) == 1 && rights_send(p, 0, 3) == 1);
    EXPECT(DO(p, close, 2) == 0 && DO(p, close, 3) == 0);
    for (unsigned i = 0; i < 3000; i++) {
        REQUIRE(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0 && ends[0] == 2);
        REQUIRE(rights_send(p, 2, 2) == 1 && rights_send(p, 2, 3) == 1);
        REQUIRE(DO(p, close, 2) == 0 && DO(p, close, 3) == 0);
    }
    struct note *note = note_make(24);
    EXPECT(DO(p, recvmsg, 1, P(note), 0) == 1 && fd_of(note) == 2);
    note->header.msg_controllen = 24;
    EXPECT(DO(p, recvmsg, 2, P(note), 0) == 1 && fd_of(note) == 3);
    EXPECT(DO(p, close, 2) == 0);
    note->header.msg_controllen = 24;
    EXPECT(DO(p, recvmsg, 3, P(note), 0) == 1 && fd_of(note) == 2);
    fake_end(p);
}

/* A chain of sockets, each in the queue of the next, ends without depth; flights have an end. */
TEST(linux_rights_chain)
{
    struct program *p = begin(SOCK_DGRAM);
    int32_t *ends = fake_memory(8);
    for (unsigned i = 0; i < 10000; i++) {
        REQUIRE(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0);
        REQUIRE(rights_send(p, (uint64_t)ends[0], 0) == 1 &&
                rights_send(p, (uint64_t)ends[0], 1) == 1);
        REQUIRE(DO(p, dup2, (uint64_t)ends[0], 0) == 0 && DO(p, dup2, (uint64_t)ends[1], 1) == 1);
        int64_t closed = DO(p, close, (uint64_t)ends[0]) | DO(p, close, (uint64_t)ends[1]);
        REQUIRE(closed == 0);
        if (rights_room(2) != 0)
            break;
    }
    EXPECT(rights_send(p, 0, 0) == -ETOOMANYREFS || rights_send(p, 0, 0) == -ETOOMANYREFS);
    EXPECT(DO(p, close, 0) == 0 && DO(p, close, 1) == 0);
    EXPECT(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(ends)) == 0 && rights_send(p, 0, 0) == 1);
    fake_end(p);
}
