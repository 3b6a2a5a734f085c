/*
 * Receivers and queue: the wake-up across CPUs, on a machine whose stores are seen late.
 *
 * Receivers on 2 CPUs (3 with -DN=3), two senders on two more: one sends a message, one sets a
 * signal bit. Each receiver receives once. Either somebody stops one of the receivers (its call is not
 * issued again), or the port is closed at some time.
 *
 * Stores: what a CPU writes stands in its store buffer (bPublish, ...) and reaches memory at any
 * time and in any order, but for what is marked release; a full barrier waits until the buffer is
 * empty. What is done under a lock is one entry, since others get the lock after it arrived.
 *
 * What is shown: when all is quiet, no receiver waits while something is pending or the port is
 * closed; no message and no bit is lost or received twice; a receive ends its turns.
 *
 * Model and kernel:
 *   receiver: look, publish   ipc/receive.c: receive_from; ipc/queue.c: port_publish, port_unpublish
 *   take_pending              ipc/receive.c: take_pending, signals_take; ipc/queue.c: port_dequeue
 *   take_receiver             ipc/queue.c: port_take_receiver
 *   wake                      ipc/send.c: wake_receiver (port_wake_receiver)
 *   sender: message           ipc/send.c: give_any, port_enqueue or port_store
 *   sender: signal            ipc/send.c: port_signal
 *   closer                    ipc/port.c: port_cap_gone, port_end_receivers
 *   stopped                   obj/stop.c: thread_attend parks it, or it dies, or sends a kick
 *
 * Waking is delivering: who wakes takes what is pending *for* the receiver, until one of both is
 * used up. If it only had the receiver issue its call again, that one could be stopped before.
 *
 * BUG 1  no barrier between publishing and looking at `pending`
 * BUG 2  no barrier between raising `pending` and looking at the shards
 * BUG 3  waking has one receiver issue its call again, and no more
 * BUG 4  the bits and the flag are set, or taken, in no order (relaxed)
 * BUG 5  a port that something is pending for is not closed; the last receive is to notice
 * BUG 6  a receive does not look whether the port was closed
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef N
#define N 2 /* receivers; CPU i is receiver i's */
#endif
#define NOBODY 7
#ifndef SECOND
#define SECOND false /* the second sender sends a message */
#endif

#define PENDING (queue > 0 || flag || closed)

/* Memory. */
bool shard[N];
byte queue;   /* messages; part of `pending` */
bool flag;    /* PORT_SIGNALLED in `pending` */
bool closed;  /* PORT_CLOSED in `pending` */
byte signals; /* bits */
bool mute;    /* sender_caps is 0 */

/* Store buffers: receivers', senders'. */
bool bPublish[N];
bool bQueue[2], bBit[2], bFlag[2];

/* What a claimed receiver was given on with. */
#define WAITS 0
#define AGAIN 1
#define TAKEN 2
byte woken[N];
bool stopped[N];
bool blocked[N];

/* For the assertions alone. */
byte sent, received, set, got;

proctype memory()
{
    byte i;
end:
    do
    :: bPublish[0] -> atomic { bPublish[0] = false; shard[0] = true }
    :: bPublish[1] -> atomic { bPublish[1] = false; shard[1] = true }
#if N > 2
    :: bPublish[2] -> atomic { bPublish[2] = false; shard[2] = true }
#endif
    :: bQueue[0] -> atomic { bQueue[0] = false; queue++ }
    :: bQueue[1] -> atomic { bQueue[1] = false; queue++ }
    :: bBit[0] -> atomic { bBit[0] = false; signals = signals | 1 }
    :: bBit[1] -> atomic { bBit[1] = false; signals = signals | 2 }
#if BUG == 4
    :: bFlag[0] -> atomic { bFlag[0] = false; flag = true }
    :: bFlag[1] -> atomic { bFlag[1] = false; flag = true }
#else
    :: bFlag[0] && !bBit[0] -> atomic { bFlag[0] = false; flag = true }
    :: bFlag[1] && !bBit[1] -> atomic { bFlag[1] = false; flag = true }
#endif
    od
}

/* One thing that is pending: there = true if there was one. */
inline take_pending(there)
{
    there = false;
    if
    :: flag ->
#if BUG == 4
        if
        :: flag = false; atomic { x = signals; signals = 0 }
        :: atomic { x = signals; signals = 0 } flag = false
        fi;
#else
        flag = false;
        atomic { x = signals; signals = 0 }
#endif
    :: else
    fi;
    atomic {
        if
        :: x != 0 -> assert((got & x) == 0); got = got | x; there = true; x = 0
        :: else ->
            if
            :: queue > 0 -> queue--; received++; there = true
            :: else
            fi
        fi
    }
}

