/* Content of files, and descriptors. */
#include "fake.h"
#include "tmpfs.h"
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t open_new(struct program *p, const char *path, uint32_t flags)
{
    int64_t fd = DO(p, open, P(fake_text(path)), O_CREAT | flags, 0644);
    REQUIRE(fd >= 0);
    return (uint64_t)fd;
}

TEST(linux_file_reads_what_was_written)
{
    struct program *p = fake_start();
    uint64_t fd = open_new(p, "/f", O_RDWR);
    char *buffer = fake_memory(100);
    EXPECT(DO(p, write, fd, P(fake_text("hello world")), 11) == 11);
    EXPECT(DO(p, read, fd, P(buffer), 100) == 0);
    EXPECT(DO(p, lseek, fd, 6, SEEK_SET) == 6);
    EXPECT(DO(p, read, fd, P(buffer), 100) == 5 && memcmp(buffer, "world", 5) == 0);
    EXPECT(DO(p, pread64, fd, P(buffer), 4, 1) == 4 && memcmp(buffer, "ello", 4) == 0);
    EXPECT(DO(p, pwrite64, fd, P(fake_text("J")), 1, 0) == 1);
    EXPECT(DO(p, lseek, fd, 0, SEEK_CUR) == 11 && DO(p, lseek, fd, 0, SEEK_END) == 11);
    EXPECT(DO(p, lseek, fd, (uint64_t)-12, SEEK_END) == -EINVAL);
    EXPECT(DO(p, lseek, fd, INT64_MAX, SEEK_END) == -EOVERFLOW);
    EXPECT(DO(p, pread64, fd, P(buffer), 4, (uint64_t)-1) == -EINVAL);
    EXPECT(DO(p, lseek, fd, 5, SEEK_DATA) == 5 && DO(p, lseek, fd, 5, SEEK_HOLE) == 11);
    EXPECT(DO(p, lseek, fd, 11, SEEK_DATA) == -ENXIO);
    uint64_t end = open_new(p, "/f", O_WRONLY | O_APPEND);
    EXPECT(DO(p, write, end, P(fake_text("!!")), 2) == 2);
    EXPECT(DO(p, read, end, P(buffer), 1) == -EBADF);
    EXPECT(DO(p, pread64, fd, P(buffer), 100, 0) == 13 && memcmp(buffer, "Jello world!!", 13) == 0);
    EXPECT(DO(p, read, 99, P(buffer), 1) == -EBADF);
    uint64_t cut = open_new(p, "/f", O_RDWR | O_TRUNC);
    EXPECT(DO(p, read, cut, P(buffer), 100) == 0);
}

/* What is not a program's memory ends a transfer where it begins. */
TEST(linux_file_faults)
{
    struct program *p = fake_start();
    uint64_t fd = open_new(p, "/f", O_RDWR);
    char *buffer = fake_memory(8);
    memcpy(buffer, "abcdefgh", 8);
    EXPECT(DO(p, write, fd, P(buffer), 100) == 8);
    EXPECT(DO(p, write, fd, 4096, 100) == -EFAULT);
    EXPECT(DO(p, pread64, fd, 4096, 100, 0) == -EFAULT);
    EXPECT(DO(p, pread64, fd, P(buffer + 4), 8, 0) == 4);
    struct stat *told = fake_memory(sizeof(*told));
    EXPECT(DO(p, fstat, fd, P(told)) == 0 && told->st_size == 8);
    struct iovec *ranges = fake_memory(4 * sizeof(*ranges));
    ranges[0] = (struct iovec){buffer, 2};
    ranges[1] = (struct iovec){buffer, 0};
    ranges[2] = (struct iovec){buffer + 4, 4};
    ranges[3] = (struct iovec){(void *)8, 4};
    EXPECT(DO(p, pwritev, fd, P(ranges), 3, 0, 0) == 6 && DO(p, writev, fd, P(ranges), 4) == 6);
    EXPECT(DO(p, writev, fd, P(ranges), 1025) == -EINVAL);
    EXPECT(DO(p, writev, fd, P(ranges), 5) == -EFAULT);
    ranges[0].iov_len = ranges[1].iov_len = INT64_MAX;
    EXPECT(DO(p, readv, fd, P(ranges), 2) == -EINVAL);
}

