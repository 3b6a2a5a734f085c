/*
 * Rendezvous with deadline and cancellation: two clients (one, with a killer), a server, and
 * one of: a deadline, a killer, somebody who suspends and resumes, the end of a reply object, a plain
 * message on the fast path. Either everybody goes the slow way, or the server and the first client
 * share a CPU, where they go the fast way if they can. The
 * server may end instead of answering, and then reply objects and port end; or hang for ever.
 *
 * What is shown, in every interleaving:
 *   - a request is taken at most once for each call, and answered at most once;
 *   - a thread has one owner at a time (`own`);
 *   - at the end nobody waits: each client had its answer or a reason, or is dead, also when the
 *     server died in between; with one that hangs, who was killed is dead, and the deadline came;
 *     a server that still waits, waits with a live reply object;
 *   - an end of a wait (timeout, dead) is never told to another wait than the one it was meant for.
 *
 * Model and kernel:
 *   claim_wait, claim_reply   obj/thread.c: thread_claim_wait, thread_claim_reply
 *   thread_kill, settled      obj/stop.c: thread_kill; what looks at `attention` after a thread was
 *                             put into a place (ipc/: port_publish, port_enqueue, reply_bind)
 *   die, park                 obj/stop.c: thread_die, thread_park; unpark: thread_resume
 *   timer                     obj/thread.c: thread_timeout; timer_cancel: thread_timeout_cancel and
 *                             sched/clock.c: clock_cancel
 *   take_receiver             ipc/queue.c: port_take_receiver; unpublish: port_unpublish
 *   bind                      ipc/reply.c: reply_bind
 *   client: give              ipc/send.c: give_any, give; queue: wait_in_queue, port_enqueue
 *   server: take              ipc/receive.c: take_pending, take_from; publish: receive_from
 *   server: answer            ipc/reply.c: reply_answer
 *   client: fast_give         ipc/fast.c: fast_hand, fast_undo_call
 *   server: fast_answer       ipc/fast.c: fast_reply_receive; fast_await: fast_receive
 *   plain                     ipc/fast.c: fast_take, fast_hand_over
 *   fast_switch, fast_look    ipc/fast.c: fast_switch, fast_noticed, fast_look; fast_attend
 *   retire, lend              ipc/reply.c: retire_word, tell_server; close_port: ipc/port.c: port_end_senders
 *   enter                     sched/: sched_leave puts a thread on a CPU; obj/stop.c: thread_attend
 * What is under a lock, and each atomic operation, is one step; all else goes in steps of its own.
 *
 * BUG 1  nobody looks at `attention` after a thread was put into a place
 * BUG 2  claiming out of a shard leaves the status as it was
 * BUG 3  an ending reply object claims its receiver without asking what it waits with
 * BUG 4  cancelling a deadline does not wait for a handler that fires right now
 * BUG 5  a receiver does not look whether its reply object died before it was published
 * BUG 6  answering is a load and a store of the word, not an exchange
 * BUG 7  a deadline that finds the thread in somebody's hands is gone
 * BUG 8  the fast path does not look at `attention` of the thread that it leaves waiting
 * BUG 9  the fast answer does not notice that its reply object died before it was published
 * BUG 10  the fast path does not look at `pending` after it published
 * BUG 11  a fast call that finds no live reply object leaves the server as it was
 */
#ifndef BUG
#define BUG 0
#endif

#if BUG == 3
#define THIS_WAIT(n) true
#else
#define THIS_WAIT(n) (used == n)
#endif
#if BUG == 5
#define REPLY_ENDED false
#else
#define REPLY_ENDED (word[used] == ENDED)
#endif

#define LOOK (BUG != 1)
#define FAST_LOOK (BUG != 8)
#if BUG == 4
#define FIRING false
#else
#define FIRING firing
#endif

#define C0 0 /* clients; C0's first call has a deadline */
#define C1 1
#define S  2 /* the server */
#define T  3 /* threads */
#define NOBODY 7

#define RUNNING 0
#define READY   1
#define SEND    2
#define RECEIVE 3
#define REPLY   4
#define CLAIMED 5
#define PARKED  6
#define DEAD    7

#define FREE    0 /* reply words */
#define WAITED  1 /* by the server */
#define BOUND   2 /* BOUND + client */
#define ENDED   6

#define OK           0 /* results */
#define TIMEOUT      1
#define ERR_DEAD     2
#define UNANSWERED   3

#define KILL    0
#define SUSPEND 1
#define RETIRE  2
#define TIME    3
#define PLAIN   4
#define NONE    5
#define TIMED   (trouble == TIME)

