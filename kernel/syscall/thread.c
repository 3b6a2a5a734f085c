/* System calls on threads, and of threads about themselves. */
#include "obj/thread.h"
#include "lib/assert.h"
#include "mem/space.h"
#include "obj/job.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "syscall/call.h"
#include "trace/console.h"

static struct thread *thread_of(const struct slot *slot)
{
    struct object *object = slot_kept(slot);
    assert(object->kind == OBJECT_thread);
    return CONTAINER_OF(object, struct thread, object);
}

outcome_t sys_null(struct thread *caller)
{
    (void)caller;
    return OK;
}

outcome_t sys_yield(struct thread *caller)
{
    (void)caller;
    sched_pass(cpu_self());
    return OK;
}

outcome_t sys_thread_start(struct thread *caller, struct slot *slot, uaddr_t pc, uaddr_t sp,
                           uint64_t argument)
{
    (void)caller;
    return (outcome_t)thread_start(thread_of(slot), pc, sp, argument);
}

outcome_t sys_thread_suspend(struct thread *caller, struct slot *slot)
{
    (void)caller;
    error_t error = thread_suspend(thread_of(slot), ATTENTION_SUSPEND);
    /* Somebody stops the caller: this call is made again when it goes on. */
    return error == ERR_busy ? (outcome_t)CALL_AGAIN : (outcome_t)error;
}

outcome_t sys_thread_resume(struct thread *caller, struct slot *slot)
{
    (void)caller;
    thread_resume(thread_of(slot), ATTENTION_SUSPEND);
    return OK;
}

outcome_t sys_thread_kick(struct thread *caller, struct slot *slot)
{
    (void)caller;
    return (outcome_t)thread_kick(thread_of(slot));
}

outcome_t sys_thread_exit(struct thread *caller, uint64_t value)
{
    struct cpu *self = cpu_self();
    arch_thread_leave(self, caller);
    sched_gone(self);
    thread_end(caller, EXIT_exited, value);
    return CALL_BLOCKED;
}

outcome_t sys_thread_pointer(struct thread *caller, uaddr_t pointer)
{
    if (pointer.va >= SPACE_END)
        return ERR_bad_argument;
    arch_thread_pointer_set(caller, pointer);
    return OK;
}

outcome_t sys_clock_read(struct thread *caller, uint64_t *now)
{
    *now = job_clock(caller->process->job);
    return OK;
}

outcome_t sys_debug_write(struct thread *caller, uaddr_t text, uint64_t size)
{
    char buffer[DEBUG_WRITE_MAX];
    uint64_t done;
    if (size > DEBUG_WRITE_MAX)
        return ERR_bad_argument;
    if (!atomic_load_explicit(&caller->process->job->debug, memory_order_relaxed))
        return ERR_denied;
    error_t error = space_copy_in(&caller->process->space, buffer, text, size, &done);
    if (error != OK)
        return (outcome_t)error;
    console_write(LOG_INFO, buffer, size);
    return OK;
}
