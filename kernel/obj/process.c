/* Processes (process.h). */
#include "obj/process.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "obj/thread.h"

#define RETIRE_BUDGET 64 /* capabilities or pages per step */
#define KILL_BUDGET   8  /* threads per step */

/* Puts it into its job's list, which keeps it until it has ended; dead if the job is dying. */
static error_t join_job(struct job *job, struct process *process)
{
    irq_state_t state = job_tree_lock();
    bool dying = job_dying(job);
    if (!dying) {
        object_get(&process->object); /* from now on somebody may end it */
        list_add_last(&job->processes, &process->sibling);
    }
    job_tree_unlock(state);
    return dying ? ERR_dead : OK;
}

static void leave_job(struct process *process)
{
    irq_state_t state = job_tree_lock();
    list_remove(&process->sibling);
    job_tree_unlock(state);
}

bool process_ended(struct process *process)
{
    irq_state_t state = job_tree_lock();
    bool ended = list_empty(&process->sibling);
    job_tree_unlock(state);
    return ended;
}

error_t process_create(struct job *job, struct process **result)
{
    struct object *object;
    error_t error = object_make(job, OBJECT_process, sizeof(struct process), &object);
    if (error != OK)
        return error;
    struct process *process = CONTAINER_OF(object, struct process, object);
    process->job = job;
    spinlock_init(&process->lock, LOCK_RANK_process);
    list_init(&process->threads);
    list_init(&process->sibling);
    error = slot_table_init(&process->table, job);
    if (error == OK)
        error = space_init(&process->space, job);
    if (error == OK)
        error = join_job(job, process);
    if (error != OK) {
        object_put(object);
        return error;
    }
    process->space.write_execute = atomic_load(&job->wx);
    *result = process;
    return OK;
}

/* Who freezes a job marks it first, and takes this lock for its threads later; who thaws it too. */
error_t process_add_thread(struct process *process, struct thread *thread)
{
    spinlock_enter(&process->lock);
    bool dying = atomic_load(&process->dying);
    if (!dying) {
        if (job_frozen(process->job))
            atomic_fetch_or(&thread->attention, ATTENTION_FREEZE);
        object_get(&thread->object); /* being alive keeps it: from now on somebody may end it */
        list_add_last(&process->threads, &thread->sibling);
        process->thread_count++;
    }
    spinlock_exit(&process->lock);
    return dying ? ERR_dead : OK;
}

void process_remove_thread(struct process *process, struct thread *thread)
{
    spinlock_enter(&process->lock);
    assert(process->thread_count > 0);
    list_remove(&thread->sibling);
    bool last = --process->thread_count == 0;
    spinlock_exit(&process->lock);
    if (last)
        process_kill(process);
}

/* One that nobody ended yet, or any one with `all`; with a reference. */
static struct thread *thread_above(struct process *process, uint64_t after, bool all)
{
    struct thread *best = NULL;
    irq_state_t state = spinlock_lock(&process->lock);
    LIST_EACH(node, &process->threads)
    {
        struct thread *thread = CONTAINER_OF(node, struct thread, sibling);
        uint64_t identity = thread->object.identity;
        if (identity > after && (best == NULL || identity < best->object.identity) &&
            (all || atomic_load(&thread->exit_reason) == EXIT_NONE) &&
            !object_retiring(&thread->object))
            best = thread;
    }
    if (best != NULL && !object_try_get(&best->object))
        best = NULL;
    spinlock_unlock(&process->lock, state);
    return best;
}

struct thread *process_next_thread(struct process *process, uint64_t after)
{
    return thread_above(process, after, true);
}

static bool threads_gone(struct process *process)
{
    spinlock_enter(&process->lock);
    bool none = process->thread_count == 0;
    spinlock_exit(&process->lock);
    return none;
}

/* True when all threads have gone. */
static bool kill_some(struct process *process)
{
    for (uint32_t i = 0; i < KILL_BUDGET; i++) {
        if (threads_gone(process))
            return true;
        struct thread *thread = thread_above(process, 0, false);
        if (thread == NULL)
            break;
        thread_kill(thread, EXIT_killed, 0);
        object_put(&thread->object);
    }
    return false;
}

/* The reaper's steps; at the end the reference of being alive goes. */
static bool process_end_step(struct reclaim *reclaim)
{
    struct process *process = CONTAINER_OF(reclaim, struct process, ending);
    if (!kill_some(process) || !slot_table_clear(&process->table, RETIRE_BUDGET) ||
        !space_clear(&process->space, RETIRE_BUDGET))
        return false;
    leave_job(process);
    object_put(&process->object);
    return true;
}

void process_kill(struct process *process)
{
    if (!atomic_exchange(&process->dying, true))
        reap_steps(&process->ending, process_end_step);
}

static bool process_retire(struct object *object)
{
    struct process *process = CONTAINER_OF(object, struct process, object);
    assert(process->thread_count == 0);
    return slot_table_clear(&process->table, RETIRE_BUDGET) &&
           space_clear(&process->space, RETIRE_BUDGET);
}

static void process_free(struct object *object)
{
    struct process *process = CONTAINER_OF(object, struct process, object);
    slot_table_free(&process->table);
    space_free(&process->space);
    object_free(object);
}

const struct object_ops process_ops = {
    .name = "process", .retire = process_retire, .free = process_free};
