/*
 * Threads that wait for a page from its pager: two threads fault on one absent page of an object
 * with a pager, and one of: a killer of the first, the end of the pager's port, another pager that
 * is set.
 *
 * What is shown, in every interleaving:
 *   - who faults has the page in the end, or an error, and that only without a live pager; also if
 *     a request is taken back, never answered by a pager that goes, or void by another pager;
 *   - who is killed is dead in the end, also while the pager does not answer;
 *   - a thread has one owner at a time (`own`).
 *
 * Model and kernel:
 *   space_fault          mem/memory_page.c: page_ask_locked (under the object's lock)
 *   page_wanted          ipc/page_wait.c: page_wanted, page_ask; refuse: page_refuse
 *   await, unwait        ipc/page_wait.c: page_await; ipc/word.c: word_wait_on, word_unwait
 *   unasked              mem/memory_pager.c: memory_unasked; ipc/page_wait.c: page_unasked
 *   wake                 memory_wake, ipc/page_wait.c: page_wake, ipc/word.c: word_wake_on
 *   send                 ipc/send.c: send_held; ipc/queue.c: port_enqueue
 *   pager: take, supply  ipc/queue.c: port_dequeue; ipc/send.c: sender_done; memory_supply
 *   pager: close         ipc/port.c: port_cap_gone, port_end_senders; ipc/word.c: word_wake_pages
 *   setter               mem/memory_pager.c: memory_pager_set
 *   given, killer        obj/stop.c: thread_given, thread_kill; obj/thread.c: thread_claim
 *
 * BUG 1  nobody looks at the page again after having lain down
 * BUG 2  nobody looks at `attention` after having lain down
 * BUG 3  a message that is taken back leaves the page filling
 * BUG 4  a port that closes wakes its senders, but not who waits for what others have asked for
 * BUG 5  who lies down looks at the page, but not whether the port closed meanwhile
 * BUG 6  who waits is woken before the page is there
 * BUG 7  a request to a former pager counts for the present one
 */
#ifndef BUG
#define BUG 0
#endif

#define T      2 /* threads */
#define NOBODY 7

#define RUNNING 0
#define READY   1
#define SEND    2
#define WORD    3
#define CLAIMED 4
#define DEAD    5
#define DONE    6 /* it has the page, or an error */

#define ABSENT  0
#define FILLING 1
#define PRESENT 2

#define KILL    0
#define CLOSE   1
#define REPLACE 2

byte page;          /* its kind */
byte page_reign;    /* in which it was asked for */
byte pager, reign;  /* the object's */
bool deaf[2];       /* the pagers' ports */
byte status[T];
byte place[T];      /* the port of a sender */
bool killed[T];

#if BUG == 7
#define IS_FILLING (page == FILLING)
#else
#define IS_FILLING (page == FILLING && page_reign == reign)
#endif

/* For the assertions alone. */
byte trouble;
byte own[T];
bool hung; /* a pager does not answer, and stays */

inline own_take(t) { assert(own[t] == 0); own[t] = 1 }
inline ready(t) { atomic { own[t] = 0; status[t] = READY } }
inline die(t) { atomic { assert(own[t] == 1); status[t] = DEAD } }

/* Everybody who waits for the page, one by one. */
inline wake_all()
{
    do
    :: atomic { status[0] == WORD -> own_take(0); status[0] = CLAIMED } ready(0)
    :: atomic { status[1] == WORD -> own_take(1); status[1] = CLAIMED } ready(1)
    :: else -> break
    od
}

inline wake()
{
    if
    :: pager != NOBODY -> wake_all()
    :: else
    fi
}

inline unasked()
{
    atomic { if :: page == FILLING -> page = ABSENT :: else fi }
    wake()
}

/* Out of a wait, by the status that was read before. */
inline claim(t, seen, got)
{
    atomic {
        if
        :: (seen == WORD || seen == SEND) && status[t] == seen ->
            own_take(t); status[t] = CLAIMED; got = true
        :: else -> got = false
        fi
    }
#if BUG != 3
    if
    :: got && seen == SEND -> unasked()
    :: else
    fi
#endif
}

/* After `t` was put into a place. */
inline given(t, seen, got)
{
    if
    :: BUG != 2 && killed[t] ->
        seen = status[t];
        claim(t, seen, got);
        if :: got -> die(t) :: else fi
    :: else
    fi
}

