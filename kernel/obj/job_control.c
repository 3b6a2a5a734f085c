/*
 * Freezing, thawing and killing jobs (job.h).
 *
 * Freeze marks the job first, so that threads made from then on start frozen. Then three passes
 * over the processes inside, by identity, in steps: 1 stop    each thread gets ATTENTION_FREEZE, is
 * taken out of where it waits (its call is issued again when it goes on), and parked. One that
 * waits for an answer stays in reply if the reply object is inside; if it is outside, it goes back
 * to issue. 2 stop    the same again: one that was answered during pass 1 is parked by now, too;
 * and from now on nobody inside answers. 3 border  callers outside that wait at ports or reply
 * objects inside get `moved`. What comes from outside afterwards finds no receiver: it waits in the
 * port's queue and in its signal bits until the job is thawed. Timers inside, and timeouts of
 * calls, wait as well.
 *
 * Thaw makes two passes: 1 line up   each thread that was taken out of a port's queue is put back
 * there, where it stood, before anybody runs. 2 go   the threads are let go.
 *
 * A step looks at everything anew and does what is left to do, so it does no harm to do it twice,
 * or from the wrong place: the caller's record of how far it is (struct job_walk) is only believed
 * as far as that.
 *
 * Marks and bits. The mark of a job is set before, and cleared before, any thread's bit is changed;
 * bits are set and cleared under the process's lock, and cleared only if no mark is seen there. So
 * a thaw of one job never lets a thread go that a freeze of another job is stopping.
 */
#include "ipc/reply.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "obj/process.h"
#include "obj/thread.h"
#include "sched/sched.h"

#define THREADS_PER_STEP 8
#define CALLERS_PER_STEP 16

enum { PHASE_STOP, PHASE_STOP_AGAIN, PHASE_BORDER, PHASE_DONE };
enum { PHASE_LINE_UP, PHASE_GO }; /* of a thaw */

/* --- freeze: threads --- */

static void process_mark(struct process *process)
{
    irq_state_t state = spinlock_lock(&process->lock);
    LIST_EACH(node, &process->threads)
    atomic_fetch_or(&CONTAINER_OF(node, struct thread, sibling)->attention, ATTENTION_FREEZE);
    spinlock_unlock(&process->lock, state);
}

/* True if the thread, whose bit is set, stands still; else it was pushed to where it will. */
static bool thread_settled(struct thread *thread, const struct job *top)
{
    switch (thread_status(thread)) {
    case THREAD_NEW:
    case THREAD_PARKED:
    case THREAD_DEAD:
        return true;
    case THREAD_REPLY:
    case THREAD_FAULT:
        /* Memory until we leave the kernel, even if it was answered meanwhile. */
        if (job_inside((*(struct reply *volatile *)&thread->reply)->object.job, top))
            return true;
        if (thread_recall(thread))
            thread_park(thread);
        return false;
    case THREAD_READY:
        if (sched_claim(thread))
            thread_park(thread);
        return false;
    case THREAD_RUNNING:
    case THREAD_CLAIMED:
        thread_notify(thread, ATTENTION_FREEZE);
        return false;
    case THREAD_SEND:
        if (thread_claim(thread)) {
            thread->order = port_turn(thread);
            thread_park(thread);
        }
        return false;
    default:
        if (thread_claim(thread))
            thread_park(thread);
        return false;
    }
}

/* Some threads of a process, from the walk's place on; true when all of them stand still. */
static bool process_settle(struct process *process, const struct job *top, struct job_walk *walk)
{
    if (walk->slot == 0)
        process_mark(process);
    for (uint32_t i = 0; i < THREADS_PER_STEP; i++) {
        struct thread *thread = process_next_thread(process, walk->slot);
        if (thread == NULL)
            return true;
        bool settled = thread_settled(thread, top);
        if (settled)
            walk->slot = thread->object.identity;
        object_put(&thread->object);
        if (!settled)
            return false;
    }
    return false;
}

/* --- freeze: the border --- */

static bool thread_outside(const struct thread *thread, const struct job *top)
{
    return !job_inside(thread->process->job, top);
}

/* A caller outside that waits in the port's queue; it may leave as soon as the lock is gone. */
static struct thread *port_caller(struct port *port, const struct job *top)
{
    struct thread *found = NULL;
    irq_state_t state = spinlock_lock(&port->lock);
    struct deadline *at = deadline_first(&port->queue);
    for (; at != NULL && found == NULL;
         at = deadline_behind(&port->queue, at->time_ns, at->sequence)) {
        struct thread *thread = queue_thread(at);
        if (thread != NULL && thread->sending == MESSAGE_call && thread_outside(thread, top))
            found = thread;
    }
    spinlock_unlock(&port->lock, state);
    return found;
}

/* Callers outside are told; true when none is left. */
static bool port_border(struct port *port, const struct job *top)
{
    for (uint32_t i = 0; i < CALLERS_PER_STEP; i++) {
        struct thread *caller = port_caller(port, top);
        if (caller == NULL)
            return true;
        if (port_unqueue(port, caller))
            send_fail(caller, ERR_moved);
    }
    return false;
}

