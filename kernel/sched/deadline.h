/*
 * The deadline queue: what is to happen at which time, the earliest first.
 *
 * A queue is under its owner's lock: a CPU's (sched/clock.h) or a port's. A deadline is part of its
 * owner's struct, in at most one queue at a time; the queue allocates nothing. Insert, remove and
 * looking for one are O(log n) (lib/tree.h), the first is at hand. Equal times come out in the
 * order of their insertion.
 */
#pragma once

#include "lib/tree.h"
#include <stdatomic.h>

struct deadline {
    union {
        struct tree_node node; /* key: time_ns; order: sequence */
        struct {
            struct tree_node *left, *right;
            uint64_t time_ns;  /* machine clock */
            uint64_t sequence; /* order of insertion among equals */
        };
    };
    _Atomic(bool) queued;                    /* written under the queue's lock */
    _Atomic(uint32_t) firing;                /* number + 1 of the CPU that calls `fire`; 0: none */
    uint32_t cpu;                            /* whose queue it is in, or was in last */
    void (*fire)(struct deadline *deadline); /* called with it out of the queue */
};

struct deadline_queue {
    struct tree_node *root;
    struct deadline *first;
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

/* The first behind (time_ns, sequence) in the order in which they come out, or NULL. */
struct deadline *deadline_behind(const struct deadline_queue *queue, uint64_t time_ns,
                                 uint64_t sequence);

/*
 * The first, if it is due at `now_ns` and was queued before the queue's sequence reached `newest`;
 * else NULL. With the sequence of the start as `newest`, a handler that queues itself for the past
 * cannot keep the CPU: the caller just finds it due and arms the timer for at once.
 */
struct deadline *deadline_due(const struct deadline_queue *queue, uint64_t now_ns, uint64_t newest);
