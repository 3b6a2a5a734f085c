/*
 * Workers: the threads of this server, one per CPU, and what they share.
 *
 *     receive -> lock -> run the call -> run who became ready -> unlock -> answer and receive
 *
 * A worker answers the last task it ran together with its next receive, the others at once. When a
 * call waits, the worker's reply object stays with the task and it takes another one.
 */
#ifndef LINUX_WORKER_H
#define LINUX_WORKER_H

#include "sys/message.h"
#include "task.h"

struct worker {
    slot_t reply; /* that the next receive binds */
    void *page;   /* its message page */
    slot_t thread;
    /* What is still to be answered; reply 0: nothing. */
    slot_t answer_reply;
    struct message answer;
};

extern slot_t server_port;  /* where all messages come */
extern slot_t server_job;   /* the server's */
extern slot_t programs_job; /* that of the programs, below it */

/* Makes port and jobs; then, one per CPU, the threads that serve. */
int64_t workers_prepare(void);
void workers_start(unsigned count);
unsigned workers_count(void); /* CPUs that programs are told of */

/* The lock of all state but what says otherwise. */
void server_lock(void);
void server_unlock(void);

/* Answers the held task: its call's result, or just "go on" (registers are as they were, or set).
 */
void worker_answer(struct worker *worker, struct task *task, enum answer_way way, uint64_t result);

/* The task's reply object is free again: the thread that it held is gone. */
void worker_reply_free(struct worker *worker, struct task *task);

/* Nanoseconds of the job's clock. */
uint64_t now(void);

/* Wants to be told of streams' and timers' bits: called under the lock. */
#define BIT_DEADLINE UINT64_C(1)
#define BIT_KICKS    UINT64_C(2) /* tasks with kick_owed are kicked again */
void signals_take(struct worker *worker, uint64_t bits);

#endif
