/*
 * Fair, interrupt-safe spinlocks (ticket locks with proportional back-off).
 *
 * Rules: locks are taken in the order of lock_rank.def (checked in debug builds); interrupts are
 * off while one is held; while spinning, a CPU goes on serving requests of other CPUs
 * (cpu_serve in sched/cpu.h), whose handlers take no lock. No CPU waits for another while it
 * holds a lock.
 */
#pragma once

#include "lib/config.h"
#include "lib/types.h"
#include <stdatomic.h>

enum lock_rank {
    LOCK_RANK_NONE,
#define LOCK_RANK(name, what) LOCK_RANK_##name,
#include "sync/lock_rank.def"
#undef LOCK_RANK
    LOCK_RANKS
};

struct spinlock {
    _Atomic(uint32_t) next;   /* the next ticket to hand out */
    _Atomic(uint32_t) owner;  /* the ticket that holds the lock */
    uint32_t rank;            /* enum lock_rank; constant */
    _Atomic(uint32_t) holder; /* CPU number + 1 of the holder, for diagnosis; 0: free */
};

#define SPINLOCK_INIT(rank_name) {.rank = LOCK_RANK_##rank_name}

/* What spinlock_lock gives and spinlock_unlock takes: the interrupt state to go back to. */
typedef struct {
    uint64_t flags;
} irq_state_t;

void spinlock_init(struct spinlock *lock, enum lock_rank rank);

/* Turns interrupts off and takes the lock. */
irq_state_t spinlock_lock(struct spinlock *lock);

/* The same, but gives up if the lock is held by another. */
bool spinlock_try_lock(struct spinlock *lock, irq_state_t *state);

void spinlock_unlock(struct spinlock *lock, irq_state_t state);

/* True if this CPU holds it. For assertions in functions named `_locked`. */
bool spinlock_held(const struct spinlock *lock);

/*
 * The same for the shortest paths, with interrupts known to be off: no state to go back to, and
 * no holder is noted, so spinlock_held does not know of it. Debug builds take the checked way.
 */
void spinlock_wait_turn(struct spinlock *lock, uint32_t ticket);

static inline void spinlock_enter(struct spinlock *lock)
{
    if (CONFIG_DEBUG) {
        (void)spinlock_lock(lock);
        return;
    }
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket, 0))
        spinlock_wait_turn(lock, ticket);
}

void spinlock_exit_checked(struct spinlock *lock);

static inline void spinlock_exit(struct spinlock *lock)
{
    if (CONFIG_DEBUG) {
        spinlock_exit_checked(lock);
        return;
    }
    uint32_t ticket = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    atomic_store_explicit(&lock->owner, ticket + 1, memory_order_release);
}

/*
 * For a panic only: from now on locks are ignored by every CPU that still runs, so that a panic
 * with any lock held can speak.
 */
void spinlock_abandon(void);

const char *lock_rank_name(uint32_t rank);
