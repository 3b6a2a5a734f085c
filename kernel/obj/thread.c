/* Threads: their life, and stopping them (thread.h). */
#include "obj/thread.h"
#include "ipc/page_wait.h"
#include "ipc/queue.h"
#include "ipc/reply.h"
#include "ipc/transfer.h"
#include "ipc/word.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/memory.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "syscall/answer.h"
#include "syscall/call.h"
#include "syscall/restart.h"

static void thread_timeout(struct deadline *deadline);

static error_t page_make(struct thread *thread, struct job *job)
{
    error_t error = memory_create(job, MESSAGE_PAGE, &thread->page_memory);
    struct page_request request;
    phys_t frame;
    if (error == OK)
        error = memory_pin(thread->page_memory, 0, &request, &frame);
    if (error == OK)
        thread->page = phys_to_virt(frame);
    return error;
}

error_t thread_create(struct process *process, uaddr_t page, struct thread **result)
{
    struct job *job = process->job;
    if (atomic_load(&process->dying))
        return ERR_dead;
    struct thread *thread = job_alloc(job, sizeof(*thread));
    if (thread == NULL)
        return ERR_no_memory;
    object_init(&thread->object, job, OBJECT_thread, sizeof(*thread));
    object_get(&process->object);
    thread->process = process;
    sched_thread_init(thread);
    thread->special = restart_mode();
    thread->directory = restart_mode() ? slot_no_directory : process->table.directory;
    list_init(&thread->sibling);
    thread->timeout.fire = thread_timeout;
    error_t error = arch_thread_init(thread, job);
    if (error == OK)
        error = page_make(thread, job);
    thread->page_user = page;
    if (error == OK)
        error = space_map(&process->space, thread->page_memory, 0, page, MESSAGE_PAGE,
                          SPACE_READ | SPACE_WRITE | SPACE_OMIT);
    if (error == OK)
        error = process_add_thread(process, thread);
    if (error != OK) {
        object_put(&thread->object);
        return error;
    }
    *result = thread;
    return OK;
}

error_t thread_start(struct thread *thread, uaddr_t pc, uaddr_t sp, uint64_t argument)
{
    uint32_t new = THREAD_NEW;
    if (pc.va >= SPACE_END || sp.va > SPACE_END)
        return ERR_bad_argument;
    if (atomic_load(&thread->process->dying))
        return ERR_dead;
    if (!atomic_compare_exchange_strong(&thread->status, &new, THREAD_CLAIMED))
        return ERR_busy;
    arch_frame_init(&thread->frame, pc, sp, argument);
    thread->resume = RESUME_USER;
    thread->cpu = cpu_self()->number;
    sched_ready(thread);
    return OK;
}

/* --- waits --- */

static bool claim_parked(struct thread *thread)
{
    uint32_t parked = THREAD_PARKED;
    return atomic_compare_exchange_strong(&thread->status, &parked, THREAD_CLAIMED);
}

/* After a receive was claimed: a reply_receive whose answer was given receives only, next time. */
static void unwait_receive(struct thread *thread)
{
    uint64_t control = frame_control(&thread->frame);
    if (control_number(control) == CALL_port_reply_receive)
        frame_set_control(&thread->frame, CALL_port_receive);
    if (thread->reply != NULL)
        reply_unawait(thread->reply, thread);
    thread->resume = RESUME_CALL;
}

/* After its message was taken back: what it sends again when it is next on a CPU. */
static void unwait_send(struct thread *thread)
{
    if (thread->sending == MESSAGE_page)
        page_unasked(thread); /* and faults again, in user mode */
    else if (thread->sending == MESSAGE_kick)
        atomic_fetch_or(&thread->attention, ATTENTION_KICK); /* `resume` is that of before */
    else if (thread->sending == MESSAGE_fault || thread->sending == MESSAGE_no_memory)
        thread->resume = RESUME_FAULT;
    else
        thread->resume = RESUME_CALL;
}

