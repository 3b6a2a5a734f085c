/*
 * Grace periods: what other CPUs may still look at is freed when each of them has left the kernel.
 *
 * CPU 0 takes two things out of their places, one after the other, and queues them; the second one
 * may come while the others are being asked for the first. CPUs 1 and 2 go in and out of the kernel,
 * find things there without a lock, spin for a lock, and look at what they found. Things that are
 * freed are poison: to look at one is the error.
 *
 * Stores: CPU 0's taking out is seen late, up to the barrier before it asks.
 *
 * What is shown: nobody looks at a freed thing; all that was queued is freed in the end.
 *
 * Model and kernel:
 *   take out, queue       any; obj/reclaim.c: reclaim_after
 *   ask, ready, run       obj/reclaim.c: batches_advance, ask_others, all_answered, run_ready
 *   quiet                 obj/reclaim.c: reclaim_quiescent, answer
 *   spin                  sync/spinlock.c: spinlock_wait; sched/cpu.c: cpu_serve, which leaves
 *                         CPU_REQUEST_QUIET alone
 *   looker                any call: slot_find (cap/slot.h), thread_claim_wait (obj/thread.c) ...
 *
 * BUG 1  spin loops answer
 * BUG 2  what is queued while others are asked joins those that are asked for
 * BUG 3  no barrier between taking out and asking; asking is no release
 * BUG 4  it is enough that one CPU has answered
 */
#ifndef BUG
#define BUG 0
#endif

#define CALLS 3 /* of each CPU that looks */
#define SPINS_ANSWER (BUG == 1) /* as they spin for a lock */

#define THINGS 2
#define OTHERS 2

#define QUEUED 1
#define ASKED  2
#define FREED  3

bool there[THINGS] = true; /* memory: can be found */
bool late[THINGS];         /* CPU 0's store buffer: to be taken out */
byte state[THINGS];        /* of CPU 0's lists */
bool asked[OTHERS];        /* asked[], with CPU_REQUEST_QUIET */
bool unanswered[OTHERS];

proctype memory()
{
end:
    do
    :: late[0] -> atomic { late[0] = false; there[0] = false }
    :: late[1] -> atomic { late[1] = false; there[1] = false }
    od
}

inline queue_thing(n)
{
    late[n] = true;
    state[n] = QUEUED
}

#define MINE(n) (state[n] == QUEUED)

proctype reclaimer()
{
    bool batch; /* is on its way */
    byte i;
    queue_thing(0);
    do
    :: state[1] == 0 -> queue_thing(1)
    :: !batch && (MINE(0) || MINE(1)) ->
        atomic {
            if :: MINE(0) -> state[0] = ASKED :: else fi;
            if :: MINE(1) -> state[1] = ASKED :: else fi
        }
        batch = true;
#if BUG != 3
        !late[0] && !late[1];
#endif
        atomic { unanswered[0] = true; unanswered[1] = true }
        asked[0] = true;
        asked[1] = true
#if BUG == 2
    :: batch && MINE(1) -> state[1] = ASKED
#endif
#if BUG == 4
    :: batch && (!unanswered[0] || !unanswered[1]) ->
#else
    :: batch && !unanswered[0] && !unanswered[1] ->
#endif
        atomic {
            if :: state[0] == ASKED -> state[0] = FREED :: else fi;
            if :: state[1] == ASKED -> state[1] = FREED :: else fi;
            batch = false
        }
    :: state[0] == FREED && state[1] == FREED -> break
    od
}

/* In an interrupt from user mode, or idle. */
inline quiet(n)
{
    if
    :: asked[n] -> asked[n] = false; unanswered[n] = false
    :: else
    fi
}

#define NOTHING 7

inline find(n)
{
    if
    :: there[n] -> found = n
    :: else -> found = NOTHING
    fi
}

proctype looker(byte self)
{
    byte found = NOTHING, calls;
end:
    do
    :: asked[self] -> quiet(self) /* user mode: the request is an interrupt */
    :: calls < CALLS -> /* a call */
        calls++;
        if
        :: skip -> find(0)
        :: skip -> find(1)
        fi;
        if
        :: SPINS_ANSWER -> quiet(self)
        :: skip
        fi;
        assert(found == NOTHING || state[found] != FREED);
        found = NOTHING
    od
}

proctype judge()
{
end:
    timeout;
    assert(state[0] == FREED && state[1] == FREED)
}

init { atomic { run memory(); run reclaimer(); run looker(0); run looker(1); run judge() } }
