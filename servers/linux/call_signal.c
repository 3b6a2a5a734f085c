/* Calls of signals: rt_sigaction(2), rt_sigprocmask(2), kill(2) and their families. */
#include "clock.h"
#include "group.h"
#include "rt/state.h"
#include "server_arch.h"
#include "signals.h"
#include "user.h"
#include "worker.h"
#include <string.h>

#define MASK_BYTES    8
#define NEVER_BLOCKED (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define ALT_LEAST     2048

static bool is_signal(int64_t number)
{
    return number >= 1 && number <= SIGNALS;
}

int64_t call_rt_sigaction(struct call *call, arg_int number, arg_user new_at, arg_user old_at,
                          arg_size size)
{
    struct signal_action new;
    if (!is_signal(number) || size != MASK_BYTES)
        return -EINVAL;
    if (new_at.va != 0 && (number == SIGKILL || number == SIGSTOP))
        return -EINVAL;
    struct signal_action *action = &call->task->group->actions->action[number];
    int64_t error = 0;
    if (new_at.va != 0)
        error = user_read(call->task, &new, new_at, sizeof(new));
    if (error == 0 && old_at.va != 0)
        error = user_write(call->task, old_at, action, sizeof(*action));
    if (error == 0 && new_at.va != 0) {
        *action = new;
        action->mask &= ~NEVER_BLOCKED;
    }
    return error;
}

static int64_t mask_read(struct call *call, arg_user at, arg_size size, uint64_t *mask)
{
    if (size != MASK_BYTES)
        return -EINVAL;
    int64_t error = user_read(call->task, mask, at, sizeof(*mask));
    *mask &= ~NEVER_BLOCKED;
    return error;
}

