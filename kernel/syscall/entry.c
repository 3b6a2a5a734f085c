/* The way in and out of the kernel for threads (entry.h). */
#include "syscall/entry.h"
#include "ipc/fast.h"
#include "ipc/page_wait.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "mem/memory.h"
#include "sched/sched.h"
#include "syscall/answer.h"
#include "syscall/call.h"
#include "syscall/restart.h"

struct user_exit user_leave(struct cpu *cpu)
{
    struct thread *thread = cpu->current;
    if (thread == NULL || thread->resume != RESUME_USER || user_wanted(cpu, thread))
        thread = sched_leave(cpu);
    debug_assert(thread == cpu->current && cpu->held_count == 0);
    debug_assert(thread_status(thread) == THREAD_RUNNING && thread->resume == RESUME_USER);
    return (struct user_exit){thread, &thread->frame};
}

/* A system call of a thread whose calls go to a port. */
static void foreign_call(struct cpu *cpu, struct thread *thread)
{
    bool old = frame_entered_old(&thread->frame);
    thread->sending = old ? MESSAGE_foreign_old : MESSAGE_foreign;
    thread->fast = true;
    arch_thread_leave(cpu, thread);
    sched_gone(cpu);
    send_held(thread, thread->foreign);
}

void call_now(struct cpu *cpu, struct thread *thread)
{
    cpu_metric_add(cpu, METRIC_system_calls, 1);
    bool abort_wait;
    if (restart_before(thread, &abort_wait))
        return;
    thread->resume = RESUME_USER;
    uint64_t number = control_number(frame_control(&thread->frame));
    if (thread->foreign != NULL)
        foreign_call(cpu, thread);
    else if (syscall_dispatch(cpu, thread) == CALL_BLOCKED && abort_wait)
        restart_blocked(thread, number);
}

static void fault_send(struct cpu *cpu, struct thread *thread)
{
    struct port *port = thread->foreign != NULL ? thread->foreign : thread->handler;
    arch_thread_leave(cpu, thread);
    sched_gone(cpu);
    thread->resume = RESUME_USER;
    if (port != NULL) {
        send_held(thread, port);
        return;
    }
    thread_end(thread, EXIT_fault, thread->fault[0]);
}

void syscall_again(struct cpu *self, struct thread *thread)
{
    debug_assert(self->current == thread && thread->resume != RESUME_USER);
    cpu_metric_add(self, METRIC_restarts, 1);
    if (thread->resume == RESUME_FAULT)
        fault_send(self, thread);
    else
        call_now(self, thread);
}

/*
 * A page that the thread's mappings explain is filled in, and the thread goes on. All else is told
 * to its foreign port, or its handler; a thread with neither ends.
 */
struct user_exit thread_trap(struct cpu *cpu, struct thread *thread, uint32_t fault,
                             uaddr_t address, uint64_t error)
{
    debug_assert(cpu->current == thread && thread_status(thread) == THREAD_RUNNING);
    cpu_metric_add(cpu, METRIC_faults, 1);
    error_t result = ERR_bad_address;
    struct page_request request;
    if (fault == FAULT_page)
        result = space_fault(&thread->process->space, address, (uint32_t)error, &request);
    if (result == ERR_needs_pager)
        page_wanted(cpu, thread, &request);
    if (result == OK || result == ERR_needs_pager)
        return user_leave(cpu);
    thread->sending = result == ERR_no_memory ? MESSAGE_no_memory : MESSAGE_fault;
    thread->fault[0] = fault;
    thread->fault[1] = address.va;
    thread->fault[2] = error;
    thread->fault[3] = trap_pc(&thread->frame);
    if (thread->sending == MESSAGE_fault && (thread->foreign != NULL || thread->handler != NULL)) {
        struct user_exit next = fast_fault(cpu, thread);
        if (next.thread != NULL)
            return next;
    }
    fault_send(cpu, thread);
    return user_leave(cpu);
}

struct user_exit fast_attend(struct cpu *self, struct thread *from, struct thread *next,
                             const struct trap_frame *message)
{
    if (message != &next->frame)
        frame_copy_message(&next->frame, message);
    next->resume = RESUME_USER;
    /* `from` waits by now; who wants to end it may not have seen that. */
    if ((atomic_load(&from->attention) & ATTENTION_KILL) != 0 &&
        (thread_claim(from) || thread_claim_reply(from)))
        thread_die(from);
    return user_leave(self);
}

struct user_exit fast_undo_call(struct cpu *self, struct thread *caller, struct thread *server)
{
    thread_set_status(caller, THREAD_RUNNING);
    receive_fail(server, ERR_dead);
    if (caller->sending == MESSAGE_fault)
        caller->resume = RESUME_FAULT; /* sent again on the way out */
    else
        call_now(self, caller);
    return user_leave(self);
}
