/* Pseudo-terminals (pty.h). */
#include "pty.h"
#include "call_file.h"
#include "group.h"
#include "tmpfs.h"
#include "tree.h"
#include "tty.h"
#include "tty_session.h"
#include "user.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

struct pty {
    struct tty tty;
    struct pollable master; /* of the master's file */
    uint32_t number;
    bool locked; /* TIOCSPTLCK: the tty cannot be opened */
    bool master_open;
    bool was_open; /* the tty, at least once */
};

static struct pty *ptys[PTY_MAX];
static uint64_t numbers_used[PTY_MAX / 64];

static struct pty *pty_of_tty(struct tty *tty)
{
    return CONTAINER_OF(tty, struct pty, tty);
}

/* The lowest free number; PTY_MAX: none. */
static uint32_t number_free(void)
{
    for (uint32_t word = 0; word < COUNT_OF(numbers_used); word++) {
        if (numbers_used[word] != UINT64_MAX)
            return word * 64 + (uint32_t)__builtin_ctzll(~numbers_used[word]);
    }
    return PTY_MAX;
}

static uint64_t device_number(uint32_t number)
{
    return makedev(PTY_MAJOR + number / 256, number % 256);
}

static void pty_path(uint32_t number, char *path, size_t size)
{
    (void)snprintf(path, size, "dev/pts/%u", number);
}

static void pty_free(struct pty *pty)
{
    pollable_end(&pty->master);
    pollable_end(&pty->tty.pollable);
    free(pty);
}

/* --- the tty's device --- */

static void pty_drain(struct tty *tty)
{
    pollable_wake(&pty_of_tty(tty)->master);
}

static void pty_closed(struct tty *tty)
{
    struct pty *pty = pty_of_tty(tty);
    if (pty->master_open)
        pollable_wake(&pty->master);
    else
        pty_free(pty);
}

static const struct tty_device pty_device = {pty_drain, pty_drain, pty_closed};

/* --- the master --- */

static struct pty *pty_of(const struct file *file)
{
    return file->own;
}

/* The tty was open and is not any more: there is nobody at the other side. */
static bool pty_left(const struct pty *pty)
{
    return pty->was_open && pty->tty.files == 0;
}

static int64_t master_read(struct call *call, struct file *file, struct transfer *to,
                           uint64_t offset)
{
    struct pty *pty = pty_of(file);
    struct ring *output = &pty->tty.ldisc.output;
    uint64_t done = 0;
    (void)offset;
    if (transfer_left(to) == 0)
        return 0;
    if (ring_used(output) == 0 || pty->tty.ldisc.stopped)
        return pty_left(pty) ? -EIO : file_wait(call, file, &pty->master, 0);
    while (ring_used(output) != 0 && transfer_left(to) != 0) {
        uint32_t size;
        const uint8_t *bytes = ring_piece(output, &size);
        int64_t moved = transfer_put(to, bytes, min_u64(size, transfer_left(to)));
        if (moved <= 0)
            return done != 0 ? (int64_t)done : moved;
        output->out += (uint64_t)moved;
        done += (uint64_t)moved;
    }
    tty_drained(&pty->tty);
    return (int64_t)done;
}

static uint64_t master_put(void *own, const uint8_t *bytes, uint64_t size)
{
    struct pty *pty = own;
    return tty_input(&pty->tty, bytes, size);
}

static int64_t master_write(struct call *call, struct file *file, struct transfer *from,
                            uint64_t offset)
{
    struct pty *pty = pty_of(file);
    (void)offset;
    if (pty_left(pty))
        return -EIO;
    return file_write_pieces(call, file, from, &pty->master, master_put, pty);
}

static uint32_t master_poll(struct file *file)
{
    const struct pty *pty = pty_of(file);
    const struct ldisc *ldisc = &pty->tty.ldisc;
    uint32_t ready = 0;
    if (ring_used(&ldisc->output) != 0 && !ldisc->stopped)
        ready |= POLLIN | POLLRDNORM;
    if (ldisc->in_at - ldisc->out_at < INPUT_SIZE / 2 || ldisc->lines == ldisc->out_at)
        ready |= POLLOUT | POLLWRNORM;
    return ready | (pty_left(pty) ? POLLHUP : 0);
}

static struct pollable *master_pollable(struct file *file)
{
    return &pty_of(file)->master;
}

