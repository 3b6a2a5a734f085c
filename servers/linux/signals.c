/* Signals (signals.h): how they are sent and taken. */
#include "signals.h"
#include "end.h"
#include "group.h"
#include "rt/state.h"
#include "server_arch.h"
#include "worker.h"
#include <stdlib.h>
#include <string.h>

#define ALL_STOPS                                                                                  \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define IGNORED_BY_DEFAULT                                                                         \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
#define BY_FAULTS                                                                                  \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGFPE) |          \
     SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS))
#define NEVER_BLOCKED (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* --- actions --- */

struct signal_actions *actions_make(const struct signal_actions *from)
{
    struct signal_actions *actions = calloc(1, sizeof(*actions));
    if (actions != NULL && from != NULL)
        *actions = *from;
    if (actions != NULL)
        actions->references = 1;
    return actions;
}

void actions_put(struct signal_actions *actions)
{
    if (--actions->references == 0)
        free(actions);
}

void actions_reset(struct signal_actions *actions)
{
    for (unsigned i = 1; i <= SIGNALS; i++) {
        bool ignored = actions->action[i].handler == (uint64_t)SIG_IGN;
        actions->action[i] =
            (struct signal_action){.handler = (uint64_t)(ignored ? SIG_IGN : SIG_DFL)};
    }
}

static bool is_ignored(const struct group *group, int number)
{
    uint64_t handler = group->actions->action[number].handler;
    return handler == (uint64_t)SIG_IGN ||
           (handler == (uint64_t)SIG_DFL && (IGNORED_BY_DEFAULT & SIGNAL_BIT(number)) != 0);
}

/* --- sending --- */

bool signals_owed;

bool signal_waits(const struct task *task)
{
    const struct group *group = task->group;
    return ((task->pending | group->pending) & (~task->blocked | task->waited)) != 0 ||
           group->stopped;
}

/* Brings the task here, if it is not. */
static void notify(struct task *task)
{
    if (task->state == TASK_WAITING) {
        wait_leave(task);
        task_ready(task);
    } else if (task->state == TASK_RUNNING && !task->kicked) {
        task->kicked = true;
        task->kick_owed = tern_thread_kick(task->thread) == ERR_busy;
        signals_owed |= task->kick_owed;
    }
}

/* Whoever can take it; the first task is asked first. */
static void notify_one(struct group *group, int number)
{
    for (struct list *at = group->tasks.next; at != &group->tasks; at = at->next) {
        struct task *task = CONTAINER_OF(at, struct task, in_group);
        if (((task->blocked & ~task->waited) & SIGNAL_BIT(number)) == 0) {
            notify(task);
            return;
        }
    }
}

/* Whether it is kept though ignored: one that blocks it may look for it later. */
static bool is_awaited(const struct group *group, const struct task *task, uint64_t bit)
{
    if (task != NULL)
        return (task->blocked & bit) != 0;
    for (const struct list *at = group->tasks.next; at != &group->tasks; at = at->next)
        if ((CONTAINER_OF(at, struct task, in_group)->blocked & bit) != 0)
            return true;
    return false;
}

static void forget(struct group *group, uint64_t signals)
{
    group->pending &= ~signals;
    for (struct list *at = group->tasks.next; at != &group->tasks; at = at->next)
        CONTAINER_OF(at, struct task, in_group)->pending &= ~signals;
}

static void go_on(struct group *group)
{
    if (!group->stopped)
        return;
    group->stopped = group->stop_told = false;
    group->continued = true;
    queue_wake(&group->go_on);
    if (group->parent != NULL)
        queue_wake(&group->parent->child_end);
}

void signal_send(struct group *group, struct task *task, const struct signal_info *info)
{
    int number = info->number;
    uint64_t bit = SIGNAL_BIT(number);
    if (group->zombie || group->actions == NULL)
        return;
    if (number == SIGCONT || number == SIGKILL) {
        forget(group, ALL_STOPS);
        go_on(group);
    } else if ((ALL_STOPS & bit) != 0) {
        forget(group, SIGNAL_BIT(SIGCONT));
    }
    if (!is_awaited(group, task, bit) && is_ignored(group, number))
        return;
    group->infos[number] = *info;
    if (task != NULL) {
        task->pending |= bit;
        if (((task->blocked & ~task->waited) & bit) == 0)
            notify(task);
        return;
    }
    group->pending |= bit;
    notify_one(group, number);
}

static struct signal_info from_kernel(int number)
{
    return (struct signal_info){.number = number, .code = SI_KERNEL};
}

void signal_task(struct task *task, int number)
{
    const struct signal_info info = from_kernel(number);
    signal_send(task->group, task, &info);
}

void signal_process(struct group *group, int number)
{
    const struct signal_info info = from_kernel(number);
    signal_send(group, NULL, &info);
}

void signal_group(uint32_t pgid, int number)
{
    for (struct list *at = groups.next; at != &groups; at = at->next) {
        struct group *group = CONTAINER_OF(at, struct group, in_all);
        if (group->pgid == pgid)
            signal_process(group, number);
    }
}

