/* Open files of terminals (tty.h): reading, writing, waiting. */
#include "tty.h"
#include "clock.h"
#include "group.h"
#include "task.h"
#include "tty_session.h"
#include <assert.h>
#include <signal.h>

#define TIME_UNIT 100000000 /* nanoseconds of one of VTIME */

void tty_init(struct tty *tty, const struct tty_device *device, uint64_t number)
{
    *tty = (struct tty){.device = device, .number = number};
    ldisc_init(&tty->ldisc);
    pollable_init(&tty->pollable);
}

static void tty_drain(struct tty *tty)
{
    if (!tty->ldisc.stopped && ring_used(&tty->ldisc.output) != 0)
        tty->device->drain(tty);
}

uint64_t tty_input(struct tty *tty, const uint8_t *bytes, uint64_t size)
{
    uint64_t done = 0;
    while (done < size && !tty->hung) {
        struct ldisc_event event;
        uint64_t taken = ldisc_input(&tty->ldisc, bytes + done, size - done, &event);
        done += taken;
        tty->typed = now();
        if (event.signal != 0)
            session_signal(tty, event.signal);
        if (event.writable)
            tty_drain(tty);
        if (event.readable || event.writable)
            pollable_wake(&tty->pollable);
        if (taken == 0)
            break;
    }
    return tty->hung ? size : done;
}

void tty_drained(struct tty *tty)
{
    pollable_wake(&tty->pollable);
}

void tty_resize(struct tty *tty, const struct winsize *size)
{
    bool same = tty->size.ws_row == size->ws_row && tty->size.ws_col == size->ws_col;
    tty->size = *size;
    if (!same)
        session_signal(tty, SIGWINCH);
}

void tty_hangup(struct tty *tty)
{
    tty->hung = true;
    session_hangup(tty);
    pollable_wake(&tty->pollable);
}

/* --- reading --- */

/* Copies `size` bytes that are readable. */
static int64_t copy_out(struct tty *tty, struct transfer *to, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t piece = size - done;
        const uint8_t *bytes = ldisc_peek(&tty->ldisc, &piece);
        int64_t moved = transfer_put(to, bytes, piece);
        if (moved <= 0)
            return done != 0 ? (int64_t)done : moved;
        done += (uint64_t)moved;
        ldisc_take(&tty->ldisc, (uint64_t)moved, done == size);
    }
    if (size == 0)
        ldisc_take(&tty->ldisc, 0, true); /* the end of the file */
    tty->device->room(tty);
    return (int64_t)done;
}

/* Raw mode, by VMIN and VTIME: whether a reader of `size` bytes has enough; else *until when at
 * most. */
static bool raw_enough(const struct call *call, const struct tty *tty, uint64_t there,
                       uint64_t size, uint64_t *until)
{
    uint64_t least = tty->ldisc.modes.cc[VMIN];
    uint64_t time = tty->ldisc.modes.cc[VTIME] * (uint64_t)TIME_UNIT;
    *until = DEADLINE_NEVER;
    if (there >= min_u64(least, size) && (there != 0 || least != 0 || time == 0))
        return true;
    if (time == 0)
        return false;
    if (least == 0)
        *until = call->task->deadline != DEADLINE_NEVER ? call->task->deadline : now() + time;
    else if (there != 0)
        *until = tty->typed + time;
    return *until <= now();
}

static int64_t tty_wait(struct call *call, const struct file *file, struct tty *tty, uint64_t until)
{
    if ((file->flags & O_NONBLOCK) == 0)
        wait_until(call, until);
    return file_wait(call, file, &tty->pollable, 0);
}

static int64_t tty_read(struct call *call, struct file *file, struct transfer *to, uint64_t offset)
{
    struct tty *tty = tty_of(file);
    uint64_t until = DEADLINE_NEVER;
    bool ready;
    (void)offset;
    if (tty->hung || transfer_left(to) == 0)
        return 0;
    int64_t result = tty_allows(call, tty, SIGTTIN);
    if (result != 0)
        return result;
    uint64_t size = ldisc_readable(&tty->ldisc, transfer_left(to), &ready);
    if (!ldisc_by_lines(&tty->ldisc)) {
        if (raw_enough(call, tty, size, transfer_left(to), &until))
            return size != 0 ? copy_out(tty, to, size) : 0;
        ready = false;
    }
    return ready ? copy_out(tty, to, size) : tty_wait(call, file, tty, until);
}

/* --- writing --- */

static uint64_t tty_put(void *own, const uint8_t *bytes, uint64_t size)
{
    struct tty *tty = own;
    uint64_t put = ldisc_write(&tty->ldisc, bytes, size);
    tty_drain(tty);
    put += ldisc_write(&tty->ldisc, bytes + put, size - put);
    tty_drain(tty);
    return put;
}

static int64_t tty_write(struct call *call, struct file *file, struct transfer *from,
                         uint64_t offset)
{
    struct tty *tty = tty_of(file);
    uint64_t done = call->task->progress[0];
    (void)offset;
    if (tty->hung)
        return -EIO;
    int64_t result = (tty->ldisc.modes.lflag & TOSTOP) != 0 ? tty_allows(call, tty, SIGTTOU) : 0;
    if (result != 0)
        return done != 0 ? (int64_t)done : result;
    return file_write_pieces(call, file, from, &tty->pollable, tty_put, tty);
}

/* --- the rest --- */

static uint32_t tty_poll(struct file *file)
{
    const struct tty *tty = tty_of(file);
    const uint8_t *cc = tty->ldisc.modes.cc;
    uint32_t ready = 0;
    bool line;
    if (tty->hung)
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLERR;
    uint64_t there = ldisc_readable(&tty->ldisc, INPUT_SIZE, &line);
    if (!ldisc_by_lines(&tty->ldisc))
        line = there >= (cc[VTIME] == 0 && cc[VMIN] != 0 ? cc[VMIN] : 1);
    if (line)
        ready |= POLLIN | POLLRDNORM;
    if (ring_free(&tty->ldisc.output) >= RING_SIZE / 2)
        ready |= POLLOUT | POLLWRNORM;
    return ready;
}

static struct pollable *tty_pollable(struct file *file)
{
    return &tty_of(file)->pollable;
}

static int64_t tty_file_ioctl(struct call *call, struct file *file, uint32_t command,
                              uint64_t argument)
{
    struct tty *tty = tty_of(file);
    return tty->hung ? -EIO : tty_ioctl(call, file, tty, command, argument);
}

static void tty_close(struct file *file)
{
    struct tty *tty = tty_of(file);
    assert(tty->files != 0);
    if (--tty->files == 0)
        tty->device->closed(tty);
}

static const struct file_ops tty_ops = {.read = tty_read,
                                        .write = tty_write,
                                        .poll = tty_poll,
                                        .pollable = tty_pollable,
                                        .ioctl = tty_file_ioctl,
                                        .close = tty_close};

struct tty *tty_of(const struct file *file)
{
    return file->ops == &tty_ops ? file->own : NULL;
}

void tty_attach(struct tty *tty, struct file *file)
{
    file->ops = &tty_ops;
    file->own = tty;
    tty->files++;
}

int64_t tty_open(struct call *call, struct tty *tty, struct file *file)
{
    struct group *group = call->task->group;
    if (tty->hung)
        return -EIO;
    tty_attach(tty, file);
    if ((file->flags & O_NOCTTY) == 0 && group->pid == group->sid && group->tty == NULL &&
        tty->session == 0)
        tty_control(tty, group);
    file->flags &= ~(uint32_t)O_NOCTTY;
    return 0;
}
