/* Pipes, and calls that wait for them. */
#include "fake.h"
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

static char *filled(uint64_t size)
{
    char *bytes = fake_memory(size);
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 13 + i / 251);
    return bytes;
}

/* A parent with the end for writing (1), a child with that for reading (0). */
static struct program *pipe_pair(struct program **reader, uint32_t flags)
{
    struct program *writer = fake_start();
    int32_t *ends = fake_memory(8);
    EXPECT(DO(writer, pipe2, P(ends), flags) == 0 && ends[0] == 0 && ends[1] == 1);
    *reader = fake_fork(writer);
    EXPECT(DO(*reader, close, 1) == 0 && DO(writer, close, 0) == 0);
    return writer;
}

TEST(linux_pipe_waits)
{
    struct program *reader, *writer = pipe_pair(&reader, 0);
    char *buffer = fake_memory(100);
    EXPECT(DO(reader, read, 0, P(buffer), 100) == WAIT);
    EXPECT(DO(writer, write, 1, P(fake_text("abc")), 3) == 3);
    EXPECT(fake_result(reader) == 3 && memcmp(buffer, "abc", 3) == 0);
    EXPECT(DO(reader, read, 0, P(buffer), 0) == 0);
    EXPECT(DO(reader, read, 0, P(buffer), 100) == WAIT);
    EXPECT(DO(writer, close, 1) == 0 && fake_result(reader) == 0);
    EXPECT(DO(reader, write, 0, P(buffer), 1) == -EBADF && DO(reader, lseek, 0, 0, 0) == -ESPIPE);
    fake_end(writer);
    fake_end(reader);
}

TEST(linux_pipe_large_write)
{
    enum { SIZE = 200000 };
    struct program *reader, *writer = pipe_pair(&reader, 0);
    char *bytes = filled(SIZE), *got = fake_memory(SIZE);
    EXPECT(DO(writer, write, 1, P(bytes), SIZE) == WAIT);
    uint64_t done = 0;
    for (unsigned round = 0; done < SIZE && round < 1000; round++) {
        int64_t part = DO(reader, read, 0, P(got + done), 1 + round * 97 % 9000);
        REQUIRE(part > 0);
        done += (uint64_t)part;
        fake_run();
    }
    EXPECT(done == SIZE && memcmp(got, bytes, SIZE) == 0 && fake_result(writer) == SIZE);
}

/* From a file into a pipe, piece by piece, with a reader that is slow. */
TEST(linux_pipe_sendfile)
{
    enum { SIZE = 150000 };
    struct program *reader, *writer = pipe_pair(&reader, 0);
    char *bytes = filled(SIZE), *got = fake_memory(SIZE);
    EXPECT(DO(writer, open, P(fake_text("/f")), O_CREAT | O_RDWR, 0644) == 0);
    EXPECT(DO(writer, write, 0, P(bytes), SIZE) == SIZE && DO(writer, lseek, 0, 0, 0) == 0);
    uint64_t done = 0, sent = 0;
    bool waited = false;
    for (unsigned round = 0; done < SIZE && round < 1000; round++) {
        fake_run();
        if (!fake_waits(writer)) {
            sent += waited ? (uint64_t)writer->result : 0;
            waited = sent < SIZE && DO(writer, sendfile, 1, 0, 0, SIZE) == WAIT;
            sent += !waited && writer->result > 0 && sent < SIZE ? (uint64_t)writer->result : 0;
        }
        int64_t part = DO(reader, read, 0, P(got + done), 1 + round * 97 % 9000);
        REQUIRE(part > 0);
        done += (uint64_t)part;
    }
    EXPECT(done == SIZE && sent == SIZE && memcmp(got, bytes, SIZE) == 0);
}

TEST(linux_pipe_whole_writes)
{
    struct program *reader, *writer = pipe_pair(&reader, O_NONBLOCK);
    char *bytes = filled(70000), *got = fake_memory(70000);
    EXPECT(DO(reader, read, 0, P(got), 1) == -EAGAIN);
    EXPECT(DO(writer, write, 1, P(bytes), 70000) == 65536);
    EXPECT(DO(reader, read, 0, P(got), 4095) == 4095);
    EXPECT(DO(writer, write, 1, P(bytes), 4096) == -EAGAIN); /* not a part of it */
    EXPECT(DO(writer, write, 1, P(bytes), 4097) == 4095);
    EXPECT(DO(reader, read, 0, P(got), 4096) == 4096 &&
           DO(writer, write, 1, P(bytes), 4096) == 4096);
    int32_t *left = fake_memory(4);
    EXPECT(DO(reader, ioctl, 0, FIONREAD, P(left)) == 0 && *left == 65536);
}

