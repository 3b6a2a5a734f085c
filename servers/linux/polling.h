/*
 * What can become ready: the part of an object that poll, select, epoll and waiting calls know.
 *
 * Whoever waits is on the queue; epoll's interest (epoll.c) is in `watches` for as long as the open
 * file is watched. A change that may make anything ready is one pollable_wake; who is woken looks
 * again. Part of an object: it ends with pollable_end, and nobody may wait any more.
 */
#ifndef LINUX_POLLING_H
#define LINUX_POLLING_H

#include "wait.h"

struct pollable {
    struct queue queue;
    struct list watches;
};

/* Of an open file, in the list of its pollable: somebody to be told of changes. */
struct watch {
    struct list among;
    void (*changed)(struct watch *watch);
};

void pollable_init(struct pollable *pollable);
void pollable_wake(struct pollable *pollable);
void pollable_end(struct pollable *pollable);

#endif
