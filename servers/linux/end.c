/* Ends (end.h): exit(2), exit_group(2), wait4(2), waitid(2). */
#include "end.h"
#include "futex.h"
#include "signals.h"
#include "user.h"
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

void (*first_ended)(int32_t status);

/* Children of one that ends are the first process's. */
static void orphan(struct group *group)
{
    struct group *first = group_find(1);
    while (!list_empty(&group->children)) {
        struct group *child = CONTAINER_OF(group->children.next, struct group, among_children);
        list_remove(&child->among_children);
        child->parent = first != group ? first : NULL;
        if (child->parent != NULL)
            list_add_last(&first->children, &child->among_children);
        if (child->zombie && (child->parent == NULL || child->parent->zombie))
            group_free(child);
        else if (child->zombie)
            queue_wake(&child->parent->child_end);
    }
}

static bool parent_ignores(const struct group *group)
{
    const struct signal_action *action = &group->parent->actions->action[SIGCHLD];
    return group->exit_signal == SIGCHLD &&
           (action->handler == (uint64_t)SIG_IGN || (action->flags & SA_NOCLDWAIT) != 0);
}

static void parent_tell(struct group *group, int32_t code, int32_t status)
{
    const struct signal_info info = {.number = (int32_t)group->exit_signal,
                                     .code = code,
                                     .pid = (int32_t)group->pid,
                                     .uid = (int32_t)group->uid,
                                     .status = status};
    if (info.number != 0)
        signal_send(group->parent, NULL, &info);
    queue_wake(&group->parent->child_end);
}

static void group_ended(struct group *group)
{
    int32_t status = group->exit_status;
    group->zombie = true;
    orphan(group);
    queue_wake(&group->own_exec);
    session_leave(group);
    if (group->pid == 1 && first_ended != NULL)
        first_ended(status);
    if (group->parent == NULL || group->parent->zombie || parent_ignores(group)) {
        struct group *parent = group->parent;
        group_free(group);
        if (parent != NULL)
            queue_wake(&parent->child_end); /* it may wait for the last one */
        return;
    }
    bool killed = (status & 0x7f) != 0;
    parent_tell(group, killed ? CLD_KILLED : CLD_EXITED, killed ? status & 0x7f : status >> 8);
}

/* CLONE_CHILD_CLEARTID: whoever joins it waits for that word. */
static void clear_tid(struct task *task)
{
    const uint32_t zero = 0;
    if (task->clear_tid.va == 0 || task->mm == NULL)
        return;
    if (user_write(task, task->clear_tid, &zero, sizeof(zero)) == 0)
        futex_wake(task, task->clear_tid, 1);
    task->clear_tid.va = 0;
}

void task_exit(struct worker *worker, struct task *task, int32_t status)
{
    struct group *group = task->group;
    clear_tid(task);
    robust_list_end(task);
    if (group->task_count == 1 && !group->exiting)
        group->exit_status = status;
    task_end(worker, task);
    if (group->task_count == 0)
        group_ended(group);
}

void group_end(struct worker *worker, struct group *group, int32_t status)
{
    if (!group->exiting) {
        group->exiting = true;
        group->exit_status = status;
    }
    while (group->task_count > 1)
        task_exit(worker, CONTAINER_OF(group->tasks.next, struct task, in_group), status);
    task_exit(worker, CONTAINER_OF(group->tasks.next, struct task, in_group), status);
}

void task_lost(struct worker *worker, struct task *task, uint64_t reason)
{
    (void)reason; /* only we end threads of programs: whatever it was, the program cannot go on */
    group_end(worker, task->group, STATUS_SIGNAL(SIGKILL));
}

int64_t call_exit(struct call *call, arg_int code)
{
    task_exit(call->worker, call->task, STATUS_EXIT(code));
    return DONE_ANSWERED;
}

int64_t call_exit_group(struct call *call, arg_int code)
{
    group_end(call->worker, call->task->group, STATUS_EXIT(code));
    return DONE_ANSWERED;
}

/* --- waiting --- */

static bool is_meant(const struct group *parent, const struct group *child, int32_t pid)
{
    if (pid > 0)
        return child->pid == (uint32_t)pid;
    if (pid == 0)
        return child->pgid == parent->pgid;
    return pid == -1 || child->pgid == (uint32_t)-pid;
}

