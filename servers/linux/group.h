/*
 * A Linux process: tasks that share a pid, signals' handlers and an end.
 *
 * It lives from fork until its last task has ended (zombie) and its parent has waited for it, or
 * nobody will. Children of one that ends are given to the job's first process.
 */
#ifndef LINUX_GROUP_H
#define LINUX_GROUP_H

#include "task.h"

struct tty;
struct signal_actions; /* signal.h */

struct group {
    uint32_t pid, pgid, sid;
    struct group *parent; /* NULL: the first */
    struct list children, among_children;
    struct list tasks;
    uint32_t task_count; /* alive */
    struct list in_all;
    struct signal_actions *actions;
    uint64_t pending;          /* signals for whichever task takes them */
    struct signal_info *infos; /* by number: what the newest of each brought */
    struct queue child_end;    /* wait4 of this one; also SIGCHLD by parents */
    struct queue own_exec;     /* vfork: the parent waits for exec or end */
    struct queue go_on;        /* tasks that SIGSTOP and its like hold */
    struct tty *tty;           /* controlling */
    int32_t exit_status;       /* as wait4 gives it */
    bool zombie, exiting, executed;
    bool stopped, stop_told, continued; /* by SIGSTOP and its like; SIGCONT */
    int32_t stop_signal;
    uint32_t exit_signal; /* for the parent: SIGCHLD */
    uint32_t uid, gid, euid, egid, suid, sgid;
    uint64_t cpu_children; /* nanoseconds of those waited for */
    uint64_t started;      /* the job's clock */
    char *command;         /* /proc/PID/cmdline: strings ended by 0 */
    uint32_t command_size;
};

/* With a number of its own, and what it has of `parent` (NULL: the first). NULL: no memory. */
struct group *group_make(struct group *parent);
/* To another process group and session. */
void group_move(struct group *group, uint32_t pgid, uint32_t sid);
/* It was waited for, or never was: nothing names it any more. Without tasks and children. */
void group_free(struct group *group);

/* NULL: no such. */
struct group *group_find(uint32_t pid);
/* The leader of a session has ended: its tty is nobody's. (tty.c) */
void session_leave(struct group *group);

extern struct list groups; /* all, by age */

#endif