TEST(linux_file_holes_and_cuts)
{
    struct program *p = fake_start();
    uint64_t fd = open_new(p, "/f", O_RDWR);
    char *buffer = fake_memory(20000);
    EXPECT(DO(p, pwrite64, fd, P(fake_text("end")), 3, 10000) == 3);
    memset(buffer, 1, 20000);
    EXPECT(DO(p, pread64, fd, P(buffer), 20000, 0) == 10003);
    for (unsigned i = 0; i < 10000; i++)
        REQUIRE(buffer[i] == 0);
    EXPECT(memcmp(buffer + 10000, "end", 3) == 0);
    /* What was cut off is zero when the file grows again. */
    EXPECT(DO(p, ftruncate, fd, 10001) == 0 && DO(p, ftruncate, fd, 10003) == 0);
    EXPECT(DO(p, pread64, fd, P(buffer), 10, 10000) == 3 && memcmp(buffer, "e\0\0", 3) == 0);
    EXPECT(DO(p, ftruncate, fd, 10001) == 0);
    EXPECT(DO(p, pwrite64, fd, P(fake_text("x")), 1, 10005) == 1);
    EXPECT(DO(p, pread64, fd, P(buffer), 10, 10000) == 6 && memcmp(buffer, "e\0\0\0\0x", 6) == 0);
    EXPECT(DO(p, ftruncate, fd, 0) == 0 && DO(p, ftruncate, fd, 5) == 0);
    EXPECT(DO(p, pread64, fd, P(buffer), 10, 0) == 5 && memcmp(buffer, "\0\0\0\0\0", 5) == 0);
    EXPECT(DO(p, ftruncate, fd, (uint64_t)-1) == -EINVAL);
    EXPECT(DO(p, ftruncate, fd, INT64_MAX) == -EFBIG);
    EXPECT(DO(p, pwrite64, fd, P(buffer), 2, INT64_MAX - 1) == -EFBIG);
    EXPECT(DO(p, fallocate, fd, 0, 0, 9000) == 0);
    EXPECT(DO(p, pwrite64, fd, P(fake_text("abc")), 3, 5000) == 3);
    EXPECT(DO(p, fallocate, fd, 3, 5001, 1) == 0);
    EXPECT(DO(p, pread64, fd, P(buffer), 3, 5000) == 3 && memcmp(buffer, "a\0c", 3) == 0);
    EXPECT(DO(p, fallocate, fd, 0, INT64_MAX, 1) == -EFBIG);
}

TEST(linux_file_without_budget)
{
    struct program *p = fake_start();
    uint64_t fd = open_new(p, "/f", O_RDWR);
    char *buffer = fake_memory(3 * 4096);
    fake_budget = 2 * PAGE_SIZE;
    EXPECT(DO(p, write, fd, P(buffer), 2 * 4096) == 2 * 4096);
    EXPECT(DO(p, write, fd, P(buffer), 1) == -ENOSPC);
    EXPECT(DO(p, lseek, fd, 0, SEEK_CUR) == 2 * 4096 && DO(p, ftruncate, fd, 9000) == -ENOSPC);
    EXPECT(DO(p, ftruncate, fd, 4096) == 0 && DO(p, pwrite64, fd, P(buffer), 1, 4096) == 1);
}

