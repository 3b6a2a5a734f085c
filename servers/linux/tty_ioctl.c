/* The ioctls of terminals (ioctl_tty(2)). */
#include "task.h"
#include "tty.h"
#include "tty_session.h"
#include "user.h"
#include <signal.h>

static int64_t modes_get(struct call *call, const struct tty *tty, uaddr_t at)
{
    return user_write(call->task, at, &tty->ldisc.modes, sizeof(tty->ldisc.modes));
}

/* TCSETS, and TCSETSW, TCSETSF: once all was shown; the last without what was not read. */
static int64_t modes_set(struct call *call, struct file *file, struct tty *tty, uint32_t command,
                         uaddr_t at)
{
    struct terminal_modes modes;
    int64_t result = tty_allows(call, tty, SIGTTOU);
    if (result == 0)
        result = user_read(call->task, &modes, at, sizeof(modes));
    if (result != 0)
        return result;
    if (command != TCSETS && ring_used(&tty->ldisc.output) != 0 && !tty->ldisc.stopped &&
        tty_of(file) == tty) {
        result = wait_on(call, &tty->pollable.queue, 0, false);
        return result != 0 ? result : wait_begin(call, RESTART_ALWAYS);
    }
    if (command == TCSETSF)
        ldisc_flush_input(&tty->ldisc);
    ldisc_set(&tty->ldisc, &modes);
    tty->device->drain(tty);
    tty->device->room(tty);
    pollable_wake(&tty->pollable);
    return 0;
}

static int64_t flush(struct call *call, struct tty *tty, uint64_t which)
{
    int64_t result = tty_allows(call, tty, SIGTTOU);
    if (result != 0)
        return result;
    if (which > TCIOFLUSH)
        return -EINVAL;
    if (which != TCOFLUSH)
        ldisc_flush_input(&tty->ldisc);
    if (which != TCIFLUSH)
        tty->ldisc.output.out = tty->ldisc.output.in;
    tty->device->room(tty);
    pollable_wake(&tty->pollable);
    return 0;
}

static int64_t flow(struct call *call, struct tty *tty, uint64_t which)
{
    int64_t result = tty_allows(call, tty, SIGTTOU);
    if (result != 0)
        return result;
    if (which > TCION)
        return -EINVAL;
    if (which == TCOOFF || which == TCOON)
        tty->ldisc.stopped = which == TCOOFF;
    tty->device->drain(tty);
    return 0;
}

static int64_t size_set(struct call *call, struct tty *tty, uaddr_t at)
{
    struct winsize size;
    int64_t result = user_read(call->task, &size, at, sizeof(size));
    if (result == 0)
        tty_resize(tty, &size);
    return result;
}

static int64_t number_put(struct call *call, uaddr_t at, uint64_t number)
{
    int32_t told = (int32_t)min_u64(number, INT32_MAX);
    return user_write(call->task, at, &told, sizeof(told));
}

static int64_t input_left(struct call *call, const struct tty *tty, uaddr_t at)
{
    bool ready;
    return number_put(call, at, ldisc_readable(&tty->ldisc, INPUT_SIZE, &ready));
}

static int64_t session_ioctl(struct call *call, struct tty *tty, uint32_t command,
                             uint64_t argument)
{
    uaddr_t at = {argument};
    switch (command) {
    case TIOCSCTTY:
        return session_take(call, tty, argument == 1);
    case TIOCNOTTY:
        return session_give_up(call, tty);
    case TIOCGPGRP:
        return session_foreground(call, tty, at);
    case TIOCSPGRP:
        return session_foreground_set(call, tty, at);
    case TIOCGSID:
        return session_number(call, tty, at);
    default:
        return -ENOTTY;
    }
}

int64_t tty_ioctl(struct call *call, struct file *file, struct tty *tty, uint32_t command,
                  uint64_t argument)
{
    uaddr_t at = {argument};
    switch (command) {
    case TCGETS:
        return modes_get(call, tty, at);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return modes_set(call, file, tty, command, at);
    case TCFLSH:
        return flush(call, tty, argument);
    case TCXONC:
        return flow(call, tty, argument);
    case TCSBRK:
    case TCSBRKP:
        return tty_allows(call, tty, SIGTTOU); /* no line to break */
    case TIOCGWINSZ:
        return user_write(call->task, at, &tty->size, sizeof(tty->size));
    case TIOCSWINSZ:
        return size_set(call, tty, at);
    case FIONREAD:
        return input_left(call, tty, at);
    case TIOCOUTQ:
        return number_put(call, at, ring_used(&tty->ldisc.output));
    case TIOCGETD:
        return number_put(call, at, 0);
    default:
        return session_ioctl(call, tty, command, argument);
    }
}
