/* Futexes (futex(2)): words of programs that tasks wait on. */
#ifndef LINUX_FUTEX_H
#define LINUX_FUTEX_H

#include "task.h"

/* Wakes up to `count` that wait on the word as the task sees it. */
void futex_wake(struct task *task, uaddr_t at, uint64_t count);

/* The task ends: words of its robust list are given up (get_robust_list(2)). */
void robust_list_end(struct task *task);

#endif
