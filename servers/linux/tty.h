/*
 * Terminals: a line discipline between a device and programs, and the session that it controls.
 *
 * The console's tty lives as long as the server; a pty's as long as its master or a slave is open
 * (pty.c). The device gives bytes with tty_input and takes what is to be shown from
 * tty->ldisc.output. A tty that was hung up stays so: reads end, writes fail.
 *
 * A session has at most one controlling tty (group->tty) and a tty controls at most one session, of
 * whose process groups one is in the foreground: it alone reads, and gets the signals.
 */
#ifndef LINUX_TTY_H
#define LINUX_TTY_H

#include "file.h"
#include "ldisc.h"
#include <sys/ioctl.h>

struct group;
struct tty;

struct tty_device {
    void (*drain)(struct tty *tty);  /* there may be output */
    void (*room)(struct tty *tty);   /* there may be room for input again */
    void (*closed)(struct tty *tty); /* the last open file of it was closed */
};

struct tty {
    const struct tty_device *device;
    struct ldisc ldisc;
    struct winsize size;
    struct pollable pollable; /* of its files */
    uint32_t files;           /* open */
    uint32_t session;         /* that it controls; 0: none */
    uint32_t foreground;      /* process group */
    uint64_t number;          /* its device's, for tty_nr of /proc */
    uint64_t typed;           /* when the last byte came, for VTIME */
    bool hung;
};

void tty_init(struct tty *tty, const struct tty_device *device, uint64_t number);

/* Opens it: the file is one of it. Without O_NOCTTY a session without a tty may get it. */
int64_t tty_open(struct call *call, struct tty *tty, struct file *file);

/* The file becomes one of the tty, and nothing else happens. */
void tty_attach(struct tty *tty, struct file *file);

/* Typed bytes: how many were taken. */
uint64_t tty_input(struct tty *tty, const uint8_t *bytes, uint64_t size);
/* Output went: writers may go on. */
void tty_drained(struct tty *tty);
void tty_resize(struct tty *tty, const struct winsize *size);
/* The device is gone: its session is told. */
void tty_hangup(struct tty *tty);

/* Makes it the controlling one of the group's session, and the group's process group the
 * foreground. */
void tty_control(struct tty *tty, struct group *group);

/* Those that a pty's master knows too. -ENOTTY: not one of these. */
int64_t tty_ioctl(struct call *call, struct file *file, struct tty *tty, uint32_t command,
                  uint64_t argument);

/* The job control of a call on the tty: 0, -EIO, or RESTART_ALWAYS after a signal was sent. */
int64_t tty_allows(struct call *call, const struct tty *tty, int number);

/* NULL: not an open file of a tty. */
struct tty *tty_of(const struct file *file);

#endif