/* The caller outside whose call was taken: it is told, or if it is held, is sent again. */
static void reply_border(const struct reply *reply, const struct job *top)
{
    uintptr_t word = reply_word(reply);
    if ((word & REPLY_TAGS) != 0)
        return;
    struct thread *caller = reply_thread(word);
    if (!thread_outside(caller, top) || caller->reply != reply || !thread_recall(caller))
        return;
    if (caller->sending == MESSAGE_call)
        thread_finish(caller, ERR_moved);
    else
        sched_ready(caller);
}

/* A piece of the table, from the walk's place on; true at its end. */
static bool process_border(struct process *process, const struct job *top, struct job_walk *walk)
{
    uint32_t index = (uint32_t)min_u64(walk->slot, SLOT_MAX);
    struct slot *slot = slot_next(&process->table, &index);
    walk->slot = index;
    struct object *object = slot != NULL ? slot_object(slot) : NULL;
    if (object != NULL && job_inside(object->job, top)) {
        if (object->kind == OBJECT_reply)
            reply_border(CONTAINER_OF(object, struct reply, object), top);
        else if (object->kind == OBJECT_port &&
                 !port_border(CONTAINER_OF(object, struct port, object), top))
            return false;
    }
    if (slot != NULL)
        walk->slot++;
    return walk->slot >= SLOT_MAX;
}

/* --- walks --- */

/* One process of one pass; walk->process and ->slot say where it stands. True if that is done. */
static bool freeze_step(struct process *process, const struct job *top, struct job_walk *walk)
{
    return walk->phase < PHASE_BORDER ? process_settle(process, top, walk)
                                      : process_border(process, top, walk);
}

bool job_freeze(struct job *job, struct job_walk *walk)
{
    atomic_store(&job->frozen, true);
    struct process *process = job_next_process(job, walk->process, true);
    if (process == NULL) {
        *walk = (struct job_walk){.phase = walk->phase < PHASE_DONE ? walk->phase + 1 : PHASE_DONE};
        return walk->phase == PHASE_DONE;
    }
    if (freeze_step(process, job, walk)) {
        walk->process = process->object.identity;
        walk->slot = 0;
    }
    object_put(&process->object);
    return false;
}

/* One that was taken out of a port's queue takes its turn there, still frozen. */
static void thread_line_up(struct process *process, struct thread *thread)
{
    uint32_t parked = THREAD_PARKED;
    if (thread->order != 0 && !job_frozen(process->job) &&
        atomic_compare_exchange_strong(&thread->status, &parked, THREAD_CLAIMED))
        send_in_turn(thread);
}

/* Receivers outside have not been told of those that took their turn. */
static void sender_show(const struct thread *thread)
{
    struct port *place = thread_place(thread, THREAD_SEND);
    if (place != NULL)
        port_wake_receiver(place);
}

/* Lets one thread go, unless a job that it is in is frozen still. */
static void thread_thaw(struct process *process, struct thread *thread)
{
    irq_state_t state = spinlock_lock(&process->lock);
    bool frozen = job_frozen(process->job);
    if (!frozen)
        atomic_fetch_and(&thread->attention, ~(uint32_t)ATTENTION_FREEZE);
    spinlock_unlock(&process->lock, state);
    if (frozen)
        return;
    thread_timeout_late(thread);
    thread_resume(thread, 0);
    sender_show(thread);
}

bool job_thaw(struct job *job, struct job_walk *walk)
{
    atomic_store(&job->frozen, false);
    struct process *process = job_next_process(job, walk->process, true);
    if (process == NULL) {
        bool done = walk->phase != PHASE_LINE_UP;
        *walk = (struct job_walk){.phase = PHASE_GO};
        return done;
    }
    struct thread *thread = NULL;
    for (uint32_t i = 0; i < THREADS_PER_STEP; i++) {
        thread = process_next_thread(process, walk->slot);
        if (thread == NULL)
            break;
        walk->slot = thread->object.identity;
        (walk->phase == PHASE_LINE_UP ? thread_line_up : thread_thaw)(process, thread);
        object_put(&thread->object);
    }
    if (thread == NULL) {
        walk->process = process->object.identity;
        walk->slot = 0;
    }
    object_put(&process->object);
    return false;
}

/* --- kill --- */

/* The reaper's: one process is told after the other. None joins a dying job. */
static bool job_end_step(struct reclaim *reclaim)
{
    struct job *job = CONTAINER_OF(reclaim, struct job, ending);
    struct process *process = job_next_process(job, job->ended, true);
    if (process == NULL) {
        object_put(&job->object);
        return true;
    }
    job->ended = process->object.identity;
    process_kill(process);
    object_put(&process->object);
    return false;
}

void job_kill(struct job *job)
{
    if (atomic_exchange(&job->dying, true))
        return;
    object_get(&job->object);
    reap_steps(&job->ending, job_end_step);
}