/* What there is to tell of a child, if its kind is wanted. */
static bool news(struct group *child, uint32_t options, int32_t *status)
{
    if (child->zombie && (options & WEXITED) != 0) {
        *status = child->exit_status;
        return true;
    }
    if (child->stopped && !child->stop_told && (options & WUNTRACED) != 0) {
        *status = STATUS_STOP(child->stop_signal);
        return true;
    }
    *status = STATUS_CONTINUED;
    return child->continued && (options & WCONTINUED) != 0;
}

/* The first meant child with news; `any`: whether there is a meant one at all. */
static struct group *child_find(struct group *parent, int32_t pid, uint32_t options,
                                int32_t *status, bool *any)
{
    *any = false;
    for (struct list *at = parent->children.next; at != &parent->children; at = at->next) {
        struct group *child = CONTAINER_OF(at, struct group, among_children);
        if (!is_meant(parent, child, pid))
            continue;
        *any = true;
        if (news(child, options, status))
            return child;
    }
    return NULL;
}

static void news_take(struct group *parent, struct group *child)
{
    if (child->zombie) {
        parent->cpu_children += child->cpu_children;
        group_free(child);
    } else if (child->stopped) {
        child->stop_told = true;
    } else {
        child->continued = false;
    }
}

/* The child, or 0 (WNOHANG), WAIT, an error. */
static int64_t wait_child(struct call *call, int32_t pid, uint32_t options, struct group **found,
                          int32_t *status)
{
    struct group *parent = call->task->group;
    bool any;
    *found = child_find(parent, pid, options, status, &any);
    if (*found != NULL)
        return 1;
    if (!any)
        return -ECHILD;
    return (options & WNOHANG) != 0 ? 0 : wait_simply(call, &parent->child_end);
}

int64_t call_wait4(struct call *call, arg_int pid, arg_user status_at, arg_int options,
                   arg_user usage_at)
{
    struct group *child;
    int32_t status;
    const struct rusage usage = {0};
    uint32_t wanted = (uint32_t)options;
    if ((wanted &
         ~(uint32_t)(WNOHANG | WUNTRACED | WCONTINUED | __WALL | __WNOTHREAD | __WCLONE)) != 0)
        return -EINVAL;
    int64_t found = wait_child(call, pid, wanted | WEXITED, &child, &status);
    if (found != 1)
        return found;
    int64_t number = child->pid, error = 0;
    if (status_at.va != 0)
        error = user_write(call->task, status_at, &status, sizeof(status));
    if (error == 0 && usage_at.va != 0)
        error = user_write(call->task, usage_at, &usage, sizeof(usage));
    if (error != 0)
        return error;
    news_take(call->task->group, child);
    return number;
}

static int64_t info_write(struct call *call, arg_user at, const struct group *child, int32_t status)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    if (child != NULL) {
        bool killed = (status & 0x7f) != 0;
        info.si_signo = SIGCHLD;
        info.si_pid = (pid_t)child->pid;
        info.si_uid = child->uid;
        info.si_code = child->zombie    ? (killed ? CLD_KILLED : CLD_EXITED)
                       : child->stopped ? CLD_STOPPED
                                        : CLD_CONTINUED;
        info.si_status = child->zombie && killed ? status & 0x7f
                         : child->continued      ? SIGCONT
                                                 : status >> 8;
    }
    return at.va != 0 ? user_write(call->task, at, &info, sizeof(info)) : 0;
}

int64_t call_waitid(struct call *call, arg_int kind, arg_int id, arg_user info_at, arg_int options,
                    arg_user usage_at)
{
    uint32_t wanted = (uint32_t)options;
    struct group *child;
    int32_t status;
    (void)usage_at;
    if ((wanted & (WEXITED | WSTOPPED | WCONTINUED)) == 0 || kind > P_PGID || kind < 0)
        return -EINVAL;
    int32_t pid = kind == P_ALL ? -1 : kind == P_PID ? id : id == 0 ? 0 : -id;
    int64_t found = wait_child(call, pid, wanted, &child, &status);
    if (found != 1 && found != 0)
        return found;
    int64_t error = info_write(call, info_at, found == 1 ? child : NULL, status);
    if (error == 0 && found == 1 && (wanted & WNOWAIT) == 0)
        news_take(call->task->group, child);
    return error;
}
