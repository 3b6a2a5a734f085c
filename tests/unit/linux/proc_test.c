/* What /proc says. */
#include "fake.h"
#include "mm.h"
#include "signals.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* All of a file, ended; NULL: it cannot be opened or read. By pieces of an odd size. */
static char *text_of(struct program *p, const char *path)
{
    char *text = fake_memory(8192), *at = text;
    int64_t fd = DO(p, open, P(fake_text(path)), O_RDONLY, 0), got = 0;
    if (fd < 0)
        return NULL;
    while ((got = DO(p, read, (uint64_t)fd, P(at), 37)) > 0)
        at += got;
    *at = 0;
    EXPECT(DO(p, close, (uint64_t)fd) == 0);
    return got == 0 ? text : NULL;
}

static bool says(struct program *p, const char *path, const char *part)
{
    const char *text = text_of(p, path);
    return text != NULL && strstr(text, part) != NULL;
}

static bool leads(struct program *p, const char *path, const char *to)
{
    char *text = fake_memory(200);
    int64_t length = DO(p, readlink, P(fake_text(path)), P(text), 200);
    return length == (int64_t)strlen(to) && memcmp(text, to, strlen(to)) == 0;
}

TEST(linux_proc_of_the_system)
{
    struct program *p = fake_start();
    fake_now = UINT64_C(12340000000);
    EXPECT(strcmp(text_of(p, "/proc/uptime"), "12.34 19.68\n") == 0);
    EXPECT(says(p, "/proc/meminfo", "MemTotal:          65536 kB\nMemFree:           32768 kB\n"));
    EXPECT(says(p, "/proc/stat", "cpu  500 0 0 1968 0 0 0 0 0 0\ncpu0 250 0 0 984 "));
    EXPECT(says(p, "/proc/stat", "procs_running 1\n"));
    EXPECT(says(p, "/proc/mounts", "proc /proc proc rw 0 0\n"));
    EXPECT(says(p, "/proc/cpuinfo", "processor\t: 1\n"));
    EXPECT(strcmp(text_of(p, "/proc/sys/kernel/hostname"), "tern\n") == 0);
    EXPECT(strcmp(text_of(p, "/proc/sys/kernel/ostype"), "Linux\n") == 0);
    EXPECT(strlen(text_of(p, "/proc/sys/kernel/random/uuid")) == 37);
    EXPECT(strcmp(text_of(p, "/proc/sys/kernel/random/boot_id"),
                  text_of(p, "/proc/sys/kernel/random/boot_id")) == 0);
    EXPECT(strncmp(text_of(p, "/proc/loadavg"), "0.", 2) == 0);
    fake_now += UINT64_C(600000000000);
    EXPECT(strncmp(text_of(p, "/proc/loadavg"), "0.9", 3) == 0);
    EXPECT(DO(p, open, P(fake_text("/proc/uptime")), O_RDWR, 0) == 0);
    EXPECT(DO(p, write, 0, P(fake_text("x")), 1) == -EINVAL);
    EXPECT(DO(p, mkdir, P(fake_text("/proc/new")), 0755) == -EPERM);
    EXPECT(DO(p, unlink, P(fake_text("/proc/uptime"))) == -EPERM);
    EXPECT(DO(p, rename, P(fake_text("/proc/stat")), P(fake_text("/x"))) == -EXDEV);
    EXPECT(DO(p, rmdir, P(fake_text("/proc"))) == -EBUSY);
}

TEST(linux_proc_of_processes)
{
    struct program *p = fake_start(), *child = fake_fork(p);
    child->group.command = (char *)"cat\0-n";
    child->group.command_size = 7;
    child->group.started = 2500000000;
    child->group.cpu_children = 50000000;
    EXPECT(leads(child, "/proc/self", "2"));
    child->task.state = TASK_WAITING;
    strcpy(child->task.name, "cat (1)");
    child->group.actions->action[SIGINT].handler = (uintptr_t)SIG_IGN;
    child->group.actions->action[SIGTERM].handler = 0x1000;
    int pid = -1, parent = -1;
    unsigned long long mapped = 0, start = 0, ignored = 0, caught = 0;
    char state = 0;
    int got = sscanf(text_of(p, "/proc/2/stat"),
                     "%d (cat (1)) %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u 123 0 5 0 20 0 1 0 "
                     "%llu %llu 0 %*u %*d %*d %*d %*d %*d %*d %*d %llu %llu",
                     &pid, &state, &parent, &start, &mapped, &ignored, &caught);
    EXPECT(got == 7 && pid == 2 && parent == 1 && state == 'S' && start == 250);
    EXPECT(mapped == 409600 && ignored == 2 && caught == 1 << 14);
    unsigned fields = 1;
    for (const char *at = strrchr(text_of(p, "/proc/2/stat"), ')') + 2; *at != 0; at++)
        fields += *at == ' ';
    EXPECT(fields == 50); /* with the first two: 52, as proc(5) has it */
    EXPECT(memcmp(text_of(p, "/proc/2/cmdline"), "cat\0-n", 7) == 0);
    EXPECT(says(p, "/proc/2/status", "Name:\tcat (1)\n") &&
           says(p, "/proc/2/status", "PPid:\t1\n"));
    EXPECT(says(p, "/proc/2/status", "VmSize:\t     400 kB\n"));
    EXPECT(strcmp(text_of(p, "/proc/2/statm"), "100 0 0 0 0 0 0\n") == 0);
    EXPECT(says(p, "/proc/self/status", "Pid:\t1\n"));
    EXPECT(text_of(p, "/proc/3/stat") == NULL && text_of(p, "/proc/02/stat") == NULL);
    child->group.stopped = true;
    EXPECT(says(p, "/proc/2/stat", ") T 1 "));
    list_remove(&child->task.in_group);
    child->group.zombie = true;
    EXPECT(says(p, "/proc/2/stat", ") Z 1 ") && strlen(text_of(p, "/proc/2/cmdline")) == 0);
    EXPECT(leads(p, "/proc/2/exe", "") == false);
    EXPECT(DO(p, readlink, P(fake_text("/proc/2/cwd")), P(fake_memory(9)), 9) == -ENOENT);
    int64_t fd = DO(p, open, P(fake_text("/proc/2/status")), O_RDONLY, 0);
    list_add_last(&child->group.tasks, &child->task.in_group);
    child->task.state = TASK_RUNNING;
    fake_end(child);
    EXPECT(DO(p, read, (uint64_t)fd, P(fake_memory(9)), 9) == -ESRCH);
}

