/*
 * Timers: a deadline in the job's clock, and a period, that set signal bits on a port.
 *
 *     idle --timer_arm--> armed --deadline--> bits set; idle, or with a period armed for the next
 *
 * The port is kept as a source, so that who waits there goes on waiting while the timer is there.
 * With a period the next deadline is the last one plus the period, never the present plus the
 * period, so it does not drift; deadlines that passed unserved are counted as overruns and are told
 * by one signal. If the job's clock is changed while a timer is armed, it keeps to the new one as
 * long as it does not wait beyond the old deadline; who sets the clock arms it again.
 *
 * Locks: the object's lock (rank object) for what is not constant. The handler takes it as well, so
 * nobody waits for a handler with it held: one that comes too late finds nothing due.
 */
#pragma once

#include "ipc/port.h"
#include "obj/object.h"
#include "sched/deadline.h"

#define TIMER_PERIOD_MIN UINT64_C(100000) /* ns: a shorter one could keep a CPU busy by itself */

/* What can be read of a timer, and set. */
struct timer_state {
    uint64_t deadline; /* in the job's clock; DEADLINE_NEVER: not armed */
    uint64_t period;   /* ns; 0: once */
    uint64_t overruns; /* deadlines that were passed over since it was made */
};

struct timer {
    struct object object;
    struct port *port;        /* constant until it retires; a source and reference */
    uint64_t bits;            /* constant */
    struct timer_state state; /* the lock */
    struct deadline wake;     /* the lock; queued while armed, unless its handler is about to run */
};

/* Not armed. bad_argument without bits. */
error_t timer_create(struct job *job, struct port *port, uint64_t bits, struct timer **result);

/*
 * Arms it anew for `deadline` (one in the past is due at once), and then each `period`; cancels it
 * with DEADLINE_NEVER. bad_argument for a period that is too short.
 */
error_t timer_arm(struct timer *timer, uint64_t deadline, uint64_t period);

void timer_get(struct timer *timer, struct timer_state *state);

/* For import: timer_arm with a count of overruns. */
error_t timer_set(struct timer *timer, const struct timer_state *state);
