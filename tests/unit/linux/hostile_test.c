/*
 * Programs that make any call of the file half with any arguments: nothing is hurt, whatever they
 * get. ASan and UBSan watch; the counts of a run say that the calls were not all refused.
 */
#include "fake.h"
#include "tree.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define PROGRAMS 4

static struct program *programs[PROGRAMS];
static uint8_t *memory;

static const char *const paths[] = {"/tmp/a",      "/tmp/b",     "/tmp/d/c",     "/tmp/d",
                                    "/tmp/d/../a", "/tmp/fifo",  "/dev/ptmx",    "/dev/pts/0",
                                    "/dev/tty",    "/proc/self", "/proc/1/stat", "/proc/self/fd/3",
                                    "/dev/fd/1",   "/dev/zero",  "/tmp/link",    "d",
                                    "..",          "",           "/proc/2/fd",   "/dev/full"};

/* A value that is likely to mean something: descriptors, addresses, small and large numbers. */
static uint64_t value(void)
{
    uint64_t random = unit_random(), pick = random >> 56;
    if (pick < 90)
        return random % 12;
    if (pick < 130)
        return P(memory + random % 60000);
    if (pick < 170)
        return P(
            strcpy((char *)memory + 61000 + random % 8 * 64, paths[random / 8 % COUNT_OF(paths)]));
    if (pick < 180)
        return P(memory + 62000 + random % 3 * 128);
    if (pick < 200)
        return random % 100000;
    if (pick < 215)
        return 1u << (random & 31);
    if (pick < 235)
        return (uint64_t)AT_FDCWD;
    static const uint64_t edges[] = {UINT64_MAX, INT64_MAX, 1u << 31, UINT32_MAX, 4096,      4095,
                                     0x5401,     0x5402,    0x5412,   0x80045430, 0x40045431};
    return edges[random % COUNT_OF(edges)];
}

/* Calls that would make the test wait for memory or time, not the server. */
static bool is_left_out(uint32_t number)
{
    return number == LINUX_chroot;
}

static uint32_t call_any(void)
{
    uint32_t first = LINUX_open, count = LINUX_eventfd2 - LINUX_open + 1;
    uint32_t number;
    do
        number = first + (uint32_t)(unit_random() % count);
    while (is_left_out(number));
    return number;
}

/* The address of an abstract name; a message with descriptor 0 and one with what are none. */
static void prepare_messages(void)
{
    struct sockaddr_un *name = (void *)(memory + 62000);
    *name = (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "\0name"};
    for (unsigned i = 1; i < 3; i++) {
        struct msghdr *header = (void *)(memory + 62000 + i * 128);
        struct cmsghdr *control = (void *)(header + 1);
        *control = (struct cmsghdr){CMSG_LEN(i * 4), SOL_SOCKET, SCM_RIGHTS};
        memset(CMSG_DATA(control), (int)i - 1, i * 4);
        *header = (struct msghdr){.msg_control = control, .msg_controllen = CMSG_SPACE(i * 4)};
        header->msg_iov = (void *)(memory + 63000);
        header->msg_iovlen = 1;
    }
    *(struct iovec *)(void *)(memory + 63000) = (struct iovec){memory + 10, 40};
}

static void prepare(void)
{
    struct program *p = fake_start();
    memory = fake_memory(64 * KIB);
    for (unsigned i = 0; i < 60000; i++)
        memory[i] = (uint8_t)unit_random() & (i % 3 != 0 ? 15 : 255);
    EXPECT(DO(p, mkdir, P(fake_text("/tmp/d")), 0777) == 0);
    EXPECT(DO(p, mknod, P(fake_text("/tmp/fifo")), S_IFIFO | 0666, 0) == 0);
    EXPECT(DO(p, symlink, P(fake_text("d/c")), P(fake_text("/tmp/link"))) == 0);
    prepare_messages();
    EXPECT(DO(p, socketpair, AF_UNIX, SOCK_STREAM, 0, P(memory)) == 0);
    EXPECT(DO(p, socketpair, AF_UNIX, SOCK_DGRAM, 0, P(memory)) == 0);
    programs[0] = p;
    programs[1] = fake_fork(p);
    programs[2] = fake_program(1000);
    programs[3] = fake_fork(programs[2]);
}

/* Now and then a program ends and another one comes, so that all that it had goes. */
static void replace(unsigned which)
{
    struct program *other = programs[(which + 1) % PROGRAMS];
    if (fake_waits(programs[which]))
        fake_interrupt(programs[which]);
    fake_end(programs[which]);
    programs[which] = fake_fork(other);
    programs[which]->group.parent = NULL;
}

static void enemies(unsigned failing)
{
    uint64_t done = 0, waited = 0;
    prepare();
    fake_budget = 64 * MIB;
    for (unsigned round = 0; round < 300000; round++) {
        unsigned which = (unsigned)(unit_random() % PROGRAMS);
        struct program *p = programs[which];
        fake_failing = failing;
        fake_run();
        fake_failing = 0;
        if (fake_waits(p)) {
            waited++;
            if (unit_random() % 4 == 0)
                fake_interrupt(p);
            continue;
        }
        uint64_t args[7] = {value(), value(), value(), value(), value(), value()};
        fake_failing = failing;
        int64_t result = fake_call(p, call_any(), args);
        done += result >= 0;
        fake_failing = 0;
        if (unit_random() % 500 == 0)
            fake_pass(1000000000);
        if (unit_random() % 2000 == 0)
            replace(which);
    }
    EXPECT(done > 10000 && waited > 100);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        if (fake_waits(programs[i]))
            fake_interrupt(programs[i]);
    }
    for (unsigned i = 0; i < PROGRAMS; i++)
        fake_end(programs[i]);
}

TEST(linux_calls_of_enemies)
{
    enemies(0);
}

TEST(linux_calls_without_memory)
{
    enemies(10);
}
