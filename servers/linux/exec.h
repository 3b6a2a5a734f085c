/* Executing programs: execve(2), and the job's first one. */
#ifndef LINUX_EXEC_H
#define LINUX_EXEC_H

#include "image.h"
#include "worker.h"

/*
 * Puts the program at `path` in the place of what the task runs; the strings are taken over and
 * freed. 0: the task runs it (it was held: it is not any more); an error: nothing has changed.
 */
int64_t exec_program(struct worker *worker, struct task *task, const char *path,
                     struct strings *arguments, struct strings *environment);

#endif
