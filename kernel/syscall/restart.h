/*
 * Restart mode: a test of atomic calls (`restart=all` on the command line).
 *
 * Each call of a thread is aborted at every point at which that is legal, and issued again from its
 * registers: once before anything of it was done, and once when it waits, for each kind of wait.
 * Programs must not notice. What was covered is counted by call and point, and printed by the
 * monitor's command `restarts`.
 */
#pragma once

#include "obj/thread.h"

void restart_init(void);
bool restart_mode(void);

/* True if the call of the current thread is aborted here, before it began; *wait says whether it is
 * to be aborted when it waits. */
bool restart_before(struct thread *thread, bool *wait);

/* `thread` was given into a wait by its call `number`, or on to somebody: takes it out again. */
void restart_blocked(struct thread *thread, uint64_t number);

/*
 * Prints a line for each call, and how many points were not covered: before each call, and in the
 * wait of those that wait. A call that was taken cannot be made again, so reply is no such wait.
 */
void restart_report(void);
