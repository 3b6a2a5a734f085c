/*
 * A lock between threads: one 32-bit word, in memory that all of them have mapped. 0 is free, so a
 * word of zeroes is a lock, and a lock needs no end.
 *
 * To take it and to give it back is one atomic operation each, and a call only where somebody
 * waits. A thread that finds it held looks again for a moment, since holders on other CPUs are soon
 * done, and then sleeps on the word. Who gives it back wakes one sleeper, which competes with all
 * others: it is not fair, and nobody waits for a thread that is not on a CPU.
 *
 * Not recursive. A thread that is killed while it waits takes nothing along; one that is killed
 * while it has the lock, or was just woken to take it, leaves the others waiting for ever: what
 * shares locks is to be killed as a whole.
 */
#ifndef RT_LOCK_H
#define RT_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum rt_lock_state {
    RT_LOCK_FREE,
    RT_LOCK_HELD,
    RT_LOCK_WAITED, /* held, and maybe somebody sleeps */
};

struct rt_lock {
    _Atomic(uint32_t) state; /* enum rt_lock_state */
};

/* What the two below do when the lock is not free, and when somebody may sleep (lock.c). */
void rt_lock_wait(struct rt_lock *lock);
void rt_lock_wake(struct rt_lock *lock);

/* True if it was free and is the caller's now. */
static inline bool rt_lock_try(struct rt_lock *lock)
{
    uint32_t free = RT_LOCK_FREE;
    return atomic_compare_exchange_strong_explicit(&lock->state, &free, RT_LOCK_HELD,
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void rt_lock_take(struct rt_lock *lock)
{
    if (!rt_lock_try(lock))
        rt_lock_wait(lock);
}

static inline void rt_lock_give(struct rt_lock *lock)
{
    if (atomic_exchange_explicit(&lock->state, RT_LOCK_FREE, memory_order_release) ==
        RT_LOCK_WAITED)
        rt_lock_wake(lock);
}

#endif