TEST(linux_proc_links)
{
    struct program *p = fake_start(), *other = fake_program(1000);
    int32_t *ends = fake_memory(8);
    char *buffer = fake_memory(100);
    EXPECT(DO(p, mkdir, P(fake_text("/d")), 0755) == 0 && DO(p, chdir, P(fake_text("/d"))) == 0);
    EXPECT(DO(p, open, P(fake_text("f")), O_CREAT | O_RDWR, 0600) == 0);
    EXPECT(DO(p, pipe, P(ends)) == 0 && DO(p, epoll_create1, 0) == 3);
    p->task.mm->program = p->task.files->file[0]->node;
    EXPECT(leads(p, "/proc/self/cwd", "/d") && leads(p, "/proc/1/root", "/"));
    EXPECT(leads(p, "/proc/self/fd/0", "/d/f") && leads(p, "/proc/1/exe", "/d/f"));
    EXPECT(leads(p, "/proc/self/fd/3", "anon_inode:[tern]"));
    EXPECT(DO(p, readlink, P(fake_text("/dev/fd/1")), P(buffer), 100) > 6 &&
           memcmp(buffer, "pipe:[", 6) == 0);
    EXPECT(DO(p, readlink, P(fake_text("/proc/self/fd/4")), P(buffer), 100) == -ENOENT);
    /* What is open is opened again: the same file, the same pipe. */
    EXPECT(DO(p, open, P(fake_text("/proc/self/fd/0")), O_RDWR, 0) == 4);
    EXPECT(DO(p, write, 4, P(fake_text("hey")), 3) == 3 && DO(p, read, 0, P(buffer), 9) == 3);
    EXPECT(DO(p, open, P(fake_text("/dev/fd/2")), O_WRONLY, 0) == 5);
    EXPECT(DO(p, write, 5, P(fake_text("pipe")), 4) == 4 && DO(p, read, 1, P(buffer), 9) == 4);
    EXPECT(DO(p, close, 2) == 0 && DO(p, close, 5) == 0 && DO(p, read, 1, P(buffer), 9) == 0);
    EXPECT(DO(p, open, P(fake_text("/dev/fd/1")), O_RDONLY, 0) == 2 && DO(p, close, 2) == 0);
    EXPECT(DO(p, access, P(fake_text("/proc/self/cwd/f")), 0) == 0);
    EXPECT(DO(p, unlink, P(fake_text("f"))) == 0 && leads(p, "/proc/self/fd/0", "/ (deleted)"));
    EXPECT(DO(other, open, P(fake_text("/proc/1/fd/0")), O_RDONLY, 0) == -EACCES);
    EXPECT(DO(other, chdir, P(fake_text("/proc/1/cwd"))) == -EACCES);
    EXPECT(DO(other, open, P(fake_text("/proc/1/environ")), O_RDONLY, 0) == -EACCES);
    EXPECT(DO(p, chdir, P(fake_text("/proc/self"))) == 0 && DO(p, getcwd, P(buffer), 100) == 8);
    EXPECT(strcmp(buffer, "/proc/1") == 0 && DO(p, access, P(fake_text("../../d")), 0) == 0);
    EXPECT(DO(p, chdir, P(fake_text("fd"))) == 0 && DO(p, getcwd, P(buffer), 100) == 11);
}

static unsigned listed(struct program *p, const char *path, uint64_t room, const char *name)
{
    char *buffer = fake_memory(room);
    unsigned count = 0, found = 0;
    int64_t fd = DO(p, open, P(fake_text(path)), O_RDONLY, 0), size;
    while ((size = DO(p, getdents64, (uint64_t)fd, P(buffer), room)) > 0) {
        for (int64_t at = 0; at < size; count++) {
            struct dirent64 *entry = (void *)(buffer + at);
            at += entry->d_reclen;
            found += strcmp(entry->d_name, name) == 0;
        }
    }
    EXPECT(size == 0 && found == 1);
    EXPECT(DO(p, close, (uint64_t)fd) == 0);
    return count;
}

TEST(linux_proc_lists)
{
    struct program *p = fake_start();
    unsigned alone = listed(p, "/proc", 4096, "1");
    for (unsigned i = 0; i < 40; i++)
        (void)fake_fork(p);
    EXPECT(listed(p, "/proc", 64, "41") == alone + 40 &&
           listed(p, "/proc", 4096, "uptime") == alone + 40);
    for (unsigned i = 0; i < 20; i++)
        REQUIRE(DO(p, open, P(fake_text("/dev/null")), O_RDONLY, 0) == (int64_t)i);
    EXPECT(listed(p, "/proc/self/fd", 48, "19") == 23);
    EXPECT(listed(p, "/proc/1", 4096, "status") == 16);
}
