/* Terminals, sessions, pseudo-terminals, the console on a stream. */
#include "fake.h"
#include "signals.h"
#include "stream.h"
#include "tty.h"
#include <stdio.h>

#define SIGNALLED(program, number) (((program)->signals & UINT64_C(1) << (number)) != 0)

/* The outside of the console. */
static char sent[100000];
static uint64_t sent_size, sent_room, rooms;

static uint64_t out_write(struct stream *stream, const void *bytes, uint64_t size)
{
    (void)stream;
    size = min_u64(size, sent_room - sent_size);
    memcpy(sent + sent_size, bytes, size);
    sent_size += size;
    return size;
}

static void out_room(struct stream *stream)
{
    (void)stream;
    rooms++;
}

static const struct stream_ops outside = {out_write, out_room};
static struct stream stream;

static struct program *console_begin(void)
{
    struct program *p = fake_start();
    sent_room = sizeof(sent);
    stream_init(&stream, &outside);
    REQUIRE(console_start(&stream) == 0);
    struct file *file = console_file(O_RDWR);
    REQUIRE(files_standard(p->task.files, file, file, file) == 0);
    file_put(file);
    tty_control(console_tty(), &p->group);
    return p;
}

static uint64_t type(const char *text)
{
    uint64_t taken = stream_input(&stream, text, strlen(text));
    fake_run();
    return taken;
}

static bool was_sent(const char *text)
{
    bool same = sent_size == strlen(text) && memcmp(sent, text, sent_size) == 0;
    sent_size = 0;
    return same;
}

TEST(linux_console_lines)
{
    struct program *p = console_begin();
    char *buffer = fake_memory(100);
    EXPECT(DO(p, read, 0, P(buffer), 100) == WAIT && type("hi\n") == 3);
    EXPECT(fake_result(p) == 3 && memcmp(buffer, "hi\n", 3) == 0 && was_sent("hi\r\n"));
    EXPECT(DO(p, write, 1, P(fake_text("a\nb")), 3) == 3 && was_sent("a\r\nb"));
    EXPECT(DO(p, read, 0, P(buffer), 100) == WAIT && type("x\3") == 2);
    EXPECT(SIGNALLED(p, SIGINT) && fake_waits(p));
    fake_interrupt(p);
    EXPECT(fake_result(p) == RESTART_ALWAYS);
    EXPECT(DO(p, fcntl, 0, F_SETFL, O_NONBLOCK) == 0 && DO(p, read, 0, P(buffer), 9) == -EAGAIN);
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(DO(p, fstat, 0, P(told)) == 0 && S_ISCHR(told->st_mode) && told->st_rdev == 0x501);
    EXPECT(DO(p, open, P(fake_text("/dev/tty")), O_RDWR, 0) == 3 &&
           DO(p, lseek, 3, 0, 0) == -ESPIPE);
    EXPECT(type("\4") == 1 && DO(p, read, 3, P(buffer), 9) == 0);
}

TEST(linux_console_slow_outside)
{
    struct program *p = console_begin();
    char *text = fake_memory(20000);
    memset(text, 'y', 20000);
    sent_room = 100;
    EXPECT(DO(p, write, 1, P(text), 20000) == WAIT && sent_size == 100);
    while (fake_waits(p) && sent_room < 50000) {
        sent_room += 1000;
        stream_writable(&stream);
        fake_run();
    }
    EXPECT(fake_result(p) == 20000);
    sent_room += 10000;
    stream_writable(&stream);
    EXPECT(sent_size == 20000);
}

TEST(linux_console_ends)
{
    struct program *p = console_begin();
    char *buffer = fake_memory(10);
    EXPECT(DO(p, read, 0, P(buffer), 10) == WAIT);
    stream_end(&stream);
    EXPECT(fake_result(p) == 0 && SIGNALLED(p, SIGHUP) && p->group.tty == NULL);
    EXPECT(DO(p, write, 1, P(buffer), 1) == -EIO);
    EXPECT(DO(p, open, P(fake_text("/dev/tty")), O_RDWR, 0) == -ENXIO);
}