/* `p`: the port that was to be asked. */
inline refuse(p, got)
{
    unasked();
    if
    :: p != NOBODY && deaf[p] ->
        atomic {
            if
            :: pager == p -> pager = NOBODY; reign++; got = true
            :: else -> got = false
            fi
        }
        if :: got -> wake_all() :: else fi
    :: else
    fi
}

proctype thread(byte t)
{
    byte p, seen;
    bool ask, got;
fault:
    if
    :: killed[t] -> die(t); goto gone
    :: else
    fi;
    atomic { /* space_fault */
        if
        :: page == PRESENT -> status[t] = DONE; goto gone
        :: page != PRESENT && pager == NOBODY ->
            assert(deaf[0] && (trouble != REPLACE || deaf[1]));
            status[t] = DONE; goto gone
        :: page != PRESENT && pager != NOBODY && IS_FILLING -> ask = false
        :: page != PRESENT && pager != NOBODY && !IS_FILLING ->
            page = FILLING; page_reign = reign; ask = true
        fi
    }
    p = pager;
    if
    :: p == NOBODY -> refuse(p, got); goto fault
    :: p != NOBODY && deaf[p] -> refuse(p, got); goto fault
    :: else
    fi;
    if
    :: ask ->
        atomic { /* port_enqueue */
            if
            :: deaf[p] -> got = false
            :: else -> place[t] = p; status[t] = SEND; own[t] = 0; got = true
            fi
        }
        if
        :: got -> given(t, seen, got); goto rest
        :: else -> unasked(); ready(t); goto rest
        fi
    :: else
    fi;
    atomic { status[t] = WORD; own[t] = 0 } /* page_await */
#if BUG != 1
    if
    :: !IS_FILLING -> got = true
    :: else ->
#if BUG == 5
        got = false
#else
        got = deaf[p]
#endif
    fi;
    if
    :: got ->
        atomic {
            if
            :: status[t] == WORD -> own_take(t); status[t] = RUNNING; goto fault
            :: else -> goto rest
            fi
        }
    :: else
    fi;
#endif
    given(t, seen, got);
rest:
    atomic { p = 0; seen = 0; ask = false; got = false }
end: /* as the judge says */
    if
    :: atomic { status[t] == READY -> own_take(t); status[t] = RUNNING; goto fault }
    :: status[t] == DEAD -> goto gone
    fi;
gone:
    skip
}

inline dequeue(p, c)
{
    atomic {
        c = NOBODY;
        if
        :: status[0] == SEND && place[0] == p -> c = 0
        :: status[1] == SEND && place[1] == p -> c = 1
        :: else
        fi;
        if
        :: c != NOBODY -> own_take(c); status[c] = CLAIMED
        :: else
        fi
    }
}

proctype server(byte p)
{
    byte c;
end:
    do
    :: (status[0] == SEND && place[0] == p) || (status[1] == SEND && place[1] == p) ->
        dequeue(p, c);
        if
        :: c == NOBODY -> skip
        :: c != NOBODY ->
            ready(c); /* sender_done */
            if
            :: skip;
#if BUG == 6
                wake();
                page = PRESENT
#else
                page = PRESENT;
                wake()
#endif
            :: trouble == KILL -> hung = true
            :: trouble == CLOSE || p == 0 && trouble == REPLACE -> skip /* it goes, or another came */
            fi
        fi
    :: trouble == CLOSE ->
        deaf[p] = true;
        do
        :: dequeue(p, c);
            if
            :: c == NOBODY -> break
            :: else -> unasked(); ready(c) /* send_fail */
            fi
        od;
#if BUG != 4
        wake_all(); /* word_wake_pages */
#endif
        break
    od
}

proctype setter()
{
    atomic { pager = 1; reign++ }
    wake_all()
}

proctype killer()
{
    byte seen;
    bool got;
    killed[0] = true;
    seen = status[0];
    claim(0, seen, got);
    if
    :: !got -> /* sched_claim */
        atomic { if :: status[0] == READY -> own_take(0); status[0] = CLAIMED; got = true :: else fi }
    :: else
    fi;
    if :: got -> die(0) :: else fi
}

proctype judge()
{
end:
    timeout;
    assert(!killed[0] || status[0] >= DEAD);
    assert(hung || status[0] >= DEAD && status[1] >= DEAD)
}

init
{
    atomic {
        own[0] = 1; own[1] = 1;
        if
        :: trouble = KILL
        :: trouble = CLOSE
        :: trouble = REPLACE
        fi;
        run thread(0); run thread(1); run server(0); run judge();
        if
        :: trouble == KILL -> run killer()
        :: trouble == REPLACE -> run setter(); run server(1)
        :: else
        fi
    }
}
