/*
 * Machine time: nanoseconds since the counter started, and the CPUs' deadlines.
 *
 * There is no periodic tick: the one-shot timer is armed for the earliest deadline, or the end of
 * the running thread's slice. It may fire earlier than needed, since cancelling leaves it alone.
 *
 * A deadline is armed on the CPU that does it, and cancelled on any. Its owner arms and cancels it;
 * the handler may arm it again. Once clock_cancel has returned, no handler of it runs on another
 * CPU, unless it was armed again.
 * Locks: cpu->deadlines_lock (rank deadlines) for cpu->deadlines; handlers are called without it.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"
#include "sched/deadline.h"
#include <clock.h>

void clock_start(void);       /* time 0 is now; the first thing the boot CPU does */
error_t clock_init(void);     /* boot CPU, once: from now on clock_now() counts */
void clock_init_cpu(void);    /* on each CPU */
const char *clock_text(void); /* what the counter is and how its rate is known */
uint64_t clock_hertz(void);

/* Nanoseconds since clock_start; never goes back on one CPU. 0 before clock_init. */
uint64_t clock_now(void);

/* The time at which the counter stood at `counter`; 0 before clock_init. */
uint64_t clock_at(uint64_t counter);

/* Fills in what clock_at computes with; constant from clock_init on. */
void clock_describe(struct clock_page *page);

/* The counter value at which clock_now() is `time_ns`, rounded up. */
uint64_t clock_to_counter(uint64_t time_ns);

/* A length of time in counter ticks, and back. */
uint64_t clock_ticks(uint64_t ns);
uint64_t clock_length(uint64_t ticks);

/*
 * Queues a deadline on this CPU and sees to the timer. Waits if its handler is still running on
 * another CPU. Interrupts off.
 */
void clock_arm(struct deadline *deadline, uint64_t time_ns);

/*
 * Takes it out of whatever CPU's queue it is in; false if it was in none. Waits if its handler runs
 * on another CPU: no locks held that a handler could want. Interrupts off.
 */
bool clock_cancel(struct deadline *deadline);

/* The same without waiting: false also if its handler runs now. */
bool clock_try_cancel(struct deadline *deadline);

/* True while a handler of it runs on another CPU. */
bool clock_fires_elsewhere(const struct deadline *deadline);

/* For a handler: it is done with the deadline, and nobody needs to wait for it any longer. */
void clock_fired(struct deadline *deadline);

/* Lets the timer fire at `counter` at the latest. This CPU, interrupts off. */
void clock_wake_at(uint64_t counter);

/* Called by arch/ when the one-shot timer fires. */
void clock_interrupt(void);

/* Spins for `ns`; counted, for start-up only. clock_waited() is the sum since boot. */
void clock_spin(uint64_t ns);
uint64_t clock_waited(void);
void clock_note_wait(uint64_t counts); /* waiting done by arch/ before the rate was known */
