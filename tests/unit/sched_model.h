/*
 * Simulated CPUs and threads for tests of the scheduler: one host thread plays all CPUs in turn,
 * with interrupts off and a simulated clock. Nothing is ever reset.
 */
#ifndef SCHED_MODEL_H
#define SCHED_MODEL_H

#include "ipc/port.h"
#include "obj/job.h"
#include "obj/thread.h"
#include "sched/sched.h"

#define MS UINT64_C(1000000)

extern struct job model_job; /* of all threads that are made; no limit */

/* Starts the scheduler with `cpus` CPUs, the last ones of two nodes if there are more than 2. */
void model_start(uint32_t cpus);

/* A thread, owned by the caller; class normal. */
struct thread *model_thread(void);
struct thread *model_thread_of(struct job *job);

/* Sets class and priority; realtime with its budget. Affinity 0: any CPU. */
error_t model_set(struct thread *thread, uint32_t class, uint32_t priority, uint64_t budget_ms,
                  uint64_t period_ms, uint64_t affinity);

/* The host thread is CPU `number` from now on. */
struct cpu *model_be(uint32_t number);

/* Its way out of the kernel. */
struct thread *model_leave(uint32_t number);

/* The current thread of a CPU waits: it is the caller's. */
struct thread *model_wait(uint32_t number);

/* `ns` go by, for all CPUs; each takes its timer's interrupts and the requests of others, and
 * leaves the kernel then. CPUs without any thread stand still. */
void model_run(uint64_t ns);

/* `server` works on a call of `caller`, which is in state reply. */
void model_call(struct thread *caller, struct thread *server);

uint64_t model_used_ms(struct thread *thread);

#endif
