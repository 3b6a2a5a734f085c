/*
 * Freeing what other CPUs may still look at: after a grace period.
 *
 * The kernel runs with interrupts off and never sleeps, so a CPU that takes an interrupt from user
 * mode, or while it idles, holds no pointer found before. reclaim_after queues a callback on this
 * CPU; when a batch is there, the other CPUs are asked to come by (a request that is served only
 * in an interrupt from user mode or idle, not in spin loops); when all did, the callbacks run on
 * this CPU in reclaim_poll, without locks.
 *
 *     queued --reclaim_poll--> asked --every other CPU: reclaim_quiescent--> ready --> run
 *
 * reclaim_poll is called only where its caller holds no pointer from before: on the way out of the
 * kernel and in the idle loop. So this CPU need not be asked, and where it is alone, callbacks run
 * at the next reclaim_poll.
 *
 * The reaper is the other half: work in bounded steps that nobody waits for, above all the retiring
 * of objects whose last reference went.
 */
#pragma once

#include "lib/error.h"
#include "sched/cpu.h"

struct object;

struct reclaim {
    struct reclaim *next;
    union {
        void (*run)(struct reclaim *reclaim);  /* after a grace period */
        bool (*step)(struct reclaim *reclaim); /* the reaper's */
    };
};

/*
 * Runs `run(reclaim)` after every CPU has left the kernel. Any locks may be held. `reclaim` belongs
 * to the queue until `run` is called, which may queue it again.
 */
void reclaim_after(struct reclaim *reclaim, void (*run)(struct reclaim *reclaim));

/*
 * Work for the reaper: `step(reclaim)`, some 2,000 instructions, is called again and again until it
 * returns true. Any locks may be held; `reclaim` belongs to the queue until then.
 */
void reap_steps(struct reclaim *reclaim, bool (*step)(struct reclaim *reclaim));

/* Queues an object for its kind's `retire` steps. Called by object_put. */
void reap_add(struct object *object);

/*
 * A bounded amount (at most some 20,000 instructions) of retiring and freeing that waits for this
 * CPU. Called without locks or pointers on the slow way out of the kernel and by idle CPUs, if
 * `self->reclaiming`; false if nothing could be done now (others were not here yet; the last of
 * them interrupts this CPU).
 */
bool reclaim_poll(struct cpu *self);

/*
 * This CPU is in an interrupt that came from user mode, or in the idle loop: it holds no pointers.
 * Answers all who ask.
 */
void reclaim_quiescent(struct cpu *self);

/* The same, if somebody asks. */
static inline void reclaim_answer(struct cpu *self)
{
    if (UNLIKELY(
            (atomic_load_explicit(&self->requests, memory_order_relaxed) & CPU_REQUEST_QUIET) != 0))
        reclaim_quiescent(self);
}

/* Makes the queue of a CPU that is about to be started. The boot CPU has one from the start. */
error_t reclaim_init_cpu(struct cpu *cpu);

/* What waits to be freed or retired, on all CPUs; for tests and the monitor. */
uint64_t reclaim_waiting(void);
