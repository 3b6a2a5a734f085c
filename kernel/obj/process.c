/* Processes (process.h). */
#include "obj/process.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "obj/thread.h"

#define RETIRE_BUDGET 64 /* capabilities or pages per step */

/* Puts it into its job's list; dead if the job is dying. */
static error_t join_job(struct job *job, struct process *process)
{
    irq_state_t state = spinlock_lock(&job->lock);
    bool dying = atomic_load(&job->state) == JOB_DYING;
    if (!dying)
        list_add_last(&job->processes, &process->sibling);
    spinlock_unlock(&job->lock, state);
    return dying ? ERR_dead : OK;
}

/* Takes it out; false if it is out already. */
static bool leave_job(struct job *job, struct process *process)
{
    irq_state_t state = spinlock_lock(&job->lock);
    bool there = !list_empty(&process->sibling);
    list_remove(&process->sibling);
    spinlock_unlock(&job->lock, state);
    return there;
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

error_t process_add_thread(struct process *process, struct thread *thread)
{
    irq_state_t state = spinlock_lock(&process->lock);
    bool dying = atomic_load(&process->dying);
    if (!dying) {
        list_add_last(&process->threads, &thread->sibling);
        process->thread_count++;
    }
    spinlock_unlock(&process->lock, state);
    return dying ? ERR_dead : OK;
}

/* No thread is left and none comes: the job need not know of the process any more. */
static void process_end(struct process *process)
{
    if (leave_job(process->job, process))
        object_put(&process->object); /* the reference of being alive */
}

void process_remove_thread(struct process *process, struct thread *thread)
{
    irq_state_t state = spinlock_lock(&process->lock);
    assert(process->thread_count > 0);
    list_remove(&thread->sibling);
    bool last = --process->thread_count == 0;
    if (last)
        atomic_store(&process->dying, true);
    spinlock_unlock(&process->lock, state);
    if (last)
        process_end(process);
}

/* One of its threads, with a reference; NULL if none is left. */
static struct thread *process_thread(struct process *process)
{
    struct thread *thread = NULL;
    irq_state_t state = spinlock_lock(&process->lock);
    LIST_EACH (node, &process->threads) {
        struct thread *found = CONTAINER_OF(node, struct thread, sibling);
        if (atomic_load(&found->exit_reason) == EXIT_NONE && object_try_get(&found->object)) {
            thread = found;
            break;
        }
    }
    spinlock_unlock(&process->lock, state);
    return thread;
}

bool process_kill(struct process *process, uint32_t budget)
{
    bool was = atomic_exchange(&process->dying, true);
    for (uint32_t i = 0; i < budget; i++) {
        struct thread *thread = process_thread(process);
        if (thread == NULL) {
            irq_state_t state = spinlock_lock(&process->lock);
            bool empty = process->thread_count == 0;
            spinlock_unlock(&process->lock, state);
            if (empty && !was)
                process_end(process); /* it never had a thread */
            return true;
        }
        thread_kill(thread, EXIT_killed, 0);
        object_put(&thread->object);
    }
    return false;
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
