/* Which files are ready: poll, select, epoll, eventfd. */
#include "fake.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* A pipe at 0 (reads) and 1 (writes), and another program with the same. */
static struct program *begin(struct program **other)
{
    struct program *p = fake_start();
    int32_t *ends = fake_memory(8);
    EXPECT(DO(p, pipe2, P(ends), O_NONBLOCK) == 0 && ends[0] == 0);
    *other = fake_fork(p);
    return p;
}

TEST(linux_poll_waits)
{
    struct program *other, *p = begin(&other);
    struct pollfd *polls = fake_memory(3 * sizeof(*polls));
    polls[0] = (struct pollfd){0, POLLIN, 77};
    polls[1] = (struct pollfd){-1, POLLIN, 77};
    polls[2] = (struct pollfd){1, POLLOUT, 77};
    EXPECT(DO(p, poll, P(polls), 3, 0) == 1);
    EXPECT(polls[0].revents == 0 && polls[1].revents == 0 && polls[2].revents == POLLOUT);
    EXPECT(DO(p, poll, P(polls), 1, (uint64_t)-1) == WAIT);
    EXPECT(DO(other, write, 1, P(polls), 1) == 1 && fake_result(p) == 1);
    EXPECT(polls[0].revents == POLLIN && DO(p, read, 0, P(polls + 1), 1) == 1);
    polls[0].events = POLLIN;
    EXPECT(DO(p, poll, P(polls), 1, 20) == WAIT);
    fake_pass(19999999);
    EXPECT(fake_waits(p));
    fake_pass(1);
    EXPECT(fake_result(p) == 0 && polls[0].revents == 0);
    EXPECT(DO(p, poll, P(polls), 1, 20) == WAIT);
    fake_interrupt(p);
    EXPECT(fake_result(p) == RESTART_NO_HAND);
    polls[0].fd = 50;
    EXPECT(DO(p, poll, P(polls), 1, 0) == 1 && polls[0].revents == POLLNVAL);
    EXPECT(DO(p, poll, P(polls), 2000, 0) == -EINVAL && DO(p, poll, 8, 1, 0) == -EFAULT);
    EXPECT(DO(p, poll, 8, 0, 0) == 0);
    fake_end(other);
    EXPECT(DO(p, close, 1) == 0);
    polls[0] = (struct pollfd){0, 0, 0};
    EXPECT(DO(p, poll, P(polls), 1, (uint64_t)-1) == 1 && polls[0].revents == POLLHUP);
}

TEST(linux_select_waits)
{
    struct program *other, *p = begin(&other);
    uint64_t *in = fake_memory(16), *out = fake_memory(16);
    int64_t *time = fake_memory(16);
    *in = 1, *out = 2;
    EXPECT(DO(p, select, 2, P(in), P(out), 0, 0) == 1 && *in == 0 && *out == 2);
    *in = 1;
    EXPECT(DO(p, select, 1, P(in), 0, 0, 0) == WAIT);
    EXPECT(DO(other, write, 1, P(out), 1) == 1 && fake_result(p) == 1 && *in == 1);
    EXPECT(DO(p, read, 0, P(out), 1) == 1);
    time[0] = 1, time[1] = 500000;
    EXPECT(DO(p, select, 1, P(in), 0, 0, P(time)) == WAIT);
    fake_pass(1000000000);
    EXPECT(fake_waits(p));
    fake_pass(500000000);
    EXPECT(fake_result(p) == 0 && *in == 0 && time[0] == 0 && time[1] == 0);
    *in = UINT64_C(1) << 40;
    EXPECT(DO(p, select, 41, P(in), 0, 0, 0) == -EBADF);
    EXPECT(DO(p, select, (uint64_t)-1, P(in), 0, 0, 0) == -EINVAL);
    /* With a mask, that is there while it waits. */
    uint64_t *mask = fake_memory(8), *masks = fake_memory(16);
    *mask = 0xf, masks[0] = P(mask), masks[1] = 8, *in = 1;
    p->task.blocked = 0x1234;
    EXPECT(DO(p, pselect6, 1, P(in), 0, 0, 0, P(masks)) == WAIT && p->task.blocked == 0xf);
    EXPECT(DO(other, write, 1, P(out), 1) == 1 && fake_result(p) == 1);
    EXPECT(p->task.blocked == 0x1234);
}

