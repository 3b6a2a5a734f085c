/*
 * Signals (signal(7)).
 *
 * A signal is sent to a task or to a group; it stands in a pending set until a task that does not
 * block it takes it on its way back to user mode: from a call (its answer), a fault, or a kick,
 * which brings in a task that runs. Taking it ignores it, ends or stops the group, or sets the task
 * up to run the handler: a frame on its stack, written by arch/ (arch_frame).
 *
 * Standard signals do not queue; of each the newest siginfo is kept. Real-time signals queue as
 * standard ones do here (docs/limits.md).
 */
#ifndef LINUX_SIGNALS_H
#define LINUX_SIGNALS_H

#include "task.h"
#include <signal.h>

#define SIGNALS 64

/* Linux's struct sigaction of the kernel, equal on both CPUs but for the restorer's use. */
struct signal_action {
    uint64_t handler, flags, restorer, mask;
};

/* Shared by CLONE_SIGHAND. */
struct signal_actions {
    uint32_t references;
    struct signal_action action[SIGNALS + 1]; /* by number */
};

struct signal_actions *actions_make(const struct signal_actions *from);
void actions_put(struct signal_actions *actions);
/* As exec leaves them: handlers are gone, what is ignored stays. */
void actions_reset(struct signal_actions *actions);

/* What a handler is told; the rest of siginfo_t by its code. */
struct signal_info {
    int32_t number, error, code;
    int32_t pid, uid; /* sender, or the child */
    int32_t status;   /* SIGCHLD */
    uint64_t address; /* faults */
};

/* A task could not be kicked, since its answer is on its way: kick_owed. */
extern bool signals_owed;

void signal_task(struct task *task, int number);
void signal_group(uint32_t pgid, int number); /* a process group: the tty's */
void signal_process(struct group *group, int number);
void signal_send(struct group *group, struct task *task, const struct signal_info *info);
/* A fault of the task's own: it cannot block it. */
void signal_fault(struct task *task, const struct signal_info *info);

/* Whether one is there for it, so that a wait has to end. */
bool signal_waits(const struct task *task);

/*
 * On the way back: takes signals until there is none or a handler is to run. `result`: of its call
 * (the registers are of that call), or RESTART_*; in_call false: a fault or kick. True: the task
 * was answered, or is gone; false: nothing to do, answer as usual (with EINTR or again for
 * RESTART_*).
 */
bool signal_take(struct worker *worker, struct task *task, bool in_call, int64_t result);

/* stopped tasks wait here for SIGCONT */
#define SIGNAL_BIT(number) (UINT64_C(1) << ((number) - 1))

#endif