static int64_t number_put(struct call *call, uint64_t at, uint32_t number)
{
    return user_write(call->task, (uaddr_t){at}, &number, sizeof(number));
}

static int64_t lock_set(struct call *call, struct pty *pty, uint64_t at)
{
    uint32_t locked;
    int64_t result = user_word(call->task, (uaddr_t){at}, &locked);
    if (result == 0)
        pty->locked = locked != 0;
    return result;
}

/* TIOCGPTPEER: opens the tty, whatever its name leads to. */
static int64_t peer_open(struct call *call, const struct file *master, uint32_t flags)
{
    struct pty *pty = pty_of(master);
    struct file *file = file_make(master->node, NULL, flags & ~(uint32_t)O_CLOEXEC);
    if (file == NULL)
        return -ENOMEM;
    int64_t result = pty_open(call, pty->number, file);
    if (result == 0)
        return files_give(call->task->files, file, (flags & O_CLOEXEC) != 0);
    file_put(file);
    return result;
}

static int64_t master_signal(const struct pty *pty, uint64_t number)
{
    if (number == 0 || number > 64)
        return -EINVAL;
    session_signal(&pty->tty, (int)number);
    return 0;
}

static int64_t master_ioctl(struct call *call, struct file *file, uint32_t command,
                            uint64_t argument)
{
    struct pty *pty = pty_of(file);
    switch (command) {
    case TIOCGPTN:
        return number_put(call, argument, pty->number);
    case TIOCSPTLCK:
        return lock_set(call, pty, argument);
    case TIOCGPTLCK:
        return number_put(call, argument, pty->locked ? 1 : 0);
    case TIOCGPTPEER:
        return peer_open(call, file, (uint32_t)argument);
    case TIOCSIG:
        return master_signal(pty, argument);
    case TIOCGPGRP:
        return number_put(call, argument, pty->tty.foreground);
    case FIONREAD:
        return number_put(call, argument, ring_used(&pty->tty.ldisc.output));
    default:
        return tty_ioctl(call, file, &pty->tty, command, argument);
    }
}

static void master_close(struct file *file)
{
    struct pty *pty = pty_of(file);
    char path[32];
    pty_path(pty->number, path, sizeof(path));
    tree_remove(path);
    ptys[pty->number] = NULL;
    numbers_used[pty->number / 64] &= ~(UINT64_C(1) << pty->number % 64);
    pty->master_open = false;
    tty_hangup(&pty->tty);
    if (pty->tty.files == 0)
        pty_free(pty);
}

static const struct file_ops master_ops = {.read = master_read,
                                           .write = master_write,
                                           .poll = master_poll,
                                           .pollable = master_pollable,
                                           .ioctl = master_ioctl,
                                           .close = master_close};

/* --- both --- */

/* Its name, owned by who made it. */
static int64_t pty_name(struct call *call, uint32_t number)
{
    char path[32];
    struct node *node = tmpfs_make(S_IFCHR | 0620, device_number(number));
    if (node == NULL)
        return -ENOMEM;
    node->uid = call->task->group->euid;
    node->gid = call->task->group->egid;
    pty_path(number, path, sizeof(path));
    return tree_place(path, node);
}

int64_t pty_make(struct call *call, struct file *file)
{
    uint32_t number = number_free();
    if (number == PTY_MAX)
        return -ENOSPC;
    struct pty *pty = calloc(1, sizeof(*pty));
    if (pty == NULL)
        return -ENOMEM;
    int64_t result = pty_name(call, number);
    if (result != 0) {
        free(pty);
        return result;
    }
    tty_init(&pty->tty, &pty_device, device_number(number));
    pollable_init(&pty->master);
    pty->number = number;
    pty->locked = pty->master_open = true;
    ptys[number] = pty;
    numbers_used[number / 64] |= UINT64_C(1) << number % 64;
    file->ops = &master_ops;
    file->own = pty;
    return 0;
}

int64_t pty_open(struct call *call, uint32_t number, struct file *file)
{
    struct pty *pty = number < PTY_MAX ? ptys[number] : NULL;
    if (pty == NULL || pty->locked)
        return -EIO;
    int64_t result = tty_open(call, &pty->tty, file);
    pty->was_open |= result == 0;
    return result;
}
