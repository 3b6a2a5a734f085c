/*
 * Run queues: the threads that are ready on one CPU, in 64 lists by priority with a bit map.
 *
 * Locks: the queue's lock (rank run_queue) for all of it; cpu->ready_top and `count` are written
 * under it and read by anybody. A CPU never holds the locks of two queues.
 */
#pragma once

#include "lib/error.h"
#include "obj/thread.h"
#include "sched/cpu.h"

#define SCHED_PRIORITIES 64

struct run_queue {
    struct spinlock lock;    /* rank run_queue: what follows */
    uint64_t map;            /* lists that are not empty */
    _Atomic(uint32_t) count; /* threads in all lists */
    uint32_t epoch;          /* of the last boost of what waits here (class.c) */
    struct list lists[SCHED_PRIORITIES];
};

/* Makes the queue of a CPU that is about to be started; the boot CPU's needs no memory. */
error_t run_queue_make(struct cpu *cpu);

/* Puts an owned thread into the list of its effective priority, behind the others or before. */
void run_queue_add_locked(struct cpu *cpu, struct thread *thread, bool first);

/* Takes a queued one out. */
void run_queue_remove_locked(struct cpu *cpu, struct thread *thread);

/* Takes out the first of the highest list; NULL if there is none. */
struct thread *run_queue_take_locked(struct cpu *cpu);

/*
 * Puts an owned thread behind its equals and takes out the first of them, if these are the highest
 * list; else NULL, and nothing has changed.
 */
struct thread *run_queue_rotate_locked(struct cpu *cpu, struct thread *thread);