#define CALLS(t) (TIMED && t == C0 -> 2 : 1) /* of a client */

/* In the fast path one thread's CPU goes on with the other: `handed` says that it is running. */
bool handed[T];
bool lend;          /* ATTENTION_LEND of the server: its reply object changed */
byte status[T];
byte result[T];
bool again[T];      /* resume == RESUME_CALL */
bool killed[T], stopped[T];
bool timed, queued_timer, firing; /* C0's */
bool shard;         /* the server is in the list */
bool queued[T];
byte pending;
bool closed;
byte word[2];       /* the server's first reply object, and its next */
byte used;          /* which one it receives with */
byte bound[T];      /* thread.reply of a caller */
byte message = NOBODY; /* who called, in the server's frame */

/* For the assertions alone. */
byte trouble; /* KILL, SUSPEND, RETIRE, TIME, PLAIN, NONE */
bool fast;    /* C0 and the server share a CPU */
byte own[T];
byte taken[T], answered[T]; /* of the present call */
bool hung;
byte ended;                 /* clients that went through all their calls, or died */

inline own_take(t) { assert(own[t] == 0); own[t] = 1 }

/* Out of send or receive, by the status that was read before. */
inline claim_wait(t, seen, got)
{
    got = false;
    if
    :: seen == RECEIVE ->
        atomic {
            if
            :: status[t] == RECEIVE ->
                shard = false; status[t] = CLAIMED; own_take(t); got = true;
                again[t] = true
            :: else
            fi
        }
        if /* unwait_receive */
        :: got -> atomic { if :: word[used] == WAITED -> word[used] = FREE :: else fi }
        :: else
        fi
    :: seen == SEND ->
        atomic {
            if
            :: status[t] == SEND ->
                assert(queued[t]);
                queued[t] = false; pending--; status[t] = CLAIMED; own_take(t); got = true;
                again[t] = true
            :: else
            fi
        }
    :: else
    fi
}

inline claim_reply(t, seen, got)
{
    got = false;
    if
    :: seen == REPLY ->
        atomic {
            if
            :: word[bound[t]] == BOUND + t ->
                word[bound[t]] = FREE; own_take(t); got = true
            :: else
            fi
        }
        if :: got -> status[t] = CLAIMED :: else fi
    :: else
    fi
}

/* If it fires right now, on another CPU, until it has. */
inline timer_cancel(t)
{
    if
    :: t == C0 && timed ->
        timed = false;
        atomic { !FIRING -> queued_timer = false }
    :: else
    fi
}

inline ready(t) { atomic { own[t] = 0; status[t] = READY } }

/* What only the owner touches goes along with the step that gives the thread on. */
inline finish(t, how)
{
    timer_cancel(t);
    atomic { result[t] = how; again[t] = false; ready(t) }
}

inline die(t)
{
    timer_cancel(t);
    atomic { assert(own[t] == 1); status[t] = DEAD; if :: t != S -> ended++ :: else fi }
}

inline thread_kill(t, seen, got)
{
    killed[t] = true;
    seen = status[t];
    claim_wait(t, seen, got);
    if
    :: !got && seen == PARKED ->
        atomic { if :: status[t] == PARKED -> status[t] = CLAIMED; own_take(t); got = true :: else fi }
    :: else
    fi
    if
    :: !got -> seen = status[t]; claim_reply(t, seen, got)
    :: else
    fi
    if :: got -> die(t) :: else fi
}

/* After `t` was put into a place. */
inline settled(t, seen, got)
{
    if
    :: LOOK && killed[t] ->
        seen = status[t];
        claim_wait(t, seen, got);
        if :: !got -> claim_reply(t, seen, got) :: else fi
        if :: got -> die(t) :: else fi;
        atomic { seen = 0; got = false }
    :: else
    fi
}

/* Binds the caller `t` (owned) to what the server (owned, or running) waits with. */
inline bind(t, before, got)
{
    atomic { bound[t] = used; status[t] = REPLY }
    atomic {
        if
        :: word[bound[t]] == WAITED ->
            word[bound[t]] = BOUND + t; assert(own[t] == 1); own[t] = 0; got = true;
            taken[t]++; assert(taken[t] == 1)
        :: else -> got = false; status[t] = before
        fi
    }
}

/* Puts a thread on its CPU: true if it may go on, false if it was parked or died. */
inline enter(t, got)
{
    atomic { status[t] == READY; own_take(t); status[t] = RUNNING; got = true }
    if
    :: killed[t] -> die(t); got = false
    :: else ->
        if
        :: stopped[t] -> park(t); got = false
        :: else
        fi
    fi
}

