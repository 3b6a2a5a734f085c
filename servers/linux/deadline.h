/*
 * Deadlines of waiting tasks: a heap by time, and one kernel timer that is armed for the first.
 * Guarded by the server's lock.
 */
#ifndef LINUX_DEADLINE_H
#define LINUX_DEADLINE_H

#include "task.h"

/* Makes the timer; it sets BIT_DEADLINE of the server's port. Error numbers. */
int64_t deadlines_prepare(void);

/* Enters task->deadline if it has one. False: no memory. */
bool deadline_set(struct task *task);
void deadline_cancel(struct task *task);

/* Makes tasks ready whose time has come, and arms the timer for the next. */
void deadlines_run(void);

#endif
