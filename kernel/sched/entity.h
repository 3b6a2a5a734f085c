/*
 * What a thread carries for the scheduler (sched/sched.h).
 *
 * `where`, `run` and `listed` are under the queue lock of the thread's CPU (thread.cpu). What
 * others may write or read at any time is atomic. What is asked for is under the lock of params.c.
 * Class, base, level, epoch and slice are changed under that lock, too (class.h).
 * The rest is its owner's: who runs it, or took it out of where it was (obj/thread.h).
 */
#pragma once

#include "lib/config.h"
#include "lib/list.h"
#include "lib/types.h"
#include "sched/deadline.h"

enum sched_class {
#define SCHED_CLASS(number, name, low, high, text) SCHED_##name = (number),
#include <sched_class.def>
#undef SCHED_CLASS
    SCHED_CLASSES
};

#define SCHED_AFFINITY_WORDS (CONFIG_CPU_MAX / 64)

/* What is asked for a thread. */
struct sched_policy {
    uint8_t class;      /* enum sched_class */
    uint8_t priority;   /* within the class; normal: the best that feedback gives */
    uint64_t budget_ns; /* realtime: of each period; else 0 */
    uint64_t period_ns;
};

/* The same with the CPUs that it may run on, as info and set have it. */
struct sched_params {
    struct sched_policy policy;
    /* A bit per CPU, all 0: any. Numbers are the job's, and fold: modulo the CPUs that there are.
     */
    uint64_t affinity[SCHED_AFFINITY_WORDS];
};

enum sched_where {
    SCHED_AWAY,      /* in no queue: it runs, waits, or is on its way */
    SCHED_QUEUED,    /* in the run queue of its CPU */
    SCHED_THROTTLED, /* ready, but out of budget: `refill` is armed on its CPU */
};

struct sched_entity {
    struct list run;               /* in a run queue */
    uint8_t where;                 /* enum sched_where */
    uint8_t listed;                /* queued: the list that it is in */
    uint8_t class;                 /* enum sched_class */
    uint8_t base;                  /* own priority without feedback */
    uint8_t level;                 /* normal: how deep it has sunk, 0 to 15 */
    uint32_t epoch;                /* normal: of its last boost */
    uint32_t home;                 /* realtime: the CPU that it is admitted to */
    uint64_t put_on;               /* counter when it was last put on a CPU */
    uint64_t slice_mark;           /* of time_used: there its slice is used up */
    _Atomic(uint64_t) time_used;   /* counter ticks it paid for, its servers' included */
    _Atomic(uint64_t) budget_mark; /* realtime: of time_used: there the period's budget ends */
    _Atomic(uint64_t) refill_at;   /* realtime: counter at which the next period begins */
    uint64_t budget, period;       /* realtime: counter ticks */
    struct deadline refill;        /* throttled */
    _Atomic(bool) changed;         /* `asked` is not yet taken over */
    _Atomic(bool) bound;           /* has an affinity */
    uint32_t share;                /* realtime: of its home, parts per million; params.c's lock */
    struct sched_policy asked;     /* params.c's lock */
    _Atomic(uint64_t) affinity[SCHED_AFFINITY_WORDS]; /* written under params.c's lock */
};
