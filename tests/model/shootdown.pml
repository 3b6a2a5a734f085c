/*
 * Shoot-down against locks.
 *
 * CPUs 0 and 1 take a page each out of the tables under a lock, shoot each other and CPU 2 down, and
 * free the page; CPU 2 takes the same lock for something else. All of them touch pages in user mode.
 * Interrupts are off in the kernel: there a CPU serves requests only where it spins.
 *
 * What is shown: all of them get on, whatever they hold and wait for; nobody touches a page that was
 * freed.
 *
 * Model and kernel:
 *   lock, spin            sync/spinlock.c: spinlock_lock, spinlock_wait
 *   serve                 sched/cpu.c: cpu_serve, cpu_run_calls; mem/shootdown.c: shootdown_local, or
 *                         arch/x86_64/space.c: flush_local
 *   unmap                 mem/: space_unmap and others change the tables under the space's lock, drop
 *                         it, flush, and let the frames go; mem/vmap.c does for the kernel's half
 *   ask, await            mem/shootdown.c: shootdown_range; sched/cpu.c: cpu_call_others,
 *                         cpu_call_wait
 *   user                  user mode, or idle: the request is an interrupt
 *
 * Either rule, that no CPU waits with a lock held and that spinning for a lock serves, would do
 * against deadlock; the kernel keeps both. So BUG 2 breaks both.
 *
 * BUG 1  who waits for others does not serve
 * BUG 2  who holds the lock waits for others, and who spins for it does not serve
 * BUG 3  the page is freed when all were asked, not when all have answered
 */
#ifndef BUG
#define BUG 0
#endif

#define CPUS  3
#define PAGES 2 /* page n is taken away by CPU n */
#define NONE  7
#define AT(cpu, page) (cpu * PAGES + page)

byte lock = NONE;
bool entry[PAGES] = true;       /* in the tables */
bool freed[PAGES];
bool tlb[6];                    /* AT(cpu, page) */
bool asked[6], answered[6];

#define ASKED(n) (asked[AT(n, 0)] || asked[AT(n, 1)])

/* The first request; there may be another. */
inline serve(n)
{
    atomic {
        if
        :: asked[AT(n, 0)] -> asked[AT(n, 0)] = false; tlb[AT(n, 0)] = false; answered[AT(n, 0)] = true
        :: asked[AT(n, 1)] -> asked[AT(n, 1)] = false; tlb[AT(n, 1)] = false; answered[AT(n, 1)] = true
        fi
    }
}

inline take_lock(n)
{
    do
    :: atomic { lock == NONE -> lock = n; break }
#if BUG != 2
    :: lock != NONE && ASKED(n) -> serve(n)
#endif
    od
}

inline release_lock(n) { atomic { assert(lock == n); lock = NONE } }

inline touch(n, page)
{
    if
    :: tlb[AT(n, page)] -> assert(!freed[page])
    :: atomic { !tlb[AT(n, page)] && entry[page] -> tlb[AT(n, page)] = true }
    :: !tlb[AT(n, page)] && !entry[page] /* a fault */
    fi
}

/* In user mode: as often as it likes. */
inline user(n)
{
    do
    :: ASKED(n) -> serve(n)
    :: !ASKED(n) && turns < 2 -> turns++; touch(n, 0)
    :: !ASKED(n) && turns < 2 -> turns++; touch(n, 1)
    :: break
    od;
    turns = 0
}

#define ANSWERED(n, other) answered[AT(other, n)]

inline unmap(n, b, c)
{
    take_lock(n);
    entry[n] = false;
#if BUG != 2
    release_lock(n);
#endif
    tlb[AT(n, n)] = false;
    asked[AT(b, n)] = true;
    asked[AT(c, n)] = true;
#if BUG != 3
    do
    :: ANSWERED(n, b) && ANSWERED(n, c) -> break
#if BUG != 1
    :: !(ANSWERED(n, b) && ANSWERED(n, c)) && ASKED(n) -> serve(n)
#endif
    od;
#endif
    freed[n] = true;
#if BUG == 2
    release_lock(n)
#endif
}

proctype cpu(byte n)
{
    byte turns;
    user(n);
    if
    :: n == 0 -> unmap(0, 1, 2)
    :: n == 1 -> unmap(1, 0, 2)
    :: n == 2 -> take_lock(2); release_lock(2)
    fi;
    user(n);
end:
    do
    :: ASKED(n) -> serve(n)
    od
}

proctype judge()
{
end:
    timeout;
    assert(freed[0] && freed[1])
}

init { atomic { run cpu(0); run cpu(1); run cpu(2); run judge() } }