/* Looking at a shard and taking from it are one step: what comes in between is found by its owner. */
inline take_from(n, r)
{
    atomic { if :: r == NOBODY && shard[n] -> shard[n] = false; r = n :: else fi }
}

inline take_receiver(r)
{
    take_from(0, r);
    take_from(1, r);
#if N > 2
    take_from(2, r)
#endif
}

inline wake(r, there)
{
#if BUG == 3
    take_receiver(r);
    if :: r != NOBODY -> woken[r] = AGAIN; r = NOBODY :: else fi
#else
    do
    :: PENDING ->
        take_receiver(r);
        if
        :: r == NOBODY -> break
        :: else ->
            take_pending(there);
            atomic {
                woken[r] = (there -> TAKEN : AGAIN);
                r = NOBODY; there = false
            }
        fi
    :: else -> break
    od
#endif
}

proctype receiver(byte i)
{
    bool there;
    byte x, turns;
issue:
    if
    :: stopped[i] -> goto gone
    :: else
    fi;
    turns = 0;
look:
    assert(turns < 6);
    if
    :: PENDING ->
        take_pending(there);
        if
        :: there -> there = false; goto gone
        :: else
        fi;
#if BUG == 5
        if :: mute && !there -> goto gone :: else fi
#elif BUG != 6
        if :: closed && !there -> goto gone :: else fi
#endif
    :: else
    fi;
#if BUG == 5
    if :: mute -> goto gone :: else fi;
#endif
    atomic { bPublish[i] = true; woken[i] = WAITS; blocked[i] = true; turns++ }
#if BUG != 1
    !bPublish[i];
#endif
    if
    :: PENDING ->
        atomic { /* port_unpublish; taking the lock waits for our own stores */
            !bPublish[i];
            if
            :: shard[i] -> shard[i] = false; there = true
            :: else -> there = false
            fi
        }
        if
        :: there -> atomic { there = false; blocked[i] = false; goto look }
        :: else
        fi
    :: else
    fi;
    turns = 0;
end:
    atomic {
        woken[i] != WAITS -> blocked[i] = false;
        if
        :: woken[i] == AGAIN -> woken[i] = WAITS; goto issue
        :: woken[i] == TAKEN -> woken[i] = WAITS
        fi
    }
gone:
    skip
}

#define SEND_DONE (!bQueue[i] && !bBit[i] && !bFlag[i])

proctype sender(byte i; bool message)
{
    byte r = NOBODY, x;
    bool there;
    if
    :: goto done /* or does nothing */
    :: message ->
        atomic { sent++; take_from(i, r) } /* its own CPU's shard, then the others */
        if :: r == NOBODY -> take_receiver(r) :: else fi;
        if
        :: r != NOBODY -> atomic { received++; woken[r] = TAKEN; goto done }
        :: else
        fi;
        bQueue[i] = true
    :: !message ->
        atomic { set = set | (1 << i); bBit[i] = true; bFlag[i] = true }
    fi;
#if BUG != 2
    SEND_DONE;
#endif
    wake(r, there);
done:
    skip
}

/* Its own stores are exchanges, followed by a barrier. */
proctype closer()
{
    byte r = NOBODY, x;
    mute = true;
#if BUG == 5
    if
    :: !PENDING -> closed = true
    :: else -> goto done
    fi;
#else
    closed = true;
#endif
    do
    :: take_receiver(r);
        if :: r == NOBODY -> break :: else -> atomic { woken[r] = AGAIN; r = NOBODY } fi
    od;
done:
    skip
}

proctype stopper()
{
    if
    :: stopped[0] = true
    :: stopped[N - 1] = true
    fi
}

proctype judge()
{
    byte i;
end:
    timeout;
    assert(signals == 0 || flag);
    assert(sent == received + queue);
    assert(set == (got | signals));
    for (i : 0 .. N - 1) {
        assert(!blocked[i] || shard[i]);
        assert(!shard[i] || !(PENDING || mute))
    }
}

init
{
    bool stop;
    atomic {
        run memory(); run receiver(0); run receiver(1);
#if N > 2
        run receiver(2);
#endif
        run sender(0, true); run sender(1, SECOND); run judge();
        if
        :: stop = true
        :: stop = false
        fi;
        if
        :: stop -> run stopper()
        :: else -> run closer()
        fi
    }
}
