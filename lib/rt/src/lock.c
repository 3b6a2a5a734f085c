/* Locks that are not free (rt/lock.h). */
#include "rt/lock.h"
#include "sys/call.h"
#include <sys_arch.h>

#define LOOKS 64 /* before it sleeps: less than what a call costs */

static uaddr_t word_of(struct rt_lock *lock)
{
    return (uaddr_t){(uintptr_t)&lock->state};
}

static bool looked(struct rt_lock *lock)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        if (atomic_load_explicit(&lock->state, memory_order_relaxed) == RT_LOCK_FREE &&
            rt_lock_try(lock))
            return true;
        sys_relax();
    }
    return false;
}

/* Whoever slept takes it as one for which others may sleep: it does not know, and asks once more.
 */
void rt_lock_wait(struct rt_lock *lock)
{
    if (looked(lock))
        return;
    while (atomic_exchange_explicit(&lock->state, RT_LOCK_WAITED, memory_order_acquire) !=
           RT_LOCK_FREE)
        (void)tern_word_wait(word_of(lock), RT_LOCK_WAITED, DEADLINE_NEVER);
}

void rt_lock_wake(struct rt_lock *lock)
{
    uint64_t woken;
    (void)tern_word_wake(word_of(lock), 1, &woken);
}
