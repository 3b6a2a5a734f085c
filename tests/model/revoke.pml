/*
 * Revoke against transfer.
 *
 * The capabilities of one object stand in one list, each with an opening and a closing bracket; what
 * stands between them was derived from it:
 *
 *     A( B( C( )C )B )A E( )E          and free slots
 *
 * One CPU revokes A, one capability at a time; one revokes B, which was derived from A; one derives
 * from something, and then either derives from what it got or revokes that; one moves a capability
 * (as a message does), deletes one, or moves one and deletes that. Each finds its slots without a
 * lock, as long as it stays in the kernel, and works under the object's lock.
 *
 * Who is whose descendant is kept in `above` as well, as sets, for the assertions: the list must
 * agree.
 *
 * What is shown: all end; when a revoke says that it is done, no descendant is left, nor comes one
 * from what was revoked; a revoke takes nothing that is no descendant; a slot that was found does
 * not become another capability before the finder leaves the kernel.
 *
 * Model and kernel:
 *   find                  cap/slot.h: slot_find
 *   reserve               cap/table.c: slot_reserve; bury: slot_bury; the grace period is grace.pml's
 *   remove                cap/derive.c: cap_remove_locked
 *   derive                cap/derive.c: cap_derive, cap_add_locked; cap/order.h: cap_child_locked
 *   move, delete          cap/derive.c: cap_move, cap_delete
 *   revoke                cap/revoke.c: cap_revoke, revoke_locked; again and again: its system call
 *
 * A list with a depth for each capability and no closing brackets does not do: in A(1) X(2) B(2) C(3)
 * the deletion of B makes C look like X's.
 *
 * BUG 1  slots are used again without a grace period
 * BUG 2  a derived capability's closing bracket is put before its parent's, not behind its own
 * BUG 3  deriving does not look again, under the lock, whether its source is still used
 * BUG 4  a move takes the old one out in one step and puts the new one in by another
 * BUG 5  deleting takes the whole stretch between the brackets out of the list
 */
#ifndef BUG
#define BUG 0
#endif

#define SLOTS 6
#define A 0
#define B 1
#define C 2
#define E 3
#define NONE 7
#define CPUS 4

#define FREE 0
#define TAKEN 1
#define DEAD 2

#define OPEN(n)  (2 * (n))
#define CLOSE(n) (2 * (n) + 1)
#define HEAD     12 /* before the first end */
#define ENDS     13

byte next[ENDS];       /* by end; 0 behind the last, for A's opening end is never behind another */
bool used[SLOTS];      /* `object` is there */
byte state[SLOTS];
byte looking[SLOTS];   /* dead: CPUs in the kernel since before; a bit each */
byte inside;           /* CPUs in the kernel; a bit each */

byte above[SLOTS];     /* whose descendant it is; a bit for each slot */
byte life[SLOTS];      /* its generation: how often it was filled */
bool doneA, lateA;     /* A was revoked; something was derived from A itself later */

#define BIT(n) (1 << (n))
#define DESCENDS(n, m) ((above[n] & BIT(m)) != 0)

inline enter_kernel(cpu) { inside = inside | BIT(cpu) }

inline leave_kernel(cpu)
{
    d_step {
        inside = inside & ~BIT(cpu);
        for (i : 0 .. SLOTS - 1) { looking[i] = looking[i] & ~BIT(cpu) }
        i = 0
    }
}

/* A free slot, or NONE. */
inline reserve(n)
{
    d_step {
        n = NONE;
        for (i : 0 .. SLOTS - 1) {
            if
#if BUG == 1
            :: n == NONE && state[i] != TAKEN -> n = i; state[i] = TAKEN
#else
            :: n == NONE && (state[i] == FREE || (state[i] == DEAD && looking[i] == 0)) ->
                n = i; state[i] = TAKEN
#endif
            :: else
            fi
        }
        i = 0
    }
}

inline bury(cpu, n) { atomic { state[n] = DEAD; looking[n] = inside & ~BIT(cpu) } }

/* By a handle with the generation `was`. What a CPU finds it may use until it leaves. */
inline find(n) { got = (used[n] && life[n] == was) }

/* What came to `from` comes to `to`. */
inline redirect(from, to)
{
    for (i : 0 .. ENDS - 1) {
        if
        :: next[i] == from -> next[i] = to
        :: else
        fi
    }
    i = 0
}

/* Nobody can tell these steps from one. */
inline enter_and_find(cpu, n) { atomic { enter_kernel(cpu); find(n) } }

inline enter_and_reserve(cpu, from, n)
{
    atomic {
        enter_kernel(cpu);
        find(from);
        if :: got -> reserve(n) :: else -> n = NONE fi
    }
}

inline remove_locked(n)
{
    assert(used[n]);
#if BUG == 5
    redirect(OPEN(n), next[CLOSE(n)]);
#else
    redirect(OPEN(n), next[OPEN(n)]);
    redirect(CLOSE(n), next[CLOSE(n)]);
#endif
    used[n] = false;
    for (i : 0 .. SLOTS - 1) { above[i] = above[i] & ~BIT(n) }
    i = 0
}

inline fill_locked(n, whose) { above[n] = whose; used[n] = true; life[n]++ }

/* Behind an opening end comes another one, of the first child, or the closing end. */
#define CHILD(n)    (next[OPEN(n)] != CLOSE(n))
#define CHILD_OF(n) (next[OPEN(n)] / 2)

