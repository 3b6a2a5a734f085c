/* System calls of job control: kill, freeze, thaw (obj/job_control.c does the work). */
#include "obj/job.h"
#include "lib/assert.h"
#include "obj/process.h"
#include "obj/thread.h"
#include "syscall/call.h"

static struct job *job_of(const struct slot *slot)
{
    assert(slot_kept(slot)->kind == OBJECT_job);
    return CONTAINER_OF(slot_kept(slot), struct job, object);
}

/* A step of a walk, which stands in words 0 to 2: they are written only when it goes on. */
static outcome_t walk_step(struct thread *caller, struct job *job, struct job_walk *walk,
                           bool (*step)(struct job *job, struct job_walk *walk))
{
    if (job_inside(caller->process->job, job))
        return ERR_bad_argument;
    if (step(job, walk))
        return OK;
    frame_set_word(&caller->frame, 0, walk->phase);
    frame_set_word(&caller->frame, 1, walk->process);
    frame_set_word(&caller->frame, 2, walk->slot);
    return CALL_AGAIN;
}

outcome_t sys_job_freeze(struct thread *caller, struct slot *job, uint64_t phase, uint64_t process,
                         uint64_t place)
{
    struct job_walk walk = {phase, process, place};
    return walk_step(caller, job_of(job), &walk, job_freeze);
}

outcome_t sys_job_thaw(struct thread *caller, struct slot *job, uint64_t phase, uint64_t process,
                       uint64_t place)
{
    struct job_walk walk = {phase, process, place};
    return walk_step(caller, job_of(job), &walk, job_thaw);
}

/* The reaper does it; the call is made again until it has. Who kills himself does not wait. */
static outcome_t kill_job(struct job *job)
{
    job_kill(job);
    struct process *process = job_next_process(job, 0, true);
    if (process == NULL)
        return OK;
    object_put(&process->object);
    return CALL_AGAIN;
}

static outcome_t kill_process(struct process *process)
{
    process_kill(process);
    return process_ended(process) ? (outcome_t)OK : (outcome_t)CALL_AGAIN;
}

outcome_t sys_object_kill(struct thread *caller, struct slot *slot)
{
    (void)caller;
    static const uint32_t wanted[OBJECT_KINDS] = {
        [OBJECT_thread] = RIGHT_run, [OBJECT_process] = RIGHT_table, [OBJECT_job] = RIGHT_control};
    struct object *object = slot_kept(slot);
    if (object == NULL)
        return ERR_bad_slot;
    if (wanted[object->kind] == 0)
        return ERR_unsupported;
    if ((slot->rights & wanted[object->kind]) == 0)
        return ERR_denied;
    if (object->kind == OBJECT_job)
        return kill_job(CONTAINER_OF(object, struct job, object));
    if (object->kind == OBJECT_process)
        return kill_process(CONTAINER_OF(object, struct process, object));
    thread_kill(CONTAINER_OF(object, struct thread, object), EXIT_killed, 0);
    return OK;
}