inline unpark(t)
{
    if
    :: !stopped[t] ->
        atomic {
            if
            :: status[t] == PARKED -> status[t] = CLAIMED; own_take(t); ready(t)
            :: else
            fi
        }
    :: else
    fi
}

inline park(t)
{
    atomic { own[t] = 0; status[t] = PARKED }
    if
    :: !stopped[t] || killed[t] ->
        atomic { if :: status[t] == PARKED -> status[t] = CLAIMED; own_take(t); ready(t) :: else fi }
    :: else
    fi
}

/* The CPU goes on with `next` (owned, running); `from` waits, and may be anybody's by now. */
inline fast_switch(from, next)
{
    if
    :: FAST_LOOK && killed[from] ->
        seen = status[from];
        claim_wait(from, seen, got);
        if :: !got -> seen = status[from]; claim_reply(from, seen, got) :: else fi
        if :: got -> die(from) :: else fi
    :: else
    fi;
    if
    :: killed[next] -> die(next)
    :: else ->
        if
        :: stopped[next] -> park(next)
        :: else -> handed[next] = true
        fi
    fi
}

/* Takes the server back that was published, if it is there still: it issues its call again. */
inline fast_look(got)
{
    atomic {
        if
        :: status[S] == RECEIVE ->
            shard = false; own_take(S); status[S] = CLAIMED; again[S] = true; got = true
        :: else -> got = false
        fi
    }
    if
    :: got -> atomic { if :: word[used] == WAITED -> word[used] = FREE :: else fi; ready(S) }
    :: else
    fi
}

proctype client(byte t)
{
    byte calls = 0, seen, r;
    bool got;
begin:
    enter(t, got);
back:
    if
    :: !got && status[t] == DEAD -> goto gone
    :: !got && status[t] != DEAD -> goto rest
    :: got && !again[t] && calls > 0 ->
        /* Back from a call, with a result: what it says must be so. */
        assert(result[t] != OK || (taken[t] == 1 && answered[t] == 1));
        assert(result[t] != TIMEOUT || (t == C0 && calls == 1));
        assert(result[t] != UNANSWERED || taken[t] == 1);
        if
        :: calls == CALLS(t) || result[t] == ERR_DEAD -> die(t); goto gone
        :: else -> goto next
        fi
    :: got && !again[t] && calls == 0 -> goto next
    :: got && again[t] -> assert(taken[t] == 0); goto issue
    fi;
next:
    atomic { calls++; taken[t] = 0; answered[t] = 0 }
issue:
    atomic {
        again[t] = false;
        if :: t == C0 && calls == 1 && TIMED -> timed = true; queued_timer = true :: else fi
    }
give:
    if
    :: fast && t == C0 -> goto fast_give
    :: else
    fi;
slow_give:
    atomic { /* take_receiver */
        if
        :: shard ->
            shard = false; own_take(S); r = S;
#if BUG != 2
            status[S] = CLAIMED
#endif
        :: else -> r = NOBODY
        fi
    }
    if
    :: r == S ->
        bind(t, RUNNING, got);
        if
        :: got ->
            atomic { message = t; again[S] = false; result[S] = OK; ready(S) }
            settled(t, seen, got);
            goto rest
        :: else -> finish(S, ERR_DEAD); goto give
        fi
    :: else
    fi;
    atomic { /* port_enqueue */
        if
        :: closed -> got = false
        :: else ->
            queued[t] = true; pending++; status[t] = SEND; own[t] = 0; got = true
        fi
    }
    if
    :: !got -> timer_cancel(t); result[t] = ERR_DEAD; die(t); goto gone
    :: else
    fi;
    settled(t, seen, got);
    atomic { /* wake_receiver */
        if
        :: shard -> shard = false; own_take(S); status[S] = CLAIMED; again[S] = true; r = S
        :: else -> r = NOBODY
        fi
    }
    if
    :: r == S ->
        atomic { if :: word[used] == WAITED -> word[used] = FREE :: else fi; ready(S) }
    :: else
    fi;
    goto rest;
fast_give:
    atomic {
        if
        :: shard -> shard = false; own_take(S); status[S] = RUNNING
        :: else -> goto slow_give
        fi
    }
    bind(t, RUNNING, got);
    if
    :: got ->
        atomic { message = t; again[S] = false; result[S] = OK }
        fast_switch(t, S)
    :: else ->
#if BUG != 11
        finish(S, ERR_DEAD);
#endif
        goto slow_give
    fi;
rest:
    atomic { got = false; seen = 0; r = 0 }
end: /* with a server that hangs */
    if
    :: atomic { handed[t] -> handed[t] = false; got = true; goto back }
    :: status[t] == READY -> goto begin
    :: status[t] == DEAD -> goto gone
    fi;
gone:
    skip
}

