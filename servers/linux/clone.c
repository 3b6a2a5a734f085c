/* New tasks and processes: clone(2), fork(2), vfork(2). */
#include "end.h"
#include "files.h"
#include "fs.h"
#include "group.h"
#include "mm.h"
#include "rt/state.h"
#include "server_arch.h"
#include "signals.h"
#include "sys/call.h"
#include "user.h"
#include "worker.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define FPU_MOST 4096 /* bytes of FPU state: a message page */

struct clone_how {
    uint64_t flags, stack, tls;
    uaddr_t parent_tid, child_tid;
    uint32_t exit_signal;
};

/* What threads of one group share, and what comes with what (clone(2), ERRORS). */
static bool flags_fit(uint64_t flags)
{
    if ((flags & CLONE_THREAD) != 0 && (flags & CLONE_SIGHAND) == 0)
        return false;
    if ((flags & CLONE_SIGHAND) != 0 && (flags & CLONE_VM) == 0)
        return false;
    return (flags & (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWUTS |
                     CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_PIDFD)) == 0;
}

static int64_t group_parts(struct group *group, const struct group *from, uint64_t flags)
{
    if ((flags & CLONE_SIGHAND) != 0) {
        group->actions = from->actions;
        group->actions->references++;
    } else if ((group->actions = actions_make(from->actions)) == NULL) {
        return -ENOMEM;
    }
    group->executed = false;
    if (from->command == NULL)
        return 0;
    group->command = malloc(from->command_size);
    if (group->command == NULL)
        return -ENOMEM;
    memcpy(group->command, from->command, from->command_size);
    group->command_size = from->command_size;
    return 0;
}

static int64_t task_parts(struct task *task, struct task *from, uint64_t flags)
{
    task->blocked = from->blocked;
    memcpy(task->name, from->name, sizeof(task->name));
    task->files = (flags & CLONE_FILES) != 0 ? files_get(from->files) : files_clone(from->files);
    task->fs = (flags & CLONE_FS) != 0 ? fs_get(from->fs) : fs_clone(from->fs);
    if (task->files == NULL || task->fs == NULL)
        return -ENOMEM;
    if ((flags & CLONE_VM) == 0)
        return mm_clone(from->mm, &task->mm);
    task->mm = mm_get(from->mm);
    if ((flags & CLONE_VFORK) == 0 && (flags & CLONE_THREAD) == 0)
        return 0;
    task->alt_stack = task->alt_size = 0;
    return 0;
}

/* The child's thread begins as the parent's stands, with the call's result 0. */
static int64_t thread_copy(struct worker *worker, struct task *task, struct task *from,
                           const struct clone_how *how)
{
    static uint8_t fpu[FPU_MOST];
    struct abi_registers registers;
    const struct state_thread_basic start = {.wait = WAIT_RUNNING, .suspended = 1};
    uint64_t fpu_size = 0, next;
    void *page = worker->page;
    error_t error =
        rt_get(page, from->reply, STATE_thread_registers, 0, &registers, sizeof(registers));
    if (error == OK)
        error = tern_object_info(from->reply, STATE_thread_fpu, 0, &fpu_size, &next);
    if (error != OK || fpu_size > sizeof(fpu))
        return -EINVAL;
    memcpy(fpu, page, fpu_size);
    arch_child(&registers, how->stack);
    if ((how->flags & CLONE_SETTLS) != 0)
        arch_thread_pointer_set(&registers, how->tls);
    int64_t result = task_thread_make(task->mm, &task->thread);
    if (result == 0)
        result = task_thread_route(worker, task, task->thread);
    if (result != 0)
        return result;
    error = rt_set(page, task->thread, STATE_thread_basic,
                   STATE_BIT(thread, basic, wait) | STATE_BIT(thread, basic, suspended), &start,
                   sizeof(start), programs_job);
    if (error == OK)
        error = rt_set(page, task->thread, STATE_thread_registers, 1, &registers, sizeof(registers),
                       programs_job);
    if (error == OK)
        error = rt_set(page, task->thread, STATE_thread_fpu, 1, fpu, fpu_size, programs_job);
    return error == OK ? 0 : error_number(error);
}

