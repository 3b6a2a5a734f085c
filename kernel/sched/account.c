/*
 * Who pays for time (sched.h).
 *
 * Time is charged when the CPU decides anew: to the thread at the top of the calls that the running
 * one works on, as far as those may pay: one that is out of budget, or whose job is out of its
 * share, lends nothing, and the server below it pays itself.
 *
 * Walking up reads threads and reply objects of others, which may leave the chain meanwhile; they
 * stay memory until this CPU has left the kernel. A few microseconds may then be charged to who
 * paid a moment ago. Counters are atomic, and shared lines are written here only, never by a call.
 */
#include "ipc/port.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "sched/class.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "sched/throttle.h"

struct thread *sched_payer_above(struct thread *thread, uint64_t now)
{
    struct thread *payer = thread;
    for (uint32_t depth = 0; depth < LEND_DEPTH && payer->serving != NULL; depth++) {
        struct thread *lender = reply_lender(payer);
        if (lender == NULL || throttle_until(lender, now) != 0)
            break;
        payer = lender;
    }
    return payer;
}

void sched_lend_above(struct thread *thread)
{
    uint32_t best = thread->priority;
    const struct thread *server = thread;
    uint64_t now = arch_counter();
    for (uint32_t depth = 0; depth < LEND_DEPTH && server->serving != NULL; depth++) {
        struct thread *lender = reply_lender(server);
        if (lender == NULL || throttle_until(lender, now) != 0)
            break;
        best = lender->priority > best ? lender->priority : best;
        server = lender;
    }
    debug_assert(best < SCHED_PRIORITIES);
    thread->effective = (uint8_t)best;
}

static void charge(struct thread *payer, uint64_t ticks)
{
    atomic_fetch_add_explicit(&payer->sched.time_used, ticks, memory_order_relaxed);
    for (struct job *job = payer->process->job; job != NULL; job = job->parent)
        atomic_fetch_add_explicit(&job->cpu_time, ticks, memory_order_relaxed);
}

/* By itself, for the sake of the short way. */
__attribute__((noinline)) static void charge_above(struct thread *thread, uint64_t ticks,
                                                   uint64_t now)
{
    struct thread *payer = sched_payer(thread, now);
    charge(payer, ticks);
    for (struct job *job = payer->process->job; job != NULL && throttle_shares(); job = job->parent)
        throttle_charge(job, ticks, now);
}

void sched_account(struct cpu *self)
{
    uint64_t now = arch_counter(), ticks = now - self->accounted;
    debug_assert(self == cpu_self());
    self->accounted = now;
    struct thread *thread = self->current;
    if (thread == NULL || ticks == 0)
        return;
    if (UNLIKELY(thread->serving != NULL || throttle_shares()))
        charge_above(thread, ticks, now);
    else
        charge(thread, ticks);
}

uint64_t sched_time_ns(struct thread *thread)
{
    return clock_length(atomic_load_explicit(&thread->sched.time_used, memory_order_relaxed));
}