int64_t call_rt_sigprocmask(struct call *call, arg_int how, arg_user new_at, arg_user old_at,
                            arg_size size)
{
    struct task *task = call->task;
    uint64_t new = 0, old = task->blocked;
    if (size != MASK_BYTES)
        return -EINVAL;
    int64_t error = new_at.va != 0 ? mask_read(call, new_at, size, &new) : 0;
    if (error == 0 && old_at.va != 0)
        error = user_write(task, old_at, &old, sizeof(old));
    if (error != 0 || new_at.va == 0)
        return error;
    switch (how) {
    case SIG_BLOCK:
        task->blocked |= new;
        return 0;
    case SIG_UNBLOCK:
        task->blocked &= ~new;
        return 0;
    case SIG_SETMASK:
        task->blocked = new;
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t call_rt_sigpending(struct call *call, arg_user at, arg_size size)
{
    const struct task *task = call->task;
    uint64_t pending = (task->pending | task->group->pending) & task->blocked;
    if (size > MASK_BYTES)
        return -EINVAL;
    return user_write(call->task, at, &pending, size);
}

int64_t call_rt_sigsuspend(struct call *call, arg_user at, arg_size size)
{
    struct task *task = call->task;
    uint64_t mask;
    if (!call->again) {
        int64_t error = mask_read(call, at, size, &mask);
        if (error != 0)
            return error;
        task->blocked_saved = task->blocked;
        task->restore_blocked = true;
        task->blocked = mask;
    }
    return wait_begin(call, RESTART_NO_HAND);
}

int64_t call_pause(struct call *call)
{
    return wait_begin(call, RESTART_NO_HAND);
}

int64_t call_rt_sigreturn(struct call *call)
{
    struct task *task = call->task;
    struct abi_registers registers;
    uint64_t mask;
    error_t error = rt_get(call->worker->page, task->reply, STATE_thread_registers, 0, &registers,
                           sizeof(registers));
    if (error != OK || arch_frame_end(call->worker, task, &registers, &mask) != 0 ||
        rt_set(call->worker->page, task->reply, STATE_thread_registers, 1, &registers,
               sizeof(registers), (slot_t){0}) != OK) {
        const struct signal_info info = {.number = SIGSEGV, .code = SI_KERNEL};
        signal_fault(task, &info);
    } else {
        task->blocked = mask & ~NEVER_BLOCKED;
    }
    if (!signal_waits(task) || !signal_take(call->worker, task, false, 0))
        worker_answer(call->worker, task, ANSWER_RESUME, 0);
    return DONE_ANSWERED;
}

int64_t call_sigaltstack(struct call *call, arg_user new_at, arg_user old_at)
{
    struct task *task = call->task;
    stack_t new, old;
    memset(&old, 0, sizeof(old));
    old.ss_sp = (void *)(uintptr_t)task->alt_stack;
    old.ss_size = task->alt_size;
    old.ss_flags = task->alt_size == 0 ? SS_DISABLE : 0;
    int64_t error = new_at.va != 0 ? user_read(task, &new, new_at, sizeof(new)) : 0;
    if (error == 0 && old_at.va != 0)
        error = user_write(task, old_at, &old, sizeof(old));
    if (error != 0 || new_at.va == 0)
        return error;
    bool off = (new.ss_flags &SS_DISABLE) != 0;
    if (!off && new.ss_size < ALT_LEAST)
        return -ENOMEM;
    task->alt_stack = off ? 0 : (uintptr_t)new.ss_sp;
    task->alt_size = off ? 0 : new.ss_size;
    return 0;
}

/* --- sending --- */

static bool may_signal(const struct group *from, const struct group *to, int number)
{
    if (number == SIGCONT && from->sid == to->sid)
        return true;
    return from->euid == 0 || from->euid == to->suid || from->euid == to->uid ||
           from->uid == to->suid || from->uid == to->uid;
}

/* -EPERM, or 0; number 0 only asks. */
static int64_t send(struct call *call, struct group *to, struct task *task, int number,
                    int32_t code)
{
    const struct group *from = call->task->group;
    const struct signal_info info = {
        .number = number, .code = code, .pid = (int32_t)from->pid, .uid = (int32_t)from->uid};
    if (!may_signal(from, to, number))
        return -EPERM;
    if (number != 0)
        signal_send(to, task, &info);
    return 0;
}

static int64_t send_many(struct call *call, int32_t pid, int number)
{
    int64_t result = -ESRCH;
    uint32_t pgid = pid == 0 ? call->task->group->pgid : (uint32_t)-pid;
    for (struct list *at = groups.next; at != &groups; at = at->next) {
        struct group *group = CONTAINER_OF(at, struct group, in_all);
        bool meant =
            pid == -1 ? group->pid != 1 && group != call->task->group : group->pgid == pgid;
        if (!meant)
            continue;
        int64_t error = send(call, group, NULL, number, SI_USER);
        result = result == 0 ? 0 : error;
    }
    return result;
}

int64_t call_kill(struct call *call, arg_int pid, arg_int number)
{
    if (number != 0 && !is_signal(number))
        return -EINVAL;
    if (pid <= 0)
        return send_many(call, pid, number);
    struct group *group = group_find((uint32_t)pid);
    return group != NULL ? send(call, group, NULL, number, SI_USER) : -ESRCH;
}

int64_t call_tgkill(struct call *call, arg_int tgid, arg_int tid, arg_int number)
{
    if ((number != 0 && !is_signal(number)) || tid <= 0 || tgid <= 0)
        return -EINVAL;
    struct task *task = task_find((uint32_t)tid);
    if (task == NULL || task->group->pid != (uint32_t)tgid)
        return -ESRCH;
    return send(call, task->group, task, number, SI_TKILL);
}

int64_t call_tkill(struct call *call, arg_int tid, arg_int number)
{
    struct task *task = tid > 0 ? task_find((uint32_t)tid) : NULL;
    return task != NULL ? call_tgkill(call, (arg_int)task->group->pid, tid, number) : -ESRCH;
}

static int64_t waited_take(struct task *task, int number, arg_user info_at)
{
    const struct signal_info *from = &task->group->infos[number];
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = number;
    info.si_code = from->code;
    info.si_pid = from->pid;
    info.si_uid = (uid_t)from->uid;
    int64_t error = info_at.va != 0 ? user_write(task, info_at, &info, sizeof(info)) : 0;
    if (error != 0)
        return error;
    if ((task->pending & SIGNAL_BIT(number)) != 0)
        task->pending &= ~SIGNAL_BIT(number);
    else
        task->group->pending &= ~SIGNAL_BIT(number);
    return number;
}

/* Without a handler: the signal is the answer. */
int64_t call_rt_sigtimedwait(struct call *call, arg_user mask_at, arg_user info_at,
                             arg_user time_at, arg_size size)
{
    struct task *task = call->task;
    uint64_t mask;
    int64_t error = mask_read(call, mask_at, size, &mask);
    if (error == 0 && !call->again && time_at.va != 0)
        error = wait_for_timespec(call, time_at);
    if (error != 0)
        return error;
    uint64_t found = (task->pending | task->group->pending) & mask;
    task->waited = mask;
    int64_t result = found != 0        ? waited_take(task, __builtin_ctzll(found) + 1, info_at)
                     : wait_over(call) ? -EAGAIN
                                       : wait_begin(call, -EINTR);
    if (result != WAIT)
        task->waited = 0;
    return result;
}