static int64_t control(struct program *p, int operation, int fd, uint32_t events)
{
    struct epoll_event *event = fake_memory(sizeof(*event));
    *event = (struct epoll_event){.events = events, .data.u64 = 1000 + (uint64_t)fd};
    return DO(p, epoll_ctl, 2, (uint64_t)operation, (uint64_t)fd, P(event));
}

static uint32_t events_now(struct program *p, struct epoll_event *events)
{
    int64_t count = DO(p, epoll_wait, 2, P(events), 10, 0);
    EXPECT(count >= 0 && count <= 1);
    return count == 1 ? events[0].events : 0;
}

TEST(linux_epoll_level_edge_oneshot)
{
    struct program *other, *p = begin(&other);
    struct epoll_event *events = fake_memory(10 * sizeof(*events));
    char *byte = fake_memory(1);
    EXPECT(DO(p, epoll_create1, 0) == 2 && control(p, EPOLL_CTL_ADD, 0, EPOLLIN) == 0);
    EXPECT(control(p, EPOLL_CTL_ADD, 0, EPOLLIN) == -EEXIST);
    EXPECT(control(p, EPOLL_CTL_DEL, 1, 0) == -ENOENT &&
           control(p, EPOLL_CTL_ADD, 2, 0) == -EINVAL);
    EXPECT(events_now(p, events) == 0 && DO(p, epoll_wait, 2, P(events), 10, (uint64_t)-1) == WAIT);
    EXPECT(DO(other, write, 1, P(byte), 1) == 1 && fake_result(p) == 1);
    EXPECT(events[0].events == EPOLLIN && events[0].data.u64 == 1000);
    EXPECT(events_now(p, events) == EPOLLIN && DO(p, read, 0, P(byte), 1) == 1);
    EXPECT(events_now(p, events) == 0);
    EXPECT(control(p, EPOLL_CTL_MOD, 0, EPOLLIN | EPOLLET) == 0 && events_now(p, events) == 0);
    EXPECT(DO(other, write, 1, P(byte), 1) == 1 && events_now(p, events) == EPOLLIN);
    EXPECT(events_now(p, events) == 0 && DO(other, write, 1, P(byte), 1) == 1);
    EXPECT(events_now(p, events) == EPOLLIN && events_now(p, events) == 0);
    EXPECT(control(p, EPOLL_CTL_MOD, 0, EPOLLIN | EPOLLONESHOT) == 0);
    EXPECT(events_now(p, events) == EPOLLIN && DO(other, write, 1, P(byte), 1) == 1);
    EXPECT(events_now(p, events) == 0 && control(p, EPOLL_CTL_MOD, 0, EPOLLIN) == 0);
    EXPECT(events_now(p, events) == EPOLLIN && control(p, EPOLL_CTL_ADD, 1, EPOLLOUT) == 0);
    EXPECT(DO(p, epoll_wait, 2, P(events), 10, 0) == 2 &&
           DO(p, epoll_wait, 2, P(events), 1, 0) == 1);
    uint64_t first = events[0].data.u64;
    EXPECT(DO(p, epoll_wait, 2, P(events), 1, 0) == 1 && events[0].data.u64 != first); /* in turn */
    EXPECT(DO(p, epoll_wait, 2, P(events), 0, 0) == -EINVAL);
    EXPECT(DO(p, epoll_wait, 2, 8, 10, 0) == -EFAULT &&
           DO(p, epoll_wait, 2, P(events), 10, 0) == 2);
    /* The item lives as long as the open file, whose descriptor the child still has. */
    EXPECT(DO(p, close, 0) == 0 && DO(p, epoll_wait, 2, P(events), 10, 0) == 2);
    EXPECT(DO(other, close, 0) == 0 && DO(p, epoll_wait, 2, P(events), 10, 0) == 1);
    EXPECT(DO(p, open, P(fake_text("/f")), O_CREAT | O_RDWR, 0644) == 0);
    EXPECT(control(p, EPOLL_CTL_ADD, 0, EPOLLIN) == -EPERM);
    fake_end(p);
    fake_end(other);
}

