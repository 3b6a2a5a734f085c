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

struct group;
struct mm;
struct files;
struct folder_state; /* fs.h: root, working folder, umask */

enum task_state { TASK_RUNNING, TASK_HELD, TASK_WAITING, TASK_READY, TASK_DEAD };

#define TASK_WAITERS  4 /* without memory of their own */
#define TASK_PROGRESS 4

struct task {
    uint32_t tid;
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
    /* waiting: */
    struct list waiters;
    struct waiter own[TASK_WAITERS];
    uint64_t deadline; /* DEADLINE_NEVER: none */
    struct list in_deadlines;
    /* ready: */
    struct list in_ready;
    /* signals (signal.h): */
    uint64_t pending, blocked;
    uint64_t blocked_saved; /* rt_sigsuspend, ppoll: to be put back; valid if `restore_blocked` */
    bool restore_blocked;
    bool kicked;       /* a kick is on its way */
    uaddr_t clear_tid; /* set_tid_address, CLONE_CHILD_CLEARTID */
    uaddr_t robust_list;
    char name[16]; /* of /proc and prctl */
};

/* NULL: no such. */
struct task *task_find(uint32_t tid);
/* A number nobody has, for a task, group or session; 0: none left. */
uint32_t tid_take(void);

#endif