inline derive(n, from)
{
    d_step {
        assert(!used[from] || life[from] == was);
        got = used[from];
        if
        :: got || BUG == 3 ->
#if BUG == 2
            next[OPEN(n)] = next[OPEN(from)];
            next[OPEN(from)] = OPEN(n);
            redirect(CLOSE(from), CLOSE(n));
            next[CLOSE(n)] = CLOSE(from);
#else
            next[CLOSE(n)] = next[OPEN(from)];
            next[OPEN(n)] = CLOSE(n);
            next[OPEN(from)] = OPEN(n);
#endif
            fill_locked(n, above[from] | BIT(from));
            if :: from == A && doneA -> lateA = true :: else fi
        :: else
        fi
    }
    if :: !got && BUG != 3 -> state[n] = FREE; n = NONE :: else fi
}

/* `n` in the place of `from`, also for those below. */
inline move(cpu, n, from)
{
#if BUG == 4
    d_step {
        assert(!used[from] || life[from] == was);
        got = used[from]; k = above[from];
        if :: got -> remove_locked(from) :: else fi
    }
    d_step {
        if
        :: got ->
            next[OPEN(n)] = CLOSE(n); next[CLOSE(n)] = next[OPEN(A)]; next[OPEN(A)] = OPEN(n);
            fill_locked(n, k)
        :: else
        fi;
        k = 0
    }
#else
    d_step {
        assert(!used[from] || life[from] == was);
        got = used[from];
        if
        :: got ->
            next[OPEN(n)] = next[OPEN(from)];
            next[CLOSE(n)] = next[CLOSE(from)];
            redirect(OPEN(from), OPEN(n));
            redirect(CLOSE(from), CLOSE(n));
            used[from] = false;
            fill_locked(n, above[from]);
            for (i : 0 .. SLOTS - 1) {
                if
                :: DESCENDS(i, from) -> above[i] = (above[i] & ~BIT(from)) | BIT(n)
                :: else
                fi
            }
            i = 0
        :: else
        fi
    }
#endif
    if
    :: got -> bury(cpu, from)
    :: else -> state[n] = FREE; n = NONE
    fi
}

inline delete(cpu, n)
{
    d_step {
        assert(!used[n] || life[n] == was);
        got = used[n];
        if
        :: got ->
            remove_locked(n)
        :: else
        fi
    }
    if :: got -> bury(cpu, n) :: else fi
}

/* Steps of one capability each, until there is none left, or the slot itself went. */
inline revoke(cpu, n)
{
    do
    :: enter_and_find(cpu, n);
        if :: !got -> leave_kernel(cpu); break :: else fi;
        d_step {
            assert(!used[n] || life[n] == was);
            got = used[n]; k = NONE;
            if
            :: got && CHILD(n) -> k = CHILD_OF(n); assert(DESCENDS(k, n)); remove_locked(k)
            :: else
            fi;
            if
            :: got && !CHILD(n) ->
                for (i : 0 .. SLOTS - 1) { assert(!used[i] || !DESCENDS(i, n)) }
                i = 0;
                if :: n == A -> doneA = true :: else fi;
                got = false
            :: else
            fi
        }
        atomic {
            if :: k != NONE -> bury(cpu, k) :: else fi;
            k = 0;
            leave_kernel(cpu);
            if :: !got -> break :: else fi
        }
    od
}

proctype revoker(byte cpu; byte n)
{
    byte i, k, was;
    bool got;
    revoke(cpu, n)
}

proctype deriver(byte cpu)
{
    byte i, k, was, from, n;
    bool got;
    if
    :: from = A
    :: from = B
    fi;
    enter_and_reserve(cpu, from, n);
    if :: n != NONE -> derive(n, from) :: else fi;
    leave_kernel(cpu);
    if :: n == NONE -> goto done :: else fi;
    if
    :: was = life[n]; revoke(cpu, n)
    :: atomic { from = n; was = life[n] }
        enter_and_reserve(cpu, from, n);
        if :: n != NONE -> derive(n, from) :: else fi;
        leave_kernel(cpu)
    fi;
done:
    skip
}

proctype mover(byte cpu)
{
    byte i, k, was, from, n;
    bool got;
    if
    :: from = B
    :: from = C
    fi;
    enter_and_find(cpu, from);
    n = NONE;
    if
    :: got ->
        if
        :: reserve(n);
            if :: n != NONE -> move(cpu, n, from) :: else fi
        :: delete(cpu, from)
        fi
    :: else
    fi;
    leave_kernel(cpu);
    if
    :: n != NONE ->
        was = life[n];
        enter_and_find(cpu, n);
        if :: got -> delete(cpu, n) :: else fi;
        leave_kernel(cpu)
    :: else
    fi
}

proctype judge()
{
    byte i;
end:
    timeout;
    assert(inside == 0 && used[E] && used[A]);
    /* All revokes went through: who was done is not in the way of the next assertion. */
    for (i : 0 .. SLOTS - 1) {
        assert(lateA || !doneA || !used[i] || !DESCENDS(i, A))
    }
}

init
{
    atomic {
        next[HEAD] = OPEN(A); next[OPEN(A)] = OPEN(B); next[OPEN(B)] = OPEN(C);
        next[OPEN(C)] = CLOSE(C); next[CLOSE(C)] = CLOSE(B); next[CLOSE(B)] = CLOSE(A);
        next[CLOSE(A)] = OPEN(E); next[OPEN(E)] = CLOSE(E);
        above[B] = BIT(A); above[C] = BIT(A) | BIT(B);
        used[A] = true; used[B] = true; used[C] = true; used[E] = true;
        state[A] = TAKEN; state[B] = TAKEN; state[C] = TAKEN; state[E] = TAKEN;
        run revoker(0, A); run revoker(1, B); run deriver(2); run mover(3); run judge()
    }
}