TEST(linux_tty_raw_times)
{
    struct program *p = console_begin();
    struct terminal_modes *modes = fake_memory(sizeof(*modes));
    char *buffer = fake_memory(100);
    EXPECT(DO(p, ioctl, 0, TCGETS, P(modes)) == 0);
    modes->lflag &= ~(uint32_t)(ICANON | ECHO);
    modes->cc[VMIN] = 3;
    EXPECT(DO(p, ioctl, 0, TCSETS, P(modes)) == 0);
    EXPECT(DO(p, read, 0, P(buffer), 100) == WAIT && type("ab") == 2 && fake_waits(p));
    EXPECT(type("c") == 1 && fake_result(p) == 3);
    EXPECT(DO(p, read, 0, P(buffer), 1) == WAIT && type("a") == 1 && fake_result(p) == 1);
    modes->cc[VMIN] = 0;
    EXPECT(DO(p, ioctl, 0, TCSETS, P(modes)) == 0 && DO(p, read, 0, P(buffer), 9) == 0);
    modes->cc[VTIME] = 5;
    EXPECT(DO(p, ioctl, 0, TCSETS, P(modes)) == 0 && DO(p, read, 0, P(buffer), 9) == WAIT);
    fake_pass(499999999);
    EXPECT(fake_waits(p));
    fake_pass(1);
    EXPECT(fake_result(p) == 0);
    EXPECT(DO(p, read, 0, P(buffer), 9) == WAIT && type("z") == 1 && fake_result(p) == 1);
    modes->cc[VMIN] = 4; /* between bytes, once there is one */
    EXPECT(DO(p, ioctl, 0, TCSETS, P(modes)) == 0 && DO(p, read, 0, P(buffer), 9) == WAIT);
    fake_pass(2000000000);
    EXPECT(fake_waits(p) && type("q") == 1 && fake_waits(p));
    fake_pass(500000000);
    EXPECT(fake_result(p) == 1 && buffer[0] == 'q');
}

TEST(linux_tty_job_control)
{
    struct program *shell = console_begin(), *job = fake_fork(shell);
    int32_t *number = fake_memory(4);
    char *buffer = fake_memory(10);
    struct winsize *size = fake_memory(sizeof(*size));
    job->group.pgid = job->group.pid;
    EXPECT(DO(job, read, 0, P(buffer), 1) == RESTART_ALWAYS && SIGNALLED(job, SIGTTIN));
    EXPECT(DO(job, write, 1, P(buffer), 1) == 1);
    *number = (int32_t)job->group.pid;
    EXPECT(DO(job, ioctl, 0, TIOCSPGRP, P(number)) == RESTART_ALWAYS && SIGNALLED(job, SIGTTOU));
    EXPECT(DO(shell, ioctl, 0, TIOCSPGRP, P(number)) == 0);
    EXPECT(DO(shell, ioctl, 0, TIOCGPGRP, P(number)) == 0 && *number == (int32_t)job->group.pid);
    EXPECT(DO(job, read, 0, P(buffer), 1) == WAIT && type("\32") == 1);
    EXPECT(SIGNALLED(job, SIGTSTP) && !SIGNALLED(shell, SIGTSTP));
    *size = (struct winsize){.ws_row = 24, .ws_col = 80};
    EXPECT(DO(shell, ioctl, 0, TIOCSWINSZ, P(size)) == 0 && SIGNALLED(job, SIGWINCH));
    job->signals = 0;
    EXPECT(DO(shell, ioctl, 0, TIOCSWINSZ, P(size)) == 0 && !SIGNALLED(job, SIGWINCH));
    size->ws_row = 0;
    EXPECT(DO(shell, ioctl, 0, TIOCGWINSZ, P(size)) == 0 && size->ws_row == 24);
    /* With the signal blocked: no way to read, a way to set. */
    shell->task.blocked = SIGNAL_BIT(SIGTTOU) | SIGNAL_BIT(SIGTTIN);
    EXPECT(DO(shell, read, 0, P(buffer), 1) == -EIO);
    *number = (int32_t)shell->group.pgid;
    EXPECT(DO(shell, ioctl, 0, TIOCSPGRP, P(number)) == 0);
    *number = 12345;
    EXPECT(DO(shell, ioctl, 0, TIOCSPGRP, P(number)) == -ESRCH);
    struct program *other = fake_program(0);
    *number = (int32_t)other->group.pgid;
    EXPECT(DO(shell, ioctl, 0, TIOCSPGRP, P(number)) == -EPERM);
    /* A group whose parents are gone is not stopped. */
    job->group.parent = &other->group;
    job->signals = 0;
    fake_interrupt(job);
    EXPECT(DO(job, read, 0, P(buffer), 1) == -EIO && job->signals == 0);
    EXPECT(DO(job, ioctl, 0, TIOCNOTTY, 0) == 0 && job->group.tty == NULL);
    session_leave(&shell->group);
    EXPECT(SIGNALLED(shell, SIGHUP) && shell->group.tty == NULL);
}

struct pair {
    struct program *terminal, *shell; /* master 0; tty 0 */
};

static struct pair pty_pair(void)
{
    struct pair pair = {.terminal = fake_start()};
    int32_t *number = fake_memory(4);
    REQUIRE(DO(pair.terminal, open, P(fake_text("/dev/ptmx")), O_RDWR | O_NOCTTY, 0) == 0);
    EXPECT(DO(pair.terminal, ioctl, 0, TIOCGPTN, P(number)) == 0 && *number == 0);
    pair.shell = fake_program(0);
    EXPECT(DO(pair.shell, open, P(fake_text("/dev/pts/0")), O_RDWR, 0) == -EIO);
    EXPECT(DO(pair.terminal, ioctl, 0, TIOCSPTLCK, P(number)) == 0);
    EXPECT(DO(pair.shell, open, P(fake_text("/dev/pts/0")), O_RDWR, 0) == 0);
    EXPECT(pair.shell->group.tty != NULL);
    return pair;
}