TEST(linux_pipe_broken)
{
    struct program *reader, *writer = pipe_pair(&reader, 0);
    char *bytes = filled(100000);
    EXPECT(DO(writer, write, 1, P(bytes), 100000) == WAIT);
    fake_end(reader);
    EXPECT(fake_result(writer) == 65536 && writer->signals == 0);
    EXPECT(DO(writer, write, 1, P(bytes), 1) == -EPIPE);
    EXPECT(writer->signals == UINT64_C(1) << SIGPIPE);
}

TEST(linux_pipe_interrupted)
{
    struct program *reader, *writer = pipe_pair(&reader, 0);
    char *bytes = filled(100000);
    EXPECT(DO(reader, read, 0, P(bytes), 1) == WAIT);
    fake_interrupt(reader);
    EXPECT(fake_result(reader) == RESTART_ALWAYS);
    EXPECT(DO(writer, write, 1, P(bytes), 100000) == WAIT);
    fake_interrupt(writer);
    EXPECT(fake_result(writer) == 65536);
    EXPECT(DO(writer, write, 1, P(bytes), 100) == WAIT);
    fake_interrupt(writer);
    EXPECT(fake_result(writer) == RESTART_ALWAYS);
}

/* Another thread closes what a call waits for: the call finds it gone. */
TEST(linux_pipe_closed_while_waiting)
{
    struct program *p = fake_start(), *thread = fake_program(0);
    int32_t *ends = fake_memory(8);
    files_put(thread->task.files);
    thread->task.files = files_get(p->task.files);
    EXPECT(DO(p, pipe, P(ends)) == 0 && DO(p, read, 0, P(ends), 1) == WAIT);
    EXPECT(DO(thread, close, 1) == 0 && fake_result(p) == 0);
    EXPECT(DO(p, close, 0) == 0 && DO(p, pipe, P(ends)) == 0);
    EXPECT(DO(p, read, 0, P(ends), 1) == WAIT && DO(thread, close, 0) == 0);
    EXPECT(DO(thread, close, 1) == 0 && fake_result(p) == -EBADF);
    EXPECT(DO(p, pipe, 8) == -EFAULT && DO(p, pipe, P(ends)) == 0 && ends[0] == 0 && ends[1] == 1);
}

TEST(linux_fifo_opens)
{
    struct program *p = fake_start(), *q = fake_program(0);
    char *path = fake_text("/fifo"), *buffer = fake_memory(10);
    EXPECT(DO(p, mknod, P(path), S_IFIFO | 0666, 0) == 0);
    EXPECT(DO(p, open, P(path), O_WRONLY | O_NONBLOCK, 0) == -ENXIO);
    EXPECT(DO(p, open, P(path), O_RDONLY, 0) == WAIT && DO(q, open, P(path), O_WRONLY, 0) == 0);
    EXPECT(DO(q, write, 0, P(path), 3) == 3 && DO(q, close, 0) == 0);
    EXPECT(fake_result(p) == 0 && DO(p, read, 0, P(buffer), 10) == 3);
    EXPECT(DO(p, read, 0, P(buffer), 10) == 0 && DO(p, close, 0) == 0);
    /* A writer that comes and goes before the reader runs again has met it. */
    EXPECT(DO(p, open, P(path), O_RDONLY, 0) == WAIT && DO(q, open, P(path), O_WRONLY, 0) == 0);
    EXPECT(DO(q, close, 0) == 0 && fake_result(p) == 0 && DO(p, read, 0, P(buffer), 1) == 0);
    EXPECT(DO(p, close, 0) == 0);
    EXPECT(DO(p, open, P(path), O_WRONLY, 0) == WAIT);
    fake_interrupt(p);
    EXPECT(fake_result(p) == RESTART_ALWAYS);
    file_put(p->task.opening);
    p->task.opening = NULL;
    EXPECT(DO(p, open, P(path), O_WRONLY, 0) == WAIT);
    fake_end(p);
    EXPECT(DO(q, open, P(path), O_WRONLY | O_NONBLOCK, 0) == -ENXIO);
    EXPECT(DO(q, open, P(path), O_RDWR, 0) == 0 && DO(q, write, 0, P(path), 2) == 2);
    EXPECT(DO(q, read, 0, P(buffer), 10) == 2);
    EXPECT(DO(q, open, P(path), O_RDONLY | O_NONBLOCK, 0) == 1);
}
