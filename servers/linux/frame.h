/* What both CPUs' signal frames have in common. For arch/ alone. */
#ifndef LINUX_FRAME_H
#define LINUX_FRAME_H

#include "server_arch.h"
#include <string.h>

#define FPU_MOST 4096 /* bytes: a message page */

/* Where the frame goes below: the alternative stack if it is wanted and not in use. */
static inline uint64_t frame_top(const struct task *task, const struct signal_action *action,
                                 uint64_t stack)
{
    bool on_it = stack > task->alt_stack && stack - task->alt_stack <= task->alt_size;
    bool wanted = (action->flags & SA_ONSTACK) != 0 && task->alt_size != 0;
    return wanted && !on_it ? task->alt_stack + task->alt_size : stack;
}

/* siginfo_t as the program sees it: 128 bytes (sigaction(2)). */
static inline void frame_info(siginfo_t *to, const struct signal_info *from)
{
    memset(to, 0, sizeof(*to));
    to->si_signo = from->number;
    to->si_errno = from->error;
    to->si_code = from->code;
    bool fault = from->number == SIGSEGV || from->number == SIGBUS || from->number == SIGILL ||
                 from->number == SIGFPE || from->number == SIGTRAP;
    if (fault && from->code > 0) {
        to->si_addr = (void *)(uintptr_t)from->address;
        return;
    }
    to->si_pid = from->pid;
    to->si_uid = (uid_t)from->uid;
    if (from->number == SIGCHLD)
        to->si_status = from->status;
}

static inline void frame_stack(stack_t *to, const struct task *task)
{
    memset(to, 0, sizeof(*to));
    to->ss_sp = (void *)(uintptr_t)task->alt_stack;
    to->ss_size = task->alt_size;
    to->ss_flags = task->alt_size == 0 ? SS_DISABLE : 0;
}

/* FPU state of the held thread, out and in; through the worker's message page. */
int64_t frame_fpu_get(struct worker *worker, struct task *task, void *to, uint64_t *size);
int64_t frame_fpu_set(struct worker *worker, struct task *task, const void *from, uint64_t size);

#endif
