/* Ends: of tasks, of groups, and waiting for them (exit.c's families: exit, wait4). */
#ifndef LINUX_END_H
#define LINUX_END_H

#include "group.h"
#include "worker.h"

/* wait4's status. */
#define STATUS_EXIT(code)     ((int32_t)((uint32_t)(code) % 256 * 256))
#define STATUS_SIGNAL(number) (number)
#define STATUS_STOP(number)   ((number) << 8 | 0x7f)
#define STATUS_CONTINUED      0xffff

/* All tasks of the group end, `task` (held, or NULL) among them. */
void group_end(struct worker *worker, struct group *group, int32_t status);

/* One task ends; the last one ends its group with `status`. */
void task_exit(struct worker *worker, struct task *task, int32_t status);

/* The kernel ended a task's thread by itself (enum exit_reason). */
void task_lost(struct worker *worker, struct task *task, uint64_t reason);

/* What is told to the outside when the first process of the job ends. */
extern void (*first_ended)(int32_t status);

#endif
