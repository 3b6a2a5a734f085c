/*
 * A Linux thread.
 *
 * Made by clone (clone.c) or for the first program; it has a Tern thread in its memory's process,
 * whose system calls and faults come to the server's port with the task's number as badge. It is
 *
 *     running   in user mode, or on its way to us
 *     held      its call or fault was taken and is being served: `reply` names it
 *     waiting   held, on queues, in no worker's hands (wait.h)
 *     ready     woken: on the ready list, its call will be run again
 *     dead      its thread has ended; kept until nobody names it
 *
 * exec gives it another Tern thread in another process; the number stays.
 *
 * All fields are guarded by the server's lock unless they say otherwise.
 */
#ifndef LINUX_TASK_H
#define LINUX_TASK_H

#include "call.h"
#include "lib/list.h"
#include "wait.h"

struct worker;

struct group;
struct mm;
struct files;
struct folder_state; /* fs.h: root, working folder, umask */

enum task_state { TASK_RUNNING, TASK_HELD, TASK_WAITING, TASK_READY, TASK_DEAD };

#define TASK_WAITERS  4 /* without memory of their own */
#define TASK_PROGRESS 4

struct task {
    uint32_t tid;
    uint32_t generation; /* of the number: late messages of one that had it before are told apart */
    enum task_state state;
    struct group *group;
    struct list in_group;
    struct mm *mm;
    struct files *files;              /* shared by CLONE_FILES */
    struct folder_state *fs;          /* shared by CLONE_FS */
    slot_t thread;                    /* the Tern thread */
    slot_t reply;                     /* held: the object that names it */
    struct call call;                 /* held: what it asked for */
    uint64_t progress[TASK_PROGRESS]; /* of that: 0 at its first run */
    struct file *opening; /* of an open that waits (FIFOs): given back with file_put at its end */
    /* waiting: */
    struct list waiters;
    struct waiter own[TASK_WAITERS];
    uint32_t own_used;
    uint64_t deadline;       /* DEADLINE_NEVER: none */
    uint32_t deadline_place; /* in the heap, from 1; 0: not in it */
    bool woken;              /* by a queue, since it began to wait */
    /* ready: */
    struct list in_ready;
    /* signals (signal.h): */
    uint64_t pending, blocked;
    uint64_t blocked_saved; /* rt_sigsuspend, ppoll: to be put back; valid if `restore_blocked` */
    bool restore_blocked;
    uint64_t waited; /* rt_sigtimedwait: taken by it, though blocked */
    bool kicked;     /* a kick is on its way */
    bool kick_owed;  /* it is to be sent once the task's answer is */
    bool stopped;    /* waits for its group to go on; then it is finished with: */
    bool stopped_in_call;
    int64_t stopped_result;
    uint64_t alt_stack, alt_size; /* sigaltstack; size 0: none */
    uaddr_t clear_tid;            /* set_tid_address, CLONE_CHILD_CLEARTID */
    uaddr_t robust_list;
    char name[16]; /* of /proc and prctl */
};

#define TID_MAX 32768

/* NULL: no such. */
struct task *task_find(uint32_t tid);

/* Whom a message of the kernel's is about: its badge. NULL: it is gone. */
struct task *task_of_badge(uint64_t badge);
uint64_t task_badge(const struct task *task);

/*
 * A task of `group` with a number of its own (`tid`, or any: 0), without a Tern thread. NULL: no
 * memory or numbers.
 */
struct task *task_make(struct group *group, uint32_t tid);

/* Makes a Tern thread in `mm`, not started. Error numbers. */
int64_t task_thread_make(struct mm *mm, slot_t *thread);

/* What such a thread calls, faults and ends with comes to us as the task's from now on, and nothing
 * any more of one that it had before. Error numbers. */
int64_t task_thread_route(struct worker *worker, struct task *task, slot_t thread);

/* Its Tern thread ends; if that was held, its reply object is free. */
void task_thread_end(struct worker *worker, struct task *task);

/* It ends: off its group's list and all queues, its parts given up, its number free, itself gone.
 */
void task_end(struct worker *worker, struct task *task);

/* Gives it another number, that nobody else has as a task (exec: the group's). */
void task_renumber(struct task *task, uint32_t tid);

/* Its call will be run again: on the ready list (worker.c). It is on no queue. */
void task_ready(struct task *task);

/* How many there can be at once (RLIMIT_NPROC, threads-max): above, clone says -EAGAIN. */
extern uint32_t tasks_most;

/* Numbers for tasks, groups and sessions: each that names one keeps it. 0: none left. */
uint32_t number_take(void);
void number_keep(uint32_t number);
void number_drop(uint32_t number);

#endif
