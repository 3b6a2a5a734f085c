/*
 * epoll(7): a set of open files, and those among them that may be ready.
 *
 * An item is made by EPOLL_CTL_ADD and lives until DEL, until its file is closed for the last time,
 * or until the epoll is. It watches its file's pollable: a change puts it on the ready list, and
 * epoll_wait looks only there. An epoll may watch epolls, but only those that watch none; all else
 * is ELOOP.
 */
#ifndef LINUX_EPOLL_H
#define LINUX_EPOLL_H

#include "call.h"

struct file;

/* The file is about to be closed: all items for it go. */
void epoll_forget(struct file *file);

#endif
