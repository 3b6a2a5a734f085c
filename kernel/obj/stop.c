/*
 * Stopping threads, and what stops do to them on their way out (the protocol is in thread.h).
 *
 * Whoever sets a bit in `attention` looks at `status` afterwards; whoever changes `status` looks at
 * `attention` afterwards; a full barrier lies in between on both sides.
 */
#include "boot/root.h"
#include "ipc/reply.h"
#include "ipc/transfer.h"
#include "lib/assert.h"
#include "mem/memory.h"
#include "obj/thread.h"
#include "sched/sched.h"
#include "syscall/answer.h"

#define STOPS (ATTENTION_SUSPEND | ATTENTION_FREEZE)

static uint32_t thread_attention(const struct thread *thread)
{
    return atomic_load_explicit(&thread->attention, memory_order_relaxed);
}

/* Sets bits; a full barrier follows, so `status` is looked at afterwards (also on weakly ordered
 * CPUs, where an atomic operation alone is none). */
static void thread_want(struct thread *thread, uint32_t attention)
{
    atomic_fetch_or(&thread->attention, attention);
    atomic_thread_fence(memory_order_seq_cst);
}

/* The other CPU looks on its way out; its number may be old, then it has looked already. */
static void thread_poke(const struct thread *thread)
{
    if (thread_status(thread) == THREAD_RUNNING)
        sched_poke(cpu_table[thread->cpu]);
}

void thread_notify(struct thread *thread, uint32_t attention)
{
    thread_want(thread, attention);
    thread_poke(thread);
}

