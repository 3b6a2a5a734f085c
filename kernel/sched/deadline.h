/*
 * The deadline queue: what is to happen at which time, the earliest first.
 *
 * One queue per CPU, touched by that CPU alone with interrupts off. A deadline is part of its
 * owner's struct, in at most one queue at a time; the queue allocates nothing. Insert is O(1),
 * remove and pop O(log n) amortised (a pairing heap: Fredman, Sedgewick, Sleator, Tarjan 1986).
 * Equal times come out in the order of their insertion.
 */
#ifndef SCHED_DEADLINE_H
#define SCHED_DEADLINE_H

#include "lib/types.h"

struct deadline {
    uint64_t time_ns;                     /* machine clock */
    uint64_t sequence;                    /* order of insertion among equals */
    struct deadline *child, *next, *prev; /* prev: the sibling before, or the parent */
    bool queued;
    void (*fire)(struct deadline *deadline); /* called with it out of the queue */
};

struct deadline_queue {
    struct deadline *root;
    uint64_t sequence;
    uint64_t count;
};

void deadline_init(struct deadline *deadline, void (*fire)(struct deadline *deadline));

/* Queues it for `time_ns`; it must not be queued. True if it is now the earliest. */
bool deadline_insert(struct deadline_queue *queue, struct deadline *deadline, uint64_t time_ns);

/* Takes it out; false if it was not queued. */
bool deadline_remove(struct deadline_queue *queue, struct deadline *deadline);

/* The earliest, or NULL. */
struct deadline *deadline_first(const struct deadline_queue *queue);

/*
 * Takes out and fires what is due at `now_ns`, in order; returns how many. Stops at the first
 * that was queued meanwhile: a handler that queues itself for the past cannot keep the CPU, the
 * caller just finds the queue's first due and arms the timer for at once.
 */
uint32_t deadline_fire_due(struct deadline_queue *queue, uint64_t now_ns);

#endif
