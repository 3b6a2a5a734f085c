/*
 * Ticket spinlocks.
 *
 * Who wants the lock draws a ticket from `next` and waits until `owner` shows it; the holder
 * shows the next one when it leaves. So the lock is granted in the order of arrival.
 *
 * Memory order: the waiter's acquire load of `owner` meets the release store of the holder
 * before, so all that was written under the lock is seen. Drawing a ticket orders nothing and is
 * relaxed: a ticket by itself allows nothing.
 */
#include "sync/spinlock.h"
#include "lib/assert.h"
#include "sched/cpu.h"

#define SPIN_TURNS_PER_WAITER 16 /* turns to wait for each ticket before ours */

/* Somebody panics: locks mean nothing any more. Set once. */
static _Atomic(bool) spinlocks_abandoned;

static const char *const lock_rank_names[LOCK_RANKS] = {
    [LOCK_RANK_NONE] = "none",
#define LOCK_RANK(name, what) [LOCK_RANK_##name] = #name,
#include "sync/lock_rank.def"
#undef LOCK_RANK
};

const char *lock_rank_name(uint32_t rank)
{
    return rank < LOCK_RANKS ? lock_rank_names[rank] : "unknown";
}

void spinlock_init(struct spinlock *lock, enum lock_rank rank)
{
    assert(rank > LOCK_RANK_NONE && rank < LOCK_RANKS);
    atomic_init(&lock->next, 0);
    atomic_init(&lock->owner, 0);
    atomic_init(&lock->holder, 0);
    lock->rank = rank;
}

static bool spinlock_ignored(void)
{
    return atomic_load_explicit(&spinlocks_abandoned, memory_order_relaxed);
}

void spinlock_abandon(void)
{
    atomic_store_explicit(&spinlocks_abandoned, true, memory_order_relaxed);
}

/* Refuses a lock that does not stand further down in the order than each one held. */
static void lock_order_check(const struct spinlock *lock, const struct cpu *self)
{
    if (spinlock_ignored())
        return;
    assert(lock->rank > LOCK_RANK_NONE && lock->rank < LOCK_RANKS);
    for (uint32_t i = 0; i < self->held_count; i++)
        assert(self->held[i]->rank < lock->rank);
    assert(self->held_count < CPU_LOCKS_MAX);
}

static void lock_order_note(const struct spinlock *lock, struct cpu *self)
{
    if (self->held_count < CPU_LOCKS_MAX)
        self->held[self->held_count++] = lock;
}

/* Locks may be left in another order than they were taken. */
static void lock_order_forget(const struct spinlock *lock, struct cpu *self)
{
    uint32_t i = self->held_count;
    while (i > 0 && self->held[i - 1] != lock)
        i--;
    assert(i > 0 || spinlock_ignored());
    if (i == 0)
        return;
    for (; i < self->held_count; i++)
        self->held[i - 1] = self->held[i];
    self->held_count--;
}

static inline void spinlock_taken(struct spinlock *lock, struct cpu *self)
{
    atomic_store_explicit(&lock->holder, self->number + 1, memory_order_relaxed);
    if (CONFIG_DEBUG)
        lock_order_note(lock, self);
}

/*
 * Waits for a ticket. The farther away our turn, the longer we leave the lock's cache line alone.
 * Meanwhile some CPU may wait for us to serve its request (one that holds no lock), with
 * interrupts off here: so we serve as we spin.
 */
__attribute__((noinline)) static void spinlock_wait(struct spinlock *lock, uint32_t ticket)
{
    uint64_t turns = 0;
    assert(!spinlock_held(lock) || spinlock_ignored());
    while (!spinlock_ignored()) {
        uint32_t ahead = ticket - atomic_load_explicit(&lock->owner, memory_order_acquire);
        if (ahead == 0)
            break;
        /* Once locks are abandoned, tickets may be anything. */
        ahead = ahead < CONFIG_CPU_MAX ? ahead : CONFIG_CPU_MAX;
        for (uint32_t i = 0; i < ahead * SPIN_TURNS_PER_WAITER; i++) {
            arch_cpu_relax();
            cpu_serve();
        }
        turns += (uint64_t)ahead * SPIN_TURNS_PER_WAITER;
    }
    cpu_metric_add(cpu_self(), METRIC_lock_spins, turns);
}

void spinlock_wait_turn(struct spinlock *lock, uint32_t ticket)
{
    spinlock_wait(lock, ticket);
}

/* A function of its own and called last, so that spinlock_lock saves no registers. */
__attribute__((noinline)) static irq_state_t lock_slowly(struct spinlock *lock, uint32_t ticket,
                                                         irq_state_t state)
{
    spinlock_wait(lock, ticket);
    spinlock_taken(lock, cpu_self());
    return state;
}

irq_state_t spinlock_lock(struct spinlock *lock)
{
    irq_state_t state = {arch_irq_save()};
    struct cpu *self = cpu_self();
    if (CONFIG_DEBUG)
        lock_order_check(lock, self);
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket, 0))
        return lock_slowly(lock, ticket, state);
    spinlock_taken(lock, self);
    return state;
}

bool spinlock_try_lock(struct spinlock *lock, irq_state_t *state)
{
    state->flags = arch_irq_save();
    struct cpu *self = cpu_self();
    if (CONFIG_DEBUG)
        lock_order_check(lock, self);
    /* The lock is free if the next ticket is the one shown; then we try to be who draws it. */
    uint32_t ticket = atomic_load_explicit(&lock->owner, memory_order_acquire);
    uint32_t drawn = ticket;
    if (!atomic_compare_exchange_strong_explicit(&lock->next, &drawn, ticket + 1,
                                                 memory_order_relaxed, memory_order_relaxed) &&
        !spinlock_ignored()) {
        arch_irq_restore(state->flags);
        return false;
    }
    spinlock_taken(lock, self);
    return true;
}

void spinlock_unlock(struct spinlock *lock, irq_state_t state)
{
    struct cpu *self = cpu_self();
    debug_assert(spinlock_held(lock) || spinlock_ignored());
    if (CONFIG_DEBUG)
        lock_order_forget(lock, self);
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    /* Only the holder writes `owner`, so no read-modify-write is needed. */
    uint32_t ticket = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    atomic_store_explicit(&lock->owner, ticket + 1, memory_order_release);
    arch_irq_restore(state.flags);
    debug_assert(self->held_count == 0 || !arch_irq_enabled() || spinlock_ignored());
}

/* Interrupts were off before, and stay so. */
void spinlock_exit_checked(struct spinlock *lock)
{
    uint64_t state = arch_irq_save();
    spinlock_unlock(lock, (irq_state_t){state});
}

bool spinlock_held(const struct spinlock *lock)
{
    /* Relaxed: our own number is there only if we wrote it. */
    uint32_t holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);
    return holder == cpu_self()->number + 1;
}
