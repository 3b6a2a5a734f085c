/*
 * Machine time: nanoseconds since the counter started, and this CPU's deadlines.
 *
 * There is no periodic tick: the one-shot timer is armed for the earliest deadline only.
 */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include "lib/error.h"
#include "lib/types.h"
#include "sched/deadline.h"

void clock_start(void);       /* time 0 is now; the first thing the boot CPU does */
error_t clock_init(void);     /* boot CPU, once: from now on clock_now() counts */
void clock_init_cpu(void);    /* on each CPU */
const char *clock_text(void); /* what the counter is and how its rate is known */
uint64_t clock_hertz(void);

/* Nanoseconds since clock_start; never goes back on one CPU. 0 before clock_init. */
uint64_t clock_now(void);

/* The time at which the counter stood at `counter`; 0 before clock_init. */
uint64_t clock_at(uint64_t counter);

/* The counter value at which clock_now() is `time_ns`, rounded up. */
uint64_t clock_to_counter(uint64_t time_ns);

/* Queues or cancels a deadline on this CPU and arms the timer. Interrupts off. */
void clock_arm(struct deadline *deadline, uint64_t time_ns);
void clock_cancel(struct deadline *deadline);

/* Called by arch/ when the one-shot timer fires. */
void clock_interrupt(void);

/* Spins for `ns`; counted, for start-up only. clock_waited() is the sum since boot. */
void clock_spin(uint64_t ns);
uint64_t clock_waited(void);
void clock_note_wait(uint64_t counts); /* waiting done by arch/ before the rate was known */

#endif