TEST(linux_memfd_seals)
{
    struct program *p = fake_start();
    int64_t fd = DO(p, memfd_create, P(fake_text("m")), 2);
    EXPECT(fd == 0 && DO(p, write, 0, P(fake_text("abc")), 3) == 3);
    EXPECT(DO(p, fcntl, 0, F_ADD_SEALS, F_SEAL_GROW) == 0);
    EXPECT(DO(p, write, 0, P(fake_text("d")), 1) == -EPERM && DO(p, ftruncate, 0, 2) == 0);
    EXPECT(DO(p, fcntl, 0, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
    EXPECT(DO(p, pwrite64, 0, P(fake_text("d")), 1, 0) == -EPERM);
    EXPECT(DO(p, fcntl, 0, F_ADD_SEALS, F_SEAL_SHRINK) == -EPERM);
    EXPECT(DO(p, fcntl, 0, F_GET_SEALS, 0) == (F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
    open_new(p, "/f", O_RDWR);
    EXPECT(DO(p, fcntl, 1, F_ADD_SEALS, F_SEAL_GROW) == -EPERM);
}

TEST(linux_file_copies)
{
    struct program *p = fake_start();
    uint64_t from = open_new(p, "/f", O_RDWR), to = open_new(p, "/g", O_RDWR);
    char *buffer = fake_memory(100000);
    for (unsigned i = 0; i < 100000; i++)
        buffer[i] = (char)(i * 7);
    EXPECT(DO(p, write, from, P(buffer), 100000) == 100000);
    EXPECT(DO(p, sendfile, to, from, 0, 10) == 0);
    int64_t *at = fake_memory(8);
    *at = 10;
    EXPECT(DO(p, sendfile, to, from, P(at), 200000) == 99990 && *at == 100000);
    char *copy = fake_memory(100000);
    EXPECT(DO(p, pread64, to, P(copy), 100000, 0) == 99990);
    EXPECT(memcmp(copy, buffer + 10, 99990) == 0);
    *at = 0;
    EXPECT(DO(p, copy_file_range, from, P(at), to, 0, 50000, 0) == 50000 && *at == 50000);
    *at = 5;
    EXPECT(DO(p, copy_file_range, from, P(at), from, 0, 100, 0) == 100);
    EXPECT(DO(p, copy_file_range, from, P(at), from, P(at), 100, 0) == -EINVAL);
    *at = -1;
    EXPECT(DO(p, sendfile, to, from, P(at), 10) == -EINVAL);
    EXPECT(DO(p, sendfile, 50, from, 0, 10) == -EBADF);
}

TEST(linux_descriptors)
{
    struct program *p = fake_start();
    for (uint64_t i = 0; i < 200; i++)
        REQUIRE(open_new(p, "/f", O_RDWR) == i);
    EXPECT(DO(p, close, 70) == 0 && DO(p, close, 3) == 0 && DO(p, close, 3) == -EBADF);
    EXPECT(DO(p, dup, 5) == 3 && DO(p, dup, 5) == 70 && DO(p, dup, 5) == 200);
    EXPECT(DO(p, dup2, 5, 900) == 900 && DO(p, fcntl, 5, F_DUPFD, 899) == 899);
    EXPECT(DO(p, fcntl, 5, F_DUPFD_CLOEXEC, 899) == 901);
    EXPECT(DO(p, dup2, 5, 1024) == -EBADF && DO(p, dup2, 5, (uint64_t)-1) == -EBADF);
    EXPECT(DO(p, dup2, 5, 5) == 5 && DO(p, dup3, 5, 5, 0) == -EINVAL);
    EXPECT(DO(p, dup2, 950, 5) == -EBADF && DO(p, fcntl, 5, F_DUPFD, 1024) == -EINVAL);
    EXPECT(DO(p, fcntl, 901, F_GETFD, 0) == FD_CLOEXEC && DO(p, fcntl, 5, F_GETFD, 0) == 0);
    EXPECT(DO(p, fcntl, 5, F_SETFD, FD_CLOEXEC) == 0);
    EXPECT(DO(p, fcntl, 5, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY) == 0);
    EXPECT(DO(p, fcntl, 900, F_GETFL, 0) == (O_RDWR | O_APPEND | O_NONBLOCK));
    files_close_on_exec(p->task.files);
    EXPECT(DO(p, close, 5) == -EBADF && DO(p, close, 901) == -EBADF && DO(p, close, 900) == 0);
    while (DO(p, dup, 0) >= 0)
        continue;
    EXPECT(DO(p, dup, 0) == -EMFILE && DO(p, fcntl, 0, F_DUPFD, 1000) == -EMFILE);
    struct program *child = fake_fork(p);
    EXPECT(DO(child, close_range, 10, UINT32_MAX, 0) == 0 && DO(child, dup, 0) == 10);
    EXPECT(DO(p, close, 1000) == 0 && DO(child, close, 1000) == -EBADF);
    fake_end(child);
    fake_end(p);
}

TEST(linux_devices)
{
    struct program *p = fake_start();
    char *buffer = fake_memory(64), *other = fake_memory(64);
    uint64_t null = (uint64_t)DO(p, open, P(fake_text("/dev/null")), O_RDWR, 0);
    uint64_t zero = (uint64_t)DO(p, open, P(fake_text("/dev/zero")), O_RDWR, 0);
    uint64_t full = (uint64_t)DO(p, open, P(fake_text("/dev/full")), O_RDWR, 0);
    uint64_t random = (uint64_t)DO(p, open, P(fake_text("/dev/urandom")), O_RDWR, 0);
    EXPECT(DO(p, write, null, P(buffer), 64) == 64 && DO(p, read, null, P(buffer), 64) == 0);
    memset(buffer, 7, 64);
    EXPECT(DO(p, read, zero, P(buffer), 32) == 32 && buffer[31] == 0 && buffer[32] == 7);
    EXPECT(DO(p, write, full, P(buffer), 1) == -ENOSPC);
    EXPECT(DO(p, read, random, P(buffer), 64) == 64 && DO(p, read, random, P(other), 64) == 64);
    EXPECT(memcmp(buffer, other, 64) != 0);
    EXPECT(DO(p, mknod, P(fake_text("/no")), S_IFCHR | 0666, 0x1234) == 0);
    EXPECT(DO(p, open, P(fake_text("/no")), O_RDWR, 0) == -ENXIO);
}

TEST(linux_locks)
{
    struct program *p = fake_start(), *q = fake_fork(p);
    uint64_t fd = open_new(p, "/f", O_RDWR), other = open_new(q, "/f", O_RDWR);
    struct flock *lock = fake_memory(sizeof(*lock));
    *lock = (struct flock){.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
    EXPECT(DO(p, fcntl, fd, F_SETLK, P(lock)) == 0 &&
           DO(q, fcntl, other, F_SETLK, P(lock)) == -EAGAIN);
    EXPECT(DO(q, fcntl, other, F_SETLKW, P(lock)) == WAIT);
    struct flock *part = fake_memory(sizeof(*part));
    *part = (struct flock){.l_type = F_UNLCK, .l_start = 12, .l_len = 2};
    EXPECT(DO(p, fcntl, fd, F_SETLK, P(part)) == 0 && fake_result(q) == WAIT);
    fake_interrupt(q);
    EXPECT(fake_result(q) == RESTART_ALWAYS);
    *part = (struct flock){.l_type = F_WRLCK, .l_start = 12, .l_len = 2};
    EXPECT(DO(q, fcntl, other, F_SETLK, P(part)) == 0);
    *part = (struct flock){.l_type = F_RDLCK, .l_start = 0, .l_len = 0};
    EXPECT(DO(q, fcntl, other, F_GETLK, P(part)) == 0 && part->l_type == F_WRLCK);
    EXPECT(part->l_start == 10 && part->l_len == 2 && part->l_pid == (int)p->group.pid);
    /* Any descriptor of the file that is closed takes them all. */
    EXPECT(DO(q, fcntl, other, F_SETLKW, P(lock)) == WAIT);
    uint64_t again = open_new(p, "/f", O_RDWR);
    EXPECT(DO(p, close, again) == 0 && fake_result(q) == 0);
    EXPECT(DO(p, flock, fd, LOCK_EX) == 0 && DO(q, flock, other, LOCK_SH | LOCK_NB) == -EAGAIN);
    EXPECT(DO(q, flock, other, LOCK_SH) == WAIT && DO(p, close, fd) == 0 && fake_result(q) == 0);
    EXPECT(DO(q, flock, other, 77) == -EINVAL);
    fake_end(q);
    fake_end(p);
}