TEST(linux_pty_both_ways)
{
    struct pair pair = pty_pair();
    struct program *terminal = pair.terminal, *shell = pair.shell;
    char *buffer = fake_memory(100);
    EXPECT(DO(shell, read, 0, P(buffer), 100) == WAIT);
    EXPECT(DO(terminal, write, 0, P(fake_text("ls\r")), 3) == 3);
    EXPECT(fake_result(shell) == 3 && memcmp(buffer, "ls\n", 3) == 0);
    EXPECT(DO(terminal, read, 0, P(buffer), 100) == 4 && memcmp(buffer, "ls\r\n", 4) == 0);
    EXPECT(DO(terminal, read, 0, P(buffer), 100) == WAIT && DO(shell, write, 0, P(buffer), 2) == 2);
    EXPECT(fake_result(terminal) == 2);
    EXPECT(DO(terminal, write, 0, P(fake_text("\3")), 1) == 1 && SIGNALLED(shell, SIGINT));
    char *many = fake_memory(20000);
    memset(many, 'm', 20000);
    EXPECT(DO(shell, write, 0, P(many), 20000) == WAIT);
    uint64_t got = 0;
    while (got < 20000 && DO(terminal, read, 0, P(many), 777) > 0) {
        got += (uint64_t)terminal->result;
        fake_run();
    }
    EXPECT(got >= 20000 && fake_result(shell) == 20000);
}

TEST(linux_pty_ends)
{
    struct pair pair = pty_pair();
    struct program *terminal = pair.terminal, *shell = pair.shell, *other = fake_program(0);
    char *buffer = fake_memory(100);
    EXPECT(DO(other, open, P(fake_text("/dev/pts/0")), O_RDWR | O_NOCTTY, 0) == 0);
    EXPECT(other->group.tty == NULL && DO(other, ioctl, 0, TIOCSCTTY, 0) == -EPERM);
    EXPECT(DO(terminal, read, 0, P(buffer), 1) == WAIT && DO(shell, close, 0) == 0);
    EXPECT(fake_result(terminal) == WAIT && DO(other, close, 0) == 0);
    EXPECT(fake_result(terminal) == -EIO && DO(terminal, write, 0, P(buffer), 1) == -EIO);
    EXPECT(DO(shell, open, P(fake_text("/dev/pts/0")), O_RDWR, 0) == 0);
    EXPECT(DO(shell, read, 0, P(buffer), 1) == WAIT && DO(terminal, close, 0) == 0);
    EXPECT(fake_result(shell) == 0 && SIGNALLED(shell, SIGHUP) && shell->group.tty == NULL);
    EXPECT(DO(shell, ioctl, 0, TCGETS, P(buffer)) == -EIO);
    EXPECT(DO(shell, access, P(fake_text("/dev/pts/0")), 0) == -ENOENT);
    EXPECT(DO(shell, close, 0) == 0);
    /* Its number is free again; many at once have their own. */
    for (int i = 0; i < 300; i++)
        REQUIRE(DO(terminal, open, P(fake_text("/dev/ptmx")), O_RDWR, 0) == i);
    EXPECT(DO(terminal, access, P(fake_text("/dev/pts/299")), 0) == 0);
    EXPECT(DO(terminal, close_range, 0, 1000, 0) == 0);
    EXPECT(DO(terminal, access, P(fake_text("/dev/pts/299")), 0) == -ENOENT);
}

TEST(linux_stream_files)
{
    struct program *p = fake_start();
    char *buffer = fake_memory(10000);
    sent_room = 50;
    stream_init(&stream, &outside);
    struct file *in = stream_file(&stream, O_RDONLY), *out = stream_file(&stream, O_WRONLY);
    REQUIRE(files_standard(p->task.files, in, out, out) == 0);
    file_put(in);
    file_put(out);
    EXPECT(DO(p, read, 0, P(buffer), 10) == WAIT && type("abc") == 3 && fake_result(p) == 3);
    memset(buffer, 'i', 10000);
    EXPECT(stream_input(&stream, buffer, 10000) == RING_SIZE && rooms == 0);
    EXPECT(DO(p, read, 0, P(buffer), 10000) == RING_SIZE && rooms == 1);
    EXPECT(DO(p, write, 1, P(buffer), 100) == WAIT && sent_size == 50);
    sent_room = 100;
    stream_writable(&stream);
    EXPECT(fake_result(p) == 100 && sent_size == 100);
    EXPECT(type("last") == 4);
    stream_end(&stream);
    EXPECT(DO(p, read, 0, P(buffer), 10) == 4 && DO(p, read, 0, P(buffer), 10) == 0);
    EXPECT(DO(p, ioctl, 0, TCGETS, P(buffer)) == -ENOTTY);
}