proctype server()
{
    byte c, seen;
    bool got;
begin:
    enter(S, got);
    lend = false;
back:
    if
    :: !got && status[S] == DEAD -> goto gone
    :: !got && status[S] != DEAD -> goto rest
    :: got && again[S] -> goto await
    :: got && !again[S] && result[S] == ERR_DEAD ->
        /* Told that its reply object died: so it did. It takes another. */
        assert(word[used] == ENDED);
        used = 1; result[S] = OK;
        goto await
    :: got && !again[S] && result[S] == OK && message == NOBODY -> goto await
    :: got && !again[S] && result[S] == OK && message != NOBODY -> goto answer
    fi;
answer:
    message = NOBODY;
    if
    :: die(S); goto gone /* it may end instead of answering */
    :: hung = true;
end_hung:
        killed[S] -> die(S); goto gone
    :: skip
    fi;
    c = word[used];
    if
    :: fast && c == BOUND + C0 && pending == 0 -> goto fast_answer
    :: else
    fi;
    if
    :: c >= BOUND && c < ENDED ->
        c = c - BOUND;
#if BUG == 6
        got = true;
        own_take(c);
        word[used] = FREE;
#else
        atomic {
            if
            :: word[used] == BOUND + c -> word[used] = FREE; own_take(c); got = true
            :: else -> got = false
            fi
        }
#endif
        if
        :: got ->
            d_step { answered[c]++; assert(answered[c] == 1) }
            finish(c, OK)
        :: else
        fi
    :: else
    fi;
await:
    again[S] = false;
    atomic {
        if
        :: word[used] == FREE -> word[used] = WAITED; got = true
        :: else -> got = false
        fi
    }
    if
    :: !got && used == 0 -> used = 1; goto await
    :: !got && used == 1 -> die(S); goto gone
    :: else
    fi;
take:
    if
    :: pending > 0 ->
        atomic { /* port_dequeue */
            c = NOBODY;
            if
            :: queued[C0] -> c = C0
            :: queued[C1] -> c = C1
            :: else
            fi;
            if
            :: c != NOBODY ->
                queued[c] = false; pending--; status[c] = CLAIMED; own_take(c)
            :: else
            fi
        }
        if
        :: c == NOBODY -> goto publish
        :: else
        fi;
        bind(c, CLAIMED, got);
        if
        :: got -> settled(c, seen, got); goto answer
        :: else -> /* send_again; the receive fails */
            again[c] = true; timer_cancel(c); ready(c);
            used = 1; goto await
        fi
    :: else
    fi;
publish:
    if
    :: fast && pending == 0 -> goto fast_await
    :: else
    fi;
    atomic { shard = true; status[S] = RECEIVE; own[S] = 0 }
    if
    :: pending > 0 || REPLY_ENDED ->
        atomic { /* port_unpublish */
            if
            :: status[S] == RECEIVE ->
                shard = false; own_take(S); status[S] = RUNNING; got = true
            :: else -> got = false
            fi
        }
        if
        :: got && word[used] == ENDED -> used = 1; goto await
        :: got && word[used] != ENDED -> goto take
        :: else
        fi
    :: else
    fi;
    settled(S, seen, got);
    goto rest;
fast_answer:
    atomic {
        c = c - BOUND;
        if
        :: word[used] == BOUND + c ->
            word[used] = WAITED; own_take(c); answered[c]++; assert(answered[c] == 1)
        :: else -> goto await
        fi
    }
    status[c] = RUNNING;
    atomic { result[c] = OK; again[c] = false }
    atomic { shard = true; status[S] = RECEIVE; own[S] = 0 }
    if
    :: (BUG != 10 && pending > 0) || (BUG != 9 && lend && REPLY_ENDED) -> fast_look(got)
    :: else
    fi;
    fast_switch(S, c);
    goto rest;
fast_await: /* the next thread of the CPU is none of ours */
    atomic { shard = true; status[S] = RECEIVE; own[S] = 0 }
    if
    :: (BUG != 10 && pending > 0) || REPLY_ENDED -> fast_look(got)
    :: else
    fi;
    settled(S, seen, got);
rest:
    atomic { got = false; seen = 0; c = 0 }
end: /* it may wait for ever, as the judge says */
    if
    :: atomic { handed[S] -> handed[S] = false; got = true; goto back }
    :: status[S] == READY -> goto begin
    :: status[S] == DEAD -> goto gone
    fi;
gone:
    skip
}

