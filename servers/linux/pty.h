/*
 * Pseudo-terminals (pty(7)): a tty whose device is an open file, the master.
 *
 * Opening /dev/ptmx makes one, and its name in /dev/pts; closing the master hangs the tty up and
 * takes the name away. It is freed when the master and all files of the tty are closed.
 */
#ifndef LINUX_PTY_H
#define LINUX_PTY_H

#include "file.h"

#define PTY_MAX   1024 /* at the same time */
#define PTY_MAJOR 136  /* the device number of their ttys: 256 to each major number from here */

/* The file becomes the master of a new one. -ENOSPC: too many; -ENOMEM. */
int64_t pty_make(struct call *call, struct file *file);
/* Opens the tty of pty `number`. -EIO: locked, or there is none. */
int64_t pty_open(struct call *call, uint32_t number, struct file *file);

#endif
