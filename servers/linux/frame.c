/* FPU state for signal frames (frame.h). */
#include "frame.h"
#include "rt/state.h"

int64_t frame_fpu_get(struct worker *worker, struct task *task, void *to, uint64_t *size)
{
    uint64_t next;
    error_t error = tern_object_info(task->reply, STATE_thread_fpu, 0, size, &next);
    if (error != OK || *size > FPU_MOST)
        return -EFAULT;
    memcpy(to, worker->page, *size);
    return 0;
}

int64_t frame_fpu_set(struct worker *worker, struct task *task, const void *from, uint64_t size)
{
    error_t error = rt_set(worker->page, task->reply, STATE_thread_fpu, 1, from, size, (slot_t){0});
    return error == OK ? 0 : -EFAULT;
}