void thread_park(struct thread *thread)
{
    /* Release: whoever claims it finds all that we did with it. */
    atomic_store_explicit(&thread->status, THREAD_PARKED, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t parked = THREAD_PARKED, attention = thread_attention(thread);
    /* Who wants to kill it may have come before it was parked. */
    if (((attention & STOPS) == 0 || (attention & ATTENTION_KILL) != 0) &&
        atomic_compare_exchange_strong(&thread->status, &parked, THREAD_CLAIMED))
        sched_ready(thread);
}

void thread_resume(struct thread *thread, uint32_t attention)
{
    debug_assert((attention & ~(uint32_t)STOPS) == 0);
    atomic_fetch_and(&thread->attention, ~attention);
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t parked = THREAD_PARKED;
    if ((thread_attention(thread) & STOPS) == 0 &&
        atomic_compare_exchange_strong(&thread->status, &parked, THREAD_CLAIMED))
        sched_ready(thread);
}

/* In somebody's hands for a moment, or on a CPU. */
static bool thread_moves(const struct thread *thread)
{
    enum thread_status status =
        (enum thread_status)atomic_load_explicit(&thread->status, memory_order_acquire);
    if (status == THREAD_REPLY || status == THREAD_FAULT)
        return !reply_binds(thread); /* it is being answered */
    return status == THREAD_RUNNING || status == THREAD_CLAIMED;
}

/* It is out of the way: waits or is parked. One that is ready is parked here. */
static bool stands(struct thread *thread)
{
    if (sched_claim(thread))
        thread_park(thread);
    return !thread_moves(thread) && thread_status(thread) != THREAD_READY;
}

error_t thread_suspend(struct thread *thread, uint32_t attention)
{
    struct cpu *self = cpu_self();
    debug_assert(self->held_count == 0);
    thread_want(thread, attention);
    if (thread == self->current)
        return OK; /* on its own way out */
    while (!stands(thread)) {
        /* Two that stop each other would wait for ever: the call is issued again later. */
        if (self->current != NULL && thread_attention(self->current) != 0)
            return ERR_busy;
        thread_poke(thread);
        arch_cpu_relax();
        cpu_serve();
    }
    return OK;
}

void thread_kill(struct thread *thread, uint32_t reason, uint64_t value)
{
    uint32_t none = EXIT_NONE;
    if (!atomic_compare_exchange_strong(&thread->exit_reason, &none, reason))
        return; /* it ends already */
    thread->exit_value = value;
    thread_want(thread, ATTENTION_KILL);
    uint32_t new = THREAD_NEW;
    if (atomic_compare_exchange_strong(&thread->status, &new, THREAD_CLAIMED) ||
        thread_claim(thread) || thread_claim_reply(thread) || sched_claim(thread))
        thread_die(thread);
    else
        thread_poke(thread);
}

void thread_given(struct thread *thread)
{
    atomic_thread_fence(memory_order_seq_cst);
    if ((thread_attention(thread) & ATTENTION_KILL) != 0 &&
        (thread_claim(thread) || thread_claim_reply(thread)))
        thread_die(thread);
}

void thread_die(struct thread *thread)
{
    debug_assert(atomic_load(&thread->exit_reason) != EXIT_NONE);
    thread_timeout_cancel(thread);
    reply_unlink(thread);
    sched_thread_end(thread);
    process_remove_thread(thread->process, thread);
    atomic_store_explicit(&thread->status, THREAD_DEAD, memory_order_release);
    root_ended(thread);
    if (thread->handler == NULL) {
        object_put(&thread->object); /* the reference of being alive */
        return;
    }
    /* Until the message is taken it keeps the thread. */
    thread->sending = MESSAGE_exit;
    send_held(thread, thread->handler);
}

void thread_end(struct thread *thread, uint32_t reason, uint64_t value)
{
    uint32_t none = EXIT_NONE;
    if (atomic_compare_exchange_strong(&thread->exit_reason, &none, reason))
        thread->exit_value = value;
    thread_die(thread);
}

/*
 * At once if it waits to send (its foreign call was not taken yet) or is parked between calls; on
 * its way out if it runs. One that is held already is not kicked.
 */
error_t thread_kick(struct thread *thread)
{
    if (thread->foreign == NULL)
        return ERR_bad_argument;
    enum thread_status status = thread_status(thread);
    if (status == THREAD_REPLY || status == THREAD_FAULT)
        return ERR_busy;
    thread_want(thread, ATTENTION_KICK);
    if (thread_status(thread) == THREAD_SEND && thread_claim(thread))
        sched_ready(thread); /* and so to its way out */
    else
        thread_poke(thread);
    return OK;
}

static void thread_kick_send(struct cpu *self, struct thread *thread)
{
    atomic_fetch_and(&thread->attention, ~(uint32_t)ATTENTION_KICK);
    if (thread->foreign == NULL)
        return;
    arch_thread_leave(self, thread);
    thread->sending = MESSAGE_kick;
    sched_gone(self);
    send_held(thread, thread->foreign);
}

bool thread_attend(struct cpu *self, struct thread *thread)
{
    uint32_t attention = thread_attention(thread);
    debug_assert(self->current == thread);
    if ((attention & ATTENTION_LEND) != 0) {
        atomic_fetch_and(&thread->attention, ~(uint32_t)ATTENTION_LEND);
        reply_link_check(thread);
        sched_lend_changed(self, thread);
    }
    if ((attention & ATTENTION_KILL) != 0) {
        arch_thread_leave(self, thread);
        sched_gone(self);
        thread_die(thread);
    } else if ((attention & STOPS) != 0) {
        arch_thread_leave(self, thread);
        sched_gone(self);
        thread_park(thread);
    } else if ((attention & ATTENTION_KICK) != 0) {
        thread_kick_send(self, thread);
    }
    return self->current == thread;
}

static bool thread_retire(struct object *object)
{
    struct thread *thread = CONTAINER_OF(object, struct thread, object);
    /* Only a thread that never started or has died loses its last reference. */
    assert(thread_status(thread) == THREAD_DEAD || thread_status(thread) == THREAD_NEW ||
           thread->sending == MESSAGE_exit);
    if (thread->foreign != NULL)
        port_source_put(thread->foreign);
    if (thread->handler != NULL)
        port_source_put(thread->handler);
    if (thread->page != NULL)
        memory_unpin(thread->page_memory, 0);
    if (thread->page_memory != NULL)
        object_put(&thread->page_memory->object);
    thread->foreign = thread->handler = NULL;
    thread->page_memory = NULL;
    return true;
}

static void thread_free(struct object *object)
{
    struct thread *thread = CONTAINER_OF(object, struct thread, object);
    struct process *process = thread->process;
    arch_thread_free(thread, process->job);
    object_free_block(object, thread);
    object_put(&process->object);
}

const struct object_ops thread_ops = {
    .name = "thread", .retire = thread_retire, .free = thread_free};
