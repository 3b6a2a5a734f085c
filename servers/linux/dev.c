/* Devices by their numbers (dev.h), and those of memory, Linux's major number 1. */
#include "dev.h"
#include "group.h"
#include "pty.h"
#include "random.h"
#include "store.h"
#include "stream.h"
#include "task.h"
#include "tmpfs.h"
#include "tree.h"
#include "tty.h"
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define PIECE 4096 /* bytes of randomness at a time */

static int64_t null_read(struct call *call, struct file *file, struct transfer *to, uint64_t offset)
{
    (void)call, (void)file, (void)to, (void)offset;
    return 0;
}

static int64_t null_write(struct call *call, struct file *file, struct transfer *from,
                          uint64_t offset)
{
    (void)call, (void)file, (void)offset;
    return (int64_t)transfer_left(from);
}

static int64_t zero_read(struct call *call, struct file *file, struct transfer *to, uint64_t offset)
{
    (void)call, (void)file, (void)offset;
    uint64_t size = min_u64(transfer_left(to), MIB); /* no call holds the server for long */
    return size == 0 ? 0 : transfer_zero(to, size);
}

/* Mapped, it is memory like any other. */
static int64_t zero_memory(struct file *file, const struct file_range *range, slot_t *memory,
                           uint64_t *place)
{
    const struct store nothing = {.memory = {0}};
    (void)file;
    *place = 0;
    return store_copy(&nothing, 0, range->size, memory);
}

static int64_t full_write(struct call *call, struct file *file, struct transfer *from,
                          uint64_t offset)
{
    (void)call, (void)file, (void)offset;
    return transfer_left(from) == 0 ? 0 : -ENOSPC;
}

static int64_t random_read(struct call *call, struct file *file, struct transfer *to,
                           uint64_t offset)
{
    uint8_t bytes[PIECE];
    uint64_t done = 0, size = min_u64(transfer_left(to), 256 * KIB);
    int64_t moved = 0;
    (void)call, (void)file, (void)offset;
    while (done < size && moved >= 0) {
        uint64_t piece = min_u64(size - done, sizeof(bytes));
        random_bytes(bytes, piece);
        moved = transfer_put(to, bytes, piece);
        done += moved > 0 ? (uint64_t)moved : 0;
        if (moved >= 0 && (uint64_t)moved < piece)
            break;
    }
    return done != 0 || moved >= 0 ? (int64_t)done : moved;
}

static int64_t random_write(struct call *call, struct file *file, struct transfer *from,
                            uint64_t offset)
{
    uint8_t bytes[PIECE];
    (void)call, (void)file, (void)offset;
    int64_t moved = transfer_get(from, bytes, min_u64(transfer_left(from), sizeof(bytes)));
    if (moved > 0)
        random_seed(bytes, (uint64_t)moved);
    return moved;
}

static const struct device {
    const char *name;
    uint32_t minor;
    struct file_ops ops;
} devices[] = {
    {"null", 3, {.seekable = true, .read = null_read, .write = null_write}},
    {"zero", 5, {.seekable = true, .read = zero_read, .write = null_write, .memory = zero_memory}},
    {"full", 7, {.seekable = true, .read = zero_read, .write = full_write}},
    {"random", 8, {.read = random_read, .write = random_write}},
    {"urandom", 9, {.read = random_read, .write = random_write}},
};

#define MEMORY_MAJOR   1
#define TERMINAL_MAJOR 5

enum terminal_minor { TERMINAL_CURRENT, TERMINAL_CONSOLE, TERMINAL_MULTIPLEXER };

static int64_t memory_open(uint64_t rdev, struct file *file)
{
    for (unsigned i = 0; i < COUNT_OF(devices); i++) {
        if (minor(rdev) == devices[i].minor) {
            file->ops = &devices[i].ops;
            return 0;
        }
    }
    return -ENXIO;
}

static int64_t terminal_open(struct call *call, uint64_t rdev, struct file *file)
{
    struct tty *tty = NULL;
    if (minor(rdev) == TERMINAL_MULTIPLEXER)
        return pty_make(call, file);
    if (minor(rdev) == TERMINAL_CURRENT)
        tty = call->task->group->tty;
    else if (minor(rdev) == TERMINAL_CONSOLE)
        tty = console_tty();
    return tty != NULL ? tty_open(call, tty, file) : -ENXIO;
}

int64_t dev_open(struct call *call, uint64_t rdev, struct file *file)
{
    uint32_t number = (uint32_t)major(rdev);
    if (number == MEMORY_MAJOR)
        return memory_open(rdev, file);
    if (number == TERMINAL_MAJOR)
        return terminal_open(call, rdev, file);
    if (number >= PTY_MAJOR && number < PTY_MAJOR + PTY_MAX / 256)
        return pty_open(call, (number - PTY_MAJOR) * 256 + (uint32_t)minor(rdev), file);
    return -ENXIO;
}

static int64_t node_place(const char *name, struct node *node)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "dev/%s", name);
    return node != NULL ? tree_place(path, node) : -ENOMEM;
}

static int64_t device_place(const char *name, uint64_t number)
{
    return node_place(name, tmpfs_make(S_IFCHR | 0666, number));
}

int64_t dev_start(void)
{
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                           {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"},
                                           {"stderr", "/proc/self/fd/2"}};
    struct node *shared = tree_folder("dev/shm");
    int64_t result = tree_folder("dev/pts") != NULL && shared != NULL ? 0 : -ENOMEM;
    if (result == 0) {
        shared->mode = S_IFDIR | S_ISVTX | 0777;
        result = device_place("tty", makedev(TERMINAL_MAJOR, TERMINAL_CURRENT));
    }
    if (result == 0)
        result = device_place("ptmx", makedev(TERMINAL_MAJOR, TERMINAL_MULTIPLEXER));
    for (unsigned i = 0; result == 0 && i < COUNT_OF(devices); i++)
        result = device_place(devices[i].name, makedev(MEMORY_MAJOR, devices[i].minor));
    for (unsigned i = 0; result == 0 && i < COUNT_OF(links); i++)
        result = node_place(links[i][0], tmpfs_symlink(links[i][1], strlen(links[i][1])));
    return result;
}