static int64_t tids_write(struct task *task, struct task *from, const struct clone_how *how)
{
    int64_t error = 0;
    if ((how->flags & CLONE_PARENT_SETTID) != 0)
        error = user_write(from, how->parent_tid, &task->tid, sizeof(task->tid));
    if (error == 0 && (how->flags & CLONE_CHILD_SETTID) != 0)
        error = user_write(task, how->child_tid, &task->tid, sizeof(task->tid));
    if ((how->flags & CLONE_CHILD_CLEARTID) != 0)
        task->clear_tid = how->child_tid;
    return error;
}

/* A task that cannot begin; its group, if it is new, goes as if it never was. */
static int64_t give_up(struct worker *worker, struct task *task, struct group *made, int64_t error)
{
    task->clear_tid.va = 0;
    task_end(worker, task);
    if (made != NULL)
        group_free(made);
    return error;
}

static int64_t clone_task(struct call *call, const struct clone_how *how)
{
    struct task *from = call->task;
    bool thread = (how->flags & CLONE_THREAD) != 0;
    if (!flags_fit(how->flags))
        return -EINVAL;
    struct group *parent = (how->flags & CLONE_PARENT) != 0 ? from->group->parent : from->group;
    struct group *group = thread ? from->group : group_make(parent);
    struct task *task = group != NULL ? task_make(group, thread ? 0 : group->pid) : NULL;
    if (task == NULL) {
        if (group != NULL && !thread)
            group_free(group);
        return -EAGAIN;
    }
    struct group *made = thread ? NULL : group;
    int64_t error = made != NULL ? group_parts(group, from->group, how->flags) : 0;
    if (made != NULL)
        group->exit_signal = how->exit_signal;
    if (error == 0)
        error = task_parts(task, from, how->flags);
    if (error == 0)
        error = thread_copy(call->worker, task, from, how);
    if (error == 0)
        error = tids_write(task, from, how);
    if (error == 0)
        error = error_number(tern_thread_resume(task->thread));
    return error != 0 ? give_up(call->worker, task, made, error) : (int64_t)task->tid;
}

/* vfork: the parent goes on when the child has executed a program or ended. */
static int64_t wait_vfork(struct call *call, int64_t tid)
{
    struct task *task = call->task;
    struct group *child = group_find((uint32_t)tid);
    if (child == NULL || child->executed || child->zombie || child->parent != task->group)
        return tid;
    task->progress[0] = (uint64_t)tid;
    int64_t error = wait_on(call, &child->own_exec, 0, false);
    if (error != 0)
        return tid;
    uint64_t blocked = task->blocked;
    task->blocked = ~SIGNAL_BIT(SIGKILL);
    int64_t result = wait_begin(call, RESTART_ALWAYS);
    task->blocked = blocked;
    return result == WAIT ? WAIT : tid;
}

static int64_t clone_or_wait(struct call *call, const struct clone_how *how)
{
    if (call->again)
        return wait_vfork(call, (int64_t)call->task->progress[0]);
    int64_t tid = clone_task(call, how);
    return tid > 0 && (how->flags & CLONE_VFORK) != 0 ? wait_vfork(call, tid) : tid;
}

int64_t call_clone(struct call *call, arg_size flags, arg_size stack, arg_user parent_tid,
                   arg_size fourth, arg_size fifth)
{
    struct clone_how how = {.flags = flags & ~UINT64_C(0xff),
                            .exit_signal = (uint32_t)flags & 0xff,
                            .stack = stack,
                            .parent_tid = parent_tid};
    if (how.exit_signal > SIGNALS)
        return -EINVAL;
    arch_clone_arguments(fourth, fifth, &how.tls, &how.child_tid.va);
    return clone_or_wait(call, &how);
}

int64_t call_fork(struct call *call)
{
    const struct clone_how how = {.exit_signal = SIGCHLD};
    return clone_or_wait(call, &how);
}

int64_t call_vfork(struct call *call)
{
    const struct clone_how how = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
    return clone_or_wait(call, &how);
}

int64_t call_set_tid_address(struct call *call, arg_user at)
{
    call->task->clear_tid = at;
    return call->task->tid;
}