TEST(linux_epoll_nested)
{
    struct program *other, *p = begin(&other);
    struct epoll_event *events = fake_memory(10 * sizeof(*events));
    struct pollfd *poll = fake_memory(sizeof(*poll));
    EXPECT(DO(p, epoll_create1, 0) == 2 && DO(p, epoll_create1, 0) == 3 &&
           DO(p, epoll_create1, 0) == 4);
    EXPECT(control(p, EPOLL_CTL_ADD, 0, EPOLLIN) == 0);
    struct epoll_event *event = fake_memory(sizeof(*event));
    *event = (struct epoll_event){.events = EPOLLIN};
    EXPECT(DO(p, epoll_ctl, 3, EPOLL_CTL_ADD, 2, P(event)) == 0);
    EXPECT(DO(p, epoll_ctl, 2, EPOLL_CTL_ADD, 3, P(event)) == -ELOOP);
    EXPECT(DO(p, epoll_ctl, 4, EPOLL_CTL_ADD, 3, P(event)) == -ELOOP);
    EXPECT(DO(p, epoll_wait, 3, P(events), 10, (uint64_t)-1) == WAIT);
    EXPECT(DO(other, write, 1, P(poll), 1) == 1 && fake_result(p) == 1);
    EXPECT(DO(p, read, 0, P(poll), 1) == 1 && DO(p, epoll_wait, 3, P(events), 10, 0) == 0);
    *poll = (struct pollfd){3, POLLIN, 0};
    EXPECT(DO(p, poll, P(poll), 1, 0) == 0 && DO(p, poll, P(poll), 1, 1000) == WAIT);
    EXPECT(DO(other, write, 1, P(events), 1) == 1 && fake_result(p) == 1);
    EXPECT(DO(p, close, 2) == 0 && DO(other, write, 1, P(events), 1) == 1);
    EXPECT(DO(p, epoll_wait, 3, P(events), 10, 0) == 0);
}

TEST(linux_epoll_many)
{
    struct program *other, *p = begin(&other);
    struct epoll_event *events = fake_memory(1000 * sizeof(*events));
    uint64_t *one = fake_memory(8);
    *one = 1;
    EXPECT(DO(p, epoll_create1, 0) == 2);
    for (int fd = 3; fd < 900; fd++) {
        REQUIRE(DO(p, eventfd2, 0, 0) == fd);
        REQUIRE(control(p, EPOLL_CTL_ADD, fd, EPOLLIN) == 0);
    }
    EXPECT(DO(p, epoll_wait, 2, P(events), 1000, 0) == 0);
    for (uint64_t fd = 3; fd < 900; fd += 3)
        REQUIRE(DO(p, write, fd, P(one), 8) == 8);
    EXPECT(DO(p, epoll_wait, 2, P(events), 1000, 0) == 299);
    for (uint64_t fd = 3; fd < 900; fd += 2)
        REQUIRE(DO(p, close, fd) == 0);
    EXPECT(DO(p, epoll_wait, 2, P(events), 1000, 0) == 149);
    fake_end(p);
}

TEST(linux_eventfd)
{
    struct program *other, *p = begin(&other);
    uint64_t *value = fake_memory(8);
    EXPECT(DO(p, eventfd2, 3, 0) == 2 && DO(p, read, 2, P(value), 8) == 8 && *value == 3);
    EXPECT(DO(p, read, 2, P(value), 7) == -EINVAL && DO(p, read, 2, P(value), 8) == WAIT);
    other = fake_fork(p);
    *value = 5;
    EXPECT(DO(other, write, 2, P(value), 8) == 8);
    *value = 0;
    EXPECT(fake_result(p) == 8 && *value == 5);
    *value = UINT64_MAX;
    EXPECT(DO(p, write, 2, P(value), 8) == -EINVAL);
    *value = UINT64_MAX - 1;
    EXPECT(DO(p, write, 2, P(value), 8) == 8);
    *value = 1;
    EXPECT(DO(p, write, 2, P(value), 8) == WAIT && DO(other, read, 2, P(value), 8) == 8);
    EXPECT(fake_result(p) == 8 && DO(p, eventfd2, 2, EFD_SEMAPHORE | EFD_NONBLOCK) == 3);
    EXPECT(DO(p, read, 3, P(value), 8) == 8 && *value == 1 && DO(p, read, 3, P(value), 8) == 8);
    EXPECT(DO(p, read, 3, P(value), 8) == -EAGAIN);
}
