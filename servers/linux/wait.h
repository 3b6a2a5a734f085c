/*
 * Waiting: queues, and the tasks on them.
 *
 * A queue belongs to what is waited for (a pipe, a child's end, a word, a tty). A waiter joins one
 * task and one queue. A task that waits has one or more waiters and perhaps a deadline; waking
 * takes it off all of them and puts it on the ready list, and a worker runs its call again. All of
 * it is guarded by the server's lock.
 */
#ifndef LINUX_WAIT_H
#define LINUX_WAIT_H

#include "call.h"
#include "lib/list.h"

struct queue {
    struct list waiters;
};

struct waiter {
    struct list on_queue;
    struct list of_task;
    struct task *task;
    uint64_t key;  /* queue_wake_key: whom it is for (a word's address, a mask of bits) */
    uint32_t mask; /* queue_wake_mask: bits that it is for */
    bool alone;    /* exclusive: of those woken at once only one */
};

void queue_init(struct queue *queue);

/*
 * Puts the call's task on a queue. -ENOMEM. A call may be on many; each run begins on none.
 */
int64_t wait_on(struct call *call, struct queue *queue, uint64_t key, bool alone);

/* Sets when the task is run again at the latest: nanoseconds of the job's clock. Kept over runs. */
void wait_until(struct call *call, uint64_t deadline);
bool wait_over(const struct call *call); /* that has passed */

/*
 * What a handler returns when it has put itself on its queues: WAIT, or `interrupted` (RESTART_*,
 * or -EINTR) if a signal is there already, and then it is on no queue.
 */
int64_t wait_begin(struct call *call, int64_t interrupted);

/* The usual case: one queue, restarted after signals. */
int64_t wait_simply(struct call *call, struct queue *queue);

/* Wakes all that are not exclusive, and one that is. */
void queue_wake(struct queue *queue);
/* Wakes up to `count` with this key, first come first; returns how many. */
uint64_t queue_wake_key(struct queue *queue, uint64_t key, uint64_t count);

/* The same for those whose mask has one of the bits; a waiter's is all ones unless it is set. */
uint64_t queue_wake_mask(struct queue *queue, uint64_t key, uint32_t mask, uint64_t count);
void wait_mask(struct call *call, uint32_t mask); /* of the waiter made last */
/* Lets up to `count` wait on another queue, by another key. */
uint64_t queue_move(struct queue *from, uint64_t key, struct queue *to, uint64_t to_key,
                    uint64_t count);

/* Takes the task off all queues. For signals, ends, and wakes. */
void wait_leave(struct task *task);

#endif
