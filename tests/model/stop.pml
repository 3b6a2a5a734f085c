/*
 * Stopping a thread: attention against status.
 *
 * One thread that computes and waits, its CPU, events that wake it, somebody who kills it, and
 * somebody who suspends and resumes it, or leaves it suspended.
 *
 * Whoever sets a bit of `attention` looks at `status` afterwards; whoever changes `status` looks at
 * `attention` afterwards; a full barrier lies between on both sides. Leaving a barrier out lets the
 * look come first: that is how BUG 1 and 2 are made. The CPU may be busy with others, from some
 * time on for ever: who is ready stays so, and is suspended there. (Who is killed while somebody else
 * readies it dies when it is next on a CPU, and not before.)
 *
 * What is shown: after a suspend is done the thread is not in user mode until it is resumed; who is
 * killed is dead in the end, whatever else happens; who is resumed does not stay parked; a thread
 * has one owner.
 *
 * Model and kernel:
 *   pick, look          sched/sched.c: sched_leave, load (the barrier); obj/stop.c: thread_attend
 *   user mode, poked    obj/stop.c: thread_poke; sched/sched.c: sched_poke; CPU_REQUEST_LOOK
 *   wait                ipc/queue.c: port_publish, port_enqueue; ipc/reply.c: reply_bind; and the
 *                       look at `attention` that must follow each of them
 *   ready, park         sched/sched.c: sched_ready; obj/stop.c: thread_park
 *   killer              obj/stop.c: thread_kill
 *   suspender           obj/stop.c: thread_suspend, stands, thread_moves, thread_resume
 *   claim_ready         sched/sched.c: sched_claim, under the run queue's lock
 *   event               any of ipc/ that claims a waiting thread and readies it
 *
 * BUG 1  no barrier between setting `attention` and looking at `status`
 * BUG 2  no barrier between setting `status` and looking at `attention`, as it goes to user mode
 * BUG 3  parking looks for the end of a stop, but not for a kill
 * BUG 4  nobody looks at `attention` after the thread was put into a place
 * BUG 5  suspending does not wait until the thread is on no CPU
 * BUG 6  suspending parks a thread that is ready without taking it out of the run queue
 * BUG 7  suspending waits until a ready thread has run
 */
#ifndef BUG
#define BUG 0
#endif

#define READY   0
#define RUNNING 1
#define WAIT    2
#define CLAIMED 3
#define PARKED  4
#define DEAD    5

#define STOP 1 /* bits of attention */
#define KILL 2

#define CALLS 2 /* that wait */

byte status = READY;
byte attention;
bool poked;  /* an interrupt is on its way to its CPU */

/* For the assertions alone. */
byte own;    /* owners: 0 or 1 */
bool user;   /* it is in user mode */
bool held;   /* a suspend is done, and no resume has begun */
bool resumed;
bool busy;    /* the CPU does not come to it any more */

inline claim(from, got)
{
    atomic {
        if
        :: status == from -> status = CLAIMED; assert(own == 0); own = 1; got = true
        :: else -> got = false
        fi
    }
}

/* Out of the run queue; while its owner has it still, it is in none. */
inline claim_ready(got)
{
    atomic {
        if
        :: status == READY && own == 0 -> status = CLAIMED; own = 1; got = true
        :: else -> got = false
        fi
    }
}

/* By the owner. */
inline put_ready() { atomic { status = READY; own = 0 } }

inline die() { atomic { assert(own == 1); status = DEAD; own = 0 } }

inline park(seen, got)
{
    atomic { status = PARKED; own = 0 }
    seen = attention;
    if
#if BUG == 3
    :: (seen & STOP) == 0 ->
#else
    :: (seen & STOP) == 0 || (seen & KILL) != 0 ->
#endif
        claim(PARKED, got);
        if :: got -> put_ready() :: else fi
    :: else
    fi
}

/* sched_ready: the owner still has it when it looks, for it is in no queue yet. */
inline ready(seen, got)
{
    status = READY;
    seen = attention;
    if
    :: (seen & STOP) != 0 && (seen & KILL) == 0 -> park(seen, got)
    :: else -> put_ready()
    fi
}

proctype cpu()
{
    byte seen, calls;
    bool got;
pick:
end:
    if
    :: busy -> goto gone /* others run for ever: it stays ready */
    :: atomic { status == READY && own == 0 -> own = 1 }
    :: status == DEAD -> goto gone
    fi;
#if BUG == 2
    seen = attention;
    status = RUNNING;
#else
    status = RUNNING;
    seen = attention;
#endif
look:
    if
    :: (seen & KILL) != 0 -> die(); goto gone
    :: seen == STOP -> park(seen, got); goto pick
    :: else
    fi;
    atomic { user = true; assert(!held) }
end_user:
    if
    :: atomic { poked -> poked = false; user = false }
        seen = attention;
        goto look
    :: atomic { calls < CALLS -> calls++; user = false }
    fi;
    atomic { status = WAIT; own = 0 }
#if BUG != 4
    seen = attention;
    if
    :: (seen & KILL) != 0 ->
        claim(WAIT, got);
        if :: got -> die() :: else fi
    :: else
    fi;
#endif
    goto pick;
gone:
    skip
}

/* Something that the thread waits for happens, or not. */
proctype event()
{
    byte seen, i;
    bool got;
    for (i : 1 .. CALLS) {
        if
        :: break /* never */
        :: skip
        fi;
end:
        status == WAIT;
        claim(WAIT, got);
        if :: got -> ready(seen, got) :: else fi
    }
}

proctype killer()
{
    byte seen;
    bool got;
#if BUG == 1
    seen = status;
    attention = attention | KILL;
#else
    attention = attention | KILL;
    seen = status;
#endif
    if
    :: seen == WAIT -> claim(WAIT, got)
    :: else -> got = false
    fi;
    if
    :: !got -> claim(PARKED, got)
    :: else
    fi;
    if
    :: !got -> claim_ready(got)
    :: else
    fi;
    if
    :: got -> die()
    :: else ->
        /* thread_poke looks at the status again */
#if BUG != 1
        seen = status;
#endif
        if
        :: seen == RUNNING -> poked = true
        :: else
        fi
    fi
}

proctype suspender()
{
    byte seen;
    bool got;
    attention = attention | STOP;
    do
    :: status == RUNNING && !poked -> poked = true
#if BUG == 5
    :: break
#else
    :: status != RUNNING && status != CLAIMED && status != READY -> break
#if BUG == 6
    :: status == READY -> status = PARKED
#elif BUG != 7
    :: status == READY ->
        claim_ready(got);
        if :: got -> park(seen, got) :: else fi
#endif
#endif
    od;
    atomic { held = (status != DEAD); assert(!held || !user) }
    if
    :: skip -> goto done /* it stays suspended */
    :: held = false; resumed = true
    fi;
    attention = attention & ~STOP;
    claim(PARKED, got);
    if :: got -> ready(seen, got) :: else fi;
done:
    skip
}

/* Threads of higher priority come to its CPU, or not. */
proctype others()
{
    if
    :: busy = true
    :: skip
    fi
}

proctype judge()
{
end:
    timeout;
    assert((attention & KILL) == 0 || status == DEAD || (busy && status == READY));
    assert(!resumed || status != PARKED);
    assert(status == DEAD || status == WAIT || status == PARKED || user || (busy && status == READY));
    assert(own == (status == RUNNING -> 1 : 0))
}

init
{
    atomic {
        run cpu(); run event(); run killer(); run suspender(); run others(); run judge()
    }
}
