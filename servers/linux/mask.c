/* The signal mask of a call that waits (mask.h). */
#include "mask.h"
#include "signals.h"
#include "user.h"

int64_t mask_begin(struct call *call, uaddr_t at, uint64_t size)
{
    struct task *task = call->task;
    uint64_t mask;
    if (at.va == 0 || call->again)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    int64_t result = user_read(task, &mask, at, sizeof(mask));
    if (result != 0)
        return result;
    task->blocked_saved = task->blocked;
    task->restore_blocked = true;
    task->blocked = mask & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
    return 0;
}

int64_t mask_end(struct call *call, int64_t result)
{
    struct task *task = call->task;
    bool interrupted = result == -EINTR || result == RESTART_NO_HAND || result == RESTART_ALWAYS;
    if (result == WAIT || interrupted || !task->restore_blocked)
        return result;
    task->blocked = task->blocked_saved;
    task->restore_blocked = false;
    return result;
}