/* Out of a wait that can be issued again. */
static bool thread_claim_wait(struct thread *thread)
{
    bool claimed = false;
    struct port *place;
    if ((place = thread_place(thread, THREAD_RECEIVE)) != NULL) {
        claimed = port_unpublish(place, thread);
        if (claimed)
            unwait_receive(thread);
    } else if ((place = thread_place(thread, THREAD_SEND)) != NULL) {
        claimed = thread->sending != MESSAGE_exit && port_unqueue(place, thread);
        if (claimed)
            unwait_send(thread);
    } else if (thread_status(thread) == THREAD_WORD) {
        claimed = word_unwait(thread);
        if (claimed && thread->sending != MESSAGE_page)
            thread->resume = RESUME_CALL;
    }
    if (claimed)
        thread_timeout_cancel(thread);
    return claimed;
}

bool thread_claim(struct thread *thread)
{
    return thread_claim_wait(thread) || claim_parked(thread);
}

bool thread_claim_reply(struct thread *thread)
{
    enum thread_status status = thread_status(thread);
    if (status != THREAD_REPLY && status != THREAD_FAULT)
        return false;
    if (!reply_cancel(thread))
        return false;
    thread_set_status(thread, THREAD_CLAIMED);
    thread_timeout_cancel(thread);
    return true;
}

bool thread_recall(struct thread *thread)
{
    if (!thread_claim_reply(thread))
        return false;
    unwait_send(thread);
    return true;
}

void thread_finish(struct thread *thread, error_t status)
{
    frame_set_control(&thread->frame, status);
    thread->resume = RESUME_USER;
    sched_ready(thread);
}

void receive_again(struct thread *thread)
{
    thread_timeout_cancel(thread);
    unwait_receive(thread);
    sched_ready(thread);
}

void send_again(struct thread *thread)
{
    if (thread->sending == MESSAGE_exit) {
        send_held(thread, thread->handler);
        return;
    }
    thread_timeout_cancel(thread);
    unwait_send(thread);
    sched_ready(thread);
}

/* --- timeouts --- */

#define TIMEOUT_AGAIN_NS 20000 /* until a timeout that found its thread on its way looks again */

void thread_timeout_arm(struct thread *thread, uint64_t deadline)
{
    if (deadline == DEADLINE_NEVER)
        return;
    thread->timed = true;
    atomic_store_explicit(&thread->late, false, memory_order_relaxed);
    clock_arm(&thread->timeout, job_to_machine_time(thread->process->job, deadline));
}

void thread_timeout_cancel(struct thread *thread)
{
    if (!thread->timed)
        return;
    atomic_store_explicit(&thread->late, false, memory_order_relaxed);
    thread->timed = false;
    clock_cancel(&thread->timeout);
}

void thread_timeout_late(struct thread *thread)
{
    if (atomic_exchange(&thread->late, false) && thread_claim_reply(thread))
        thread_finish(thread, ERR_timeout);
}

bool thread_timeout_renew(struct thread *thread)
{
    if (!thread->timed || thread->sending != MESSAGE_call)
        return true;
    if (!clock_cancel(&thread->timeout))
        return false;
    clock_arm(&thread->timeout, thread->timeout.time_ns); /* here, so not before we leave */
    return true;
}

/*
 * Interrupts of the CPU where the wait began. The wait may have ended meanwhile and another begun:
 * then its time is not up, and the thread, if we got it, issues its call again.
 */
static void thread_timeout(struct deadline *deadline)
{
    struct thread *thread = CONTAINER_OF(deadline, struct thread, timeout);
    if (thread_status(thread) == THREAD_REPLY) {
        if (!thread->timed || thread->timeout.time_ns > clock_now())
            return;
        atomic_store(&thread->late, true);
        /* Who thaws the job clears the mark of that before it looks at this one. */
        if (!job_frozen(thread->process->job))
            thread_timeout_late(thread);
        return;
    }
    if (!thread->timed)
        return;
    if (!thread_claim_wait(thread)) {
        /* In somebody's hands: it may come to wait yet. Who ends the wait cancels this. */
        clock_arm(&thread->timeout, clock_now() + TIMEOUT_AGAIN_NS);
        return;
    }
    if (thread->timeout.time_ns <= clock_now())
        thread_finish(thread, ERR_timeout);
    else
        sched_ready(thread);
}