/* It cannot be put off: blocked or ignored, it ends the program. */
void signal_fault(struct task *task, const struct signal_info *info)
{
    struct group *group = task->group;
    uint64_t bit = SIGNAL_BIT(info->number);
    struct signal_action *action = &group->actions->action[info->number];
    if ((task->blocked & bit) != 0 || action->handler == (uint64_t)SIG_IGN)
        action->handler = (uint64_t)SIG_DFL;
    task->blocked &= ~bit;
    group->infos[info->number] = *info;
    task->pending |= bit;
}

/* --- taking --- */

/* Kill first, then what the task itself has done, then by number; 0: none. */
static int next_signal(struct task *task)
{
    uint64_t ready = (task->pending | task->group->pending) & ~task->blocked;
    uint64_t first = ready & SIGNAL_BIT(SIGKILL);
    if (first == 0)
        first = ready & BY_FAULTS;
    if (first == 0)
        first = ready;
    return first != 0 ? __builtin_ctzll(first) + 1 : 0;
}

static void take_off(struct task *task, int number)
{
    if ((task->pending & SIGNAL_BIT(number)) != 0)
        task->pending &= ~SIGNAL_BIT(number);
    else
        task->group->pending &= ~SIGNAL_BIT(number);
}

static void group_stop(struct group *group, int number)
{
    group->stopped = true;
    group->stop_told = false;
    group->stop_signal = number;
    for (struct list *at = group->tasks.next; at != &group->tasks; at = at->next)
        notify(CONTAINER_OF(at, struct task, in_group));
    if (group->parent == NULL)
        return;
    const struct signal_action *action = &group->parent->actions->action[SIGCHLD];
    if ((action->flags & SA_NOCLDSTOP) == 0)
        signal_process(group->parent, SIGCHLD);
    queue_wake(&group->parent->child_end);
}

/* Held until SIGCONT, then finished with `result`. */
static void stop_here(struct task *task, bool in_call, int64_t result)
{
    struct call *call = &task->call;
    call->task = task;
    task->stopped = true;
    task->stopped_in_call = in_call;
    task->stopped_result = result;
    task->state = TASK_WAITING;
    task->deadline = in_call ? task->deadline : DEADLINE_NEVER;
    (void)wait_on(call, &task->group->go_on, 0, false); /* its own waiters are free: no error */
}

/* The handler runs: its frame, and the registers for it. */
static bool handler_enter(struct worker *worker, struct task *task, int number, bool in_call,
                          int64_t result)
{
    struct signal_action *action = &task->group->actions->action[number];
    struct abi_registers registers;
    uint64_t mask = task->restore_blocked ? task->blocked_saved : task->blocked;
    if (rt_get(worker->page, task->reply, STATE_thread_registers, 0, &registers,
               sizeof(registers)) != OK)
        return false;
    bool again = result == RESTART_ALWAYS && (action->flags & SA_RESTART) != 0;
    if (in_call && again)
        arch_call_again(&registers, &task->call);
    else if (!in_call && result == RESTART_ALWAYS)
        arch_call_back(&registers);
    else if (in_call)
        arch_result_set(
            &registers,
            (uint64_t)(result == RESTART_ALWAYS || result == RESTART_NO_HAND ? -EINTR : result));
    if (arch_frame(worker, task, &registers, action, &task->group->infos[number], mask) != 0)
        return false;
    task->restore_blocked = false;
    task->blocked |= action->mask;
    if ((action->flags & SA_NODEFER) == 0)
        task->blocked |= SIGNAL_BIT(number);
    task->blocked &= ~NEVER_BLOCKED;
    if ((action->flags & SA_RESETHAND) != 0)
        action->handler = (uint64_t)SIG_DFL;
    return rt_set(worker->page, task->reply, STATE_thread_registers, 1, &registers,
                  sizeof(registers), (slot_t){0}) == OK;
}

/* What a signal without a handler does. True: the task is gone. */
static bool default_action(struct worker *worker, struct task *task, int number)
{
    if ((ALL_STOPS & SIGNAL_BIT(number)) != 0) {
        group_stop(task->group, number);
        return false;
    }
    group_end(worker, task->group, STATUS_SIGNAL(number));
    return true;
}

bool signal_take(struct worker *worker, struct task *task, bool in_call, int64_t result)
{
    for (int number; (number = next_signal(task)) != 0;) {
        take_off(task, number);
        if (is_ignored(task->group, number))
            continue;
        if (task->group->actions->action[number].handler == (uint64_t)SIG_DFL) {
            if (default_action(worker, task, number))
                return true;
            continue;
        }
        if (handler_enter(worker, task, number, in_call, result))
            worker_answer(worker, task, ANSWER_RESUME, 0);
        else
            group_end(worker, task->group, STATUS_SIGNAL(SIGSEGV));
        return true;
    }
    if (task->group->stopped) {
        stop_here(task, in_call, result);
        return true;
    }
    if (task->restore_blocked &&
        (!in_call || (result != RESTART_ALWAYS && result != RESTART_NO_HAND))) {
        task->blocked = task->blocked_saved;
        task->restore_blocked = false;
    }
    return false;
}