inline retire(n)
{
    atomic { w = word[n]; word[n] = ENDED }
    if
    :: n == used -> lend = true
    :: else
    fi;
    if
    :: w == WAITED ->
        seen = status[S];
        if
        :: seen == RECEIVE ->
            atomic {
                if
                :: status[S] == RECEIVE && THIS_WAIT(n) -> shard = false; status[S] = CLAIMED; own_take(S); got = true
                :: else -> got = false
                fi
            }
            if
            :: got ->
                atomic { if :: word[used] == WAITED -> word[used] = FREE :: else fi }
                finish(S, ERR_DEAD)
            :: else
            fi
        :: else
        fi
    :: w >= BOUND && w < ENDED ->
        c = w - BOUND; own_take(c); finish(c, UNANSWERED)
    :: else
    fi
}

/* The first reply object ends at some time, if that is the trouble; all ends when the server is dead. */
proctype reaper()
{
    byte w, seen, c;
    bool got;
    if
    :: trouble == RETIRE -> retire(0)
    :: else
    fi;
end:
    if
    :: status[S] == DEAD ->
        closed = true;
        do
        :: atomic {
                if
                :: queued[C0] -> c = C0
                :: queued[C1] -> c = C1
                :: else -> break
                fi;
                queued[c] = false; pending--; status[c] = CLAIMED; own_take(c)
            }
            finish(c, ERR_DEAD)
        od;
        retire(0);
        retire(1)
    :: ended == 2
    fi
}

proctype killer()
{
    byte seen;
    bool got;
    if
    :: thread_kill(C0, seen, got)
    :: thread_kill(S, seen, got)
    fi;
    atomic { seen = 0; got = false }
}

/* A plain message to a receiver of this CPU; what else is said of messages, wake.pml says. */
proctype plain()
{
    byte seen;
    bool got;
end:
    atomic { shard -> shard = false; own_take(S); status[S] = RUNNING }
    atomic { if :: word[used] == WAITED -> word[used] = FREE :: else fi }
    atomic { message = NOBODY; again[S] = false; result[S] = OK }
    if
    :: killed[S] -> die(S)
    :: else -> handed[S] = true
    fi
}

proctype suspender()
{
    stopped[C0] = true;
    stopped[C0] = false;
    unpark(C0)
}

proctype timer()
{
    byte seen;
    bool got;
end:
    do
    :: atomic { queued_timer -> queued_timer = false; firing = true }
        seen = status[C0];
        if
        :: seen == REPLY && timed -> claim_reply(C0, seen, got)
        :: seen != REPLY && timed -> claim_wait(C0, seen, got)
        :: else -> got = false
        fi;
        if
        :: got ->
            atomic { timed = false; result[C0] = TIMEOUT; again[C0] = false; ready(C0) }
        :: else ->
#if BUG == 7
            skip
#else
            atomic { /* in somebody's hands: it comes again, unless cancelled */
                if :: timed -> queued_timer = true :: else fi
            }
#endif
        fi;
        atomic { seen = 0; got = false; firing = false }
    od
}

proctype judge()
{
end:
    timeout ->
    if
    :: hung && status[S] != DEAD ->
        assert(status[S] == RUNNING);
        assert(!killed[C0] || status[C0] == DEAD);
        assert(!timed)
    :: else ->
        assert(ended == 2);
        assert(status[S] == DEAD || (status[S] == RECEIVE && word[used] == WAITED));
        assert(pending == 0)
    fi
}

init
{
    atomic {
        status[C0] = READY; status[C1] = READY; status[S] = READY;
        run client(C0); run server(); run judge();
        if
        :: trouble = KILL
        :: trouble = SUSPEND
        :: trouble = RETIRE
        :: trouble = TIME
        :: trouble = PLAIN
        :: trouble = NONE
        fi;
        if
        :: trouble < PLAIN -> fast = false
        :: trouble != TIME && trouble != SUSPEND -> fast = true
        fi;
        run reaper();
        if
        :: trouble == KILL || (fast && trouble != NONE) -> status[C1] = DEAD; ended = 1
        :: else -> run client(C1)
        fi;
        if
        :: trouble == KILL -> run killer()
        :: trouble == SUSPEND -> run suspender()
        :: trouble == TIME -> run timer()
        :: trouble == PLAIN -> run plain()
        :: else
        fi
    }
}
