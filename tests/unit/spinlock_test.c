/* Spinlocks: exclusion, fairness, lock order, and what a panic needs. */
#include "cpus.h"
#include "sync/spinlock.h"
#include "unit.h"

#include <string.h>

#define ROUNDS 2000

static struct spinlock lock = SPINLOCK_INIT(frame);
static uint64_t counter; /* lock */

static void count_under_lock(void *cpu)
{
    (void)cpu;
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        irq_state_t state = spinlock_lock(&lock);
        EXPECT(spinlock_held(&lock) && !arch_irq_enabled());
        counter++;
        spinlock_unlock(&lock, state);
        EXPECT(!spinlock_held(&lock) && arch_irq_enabled());
    }
}

TEST(spinlock_lets_one_in_at_a_time)
{
    cpus_make(5);
    cpus_start(count_under_lock);
    cpus_finish();
    EXPECT(counter == 4 * ROUNDS);
}

static void count_if_free(void *cpu)
{
    (void)cpu;
    cpus_meet();
    for (uint32_t got = 0; got < ROUNDS;) {
        irq_state_t state;
        if (!spinlock_try_lock(&lock, &state)) {
            EXPECT(arch_irq_enabled());
            continue;
        }
        counter++;
        got++;
        spinlock_unlock(&lock, state);
    }
}

TEST(spinlock_try_lock_lets_one_in_at_a_time)
{
    cpus_make(4);
    cpus_start(count_if_free);
    cpus_finish();
    EXPECT(counter == 3 * ROUNDS);
}

/* CPUs arrive one after another while the lock is held; they must get it in that order. */
static uint32_t arrivals[CPUS_MAX], arrived; /* lock */
static _Atomic(uint32_t) go;

static void arrive_in_turn(void *argument)
{
    struct cpu *cpu = argument;
    while (atomic_load(&go) != cpu->number)
        arch_cpu_relax();
    irq_state_t state = spinlock_lock(&lock);
    arrivals[arrived++] = cpu->number;
    spinlock_unlock(&lock, state);
}

TEST(spinlock_is_fair)
{
    cpus_make(8);
    irq_state_t state = spinlock_lock(&lock);
    cpus_start(arrive_in_turn);
    for (uint32_t number = 7; number >= 1; number--) {
        uint32_t drawn = atomic_load(&lock.next);
        atomic_store(&go, number);
        while (atomic_load(&lock.next) == drawn)
            arch_cpu_relax();
    }
    spinlock_unlock(&lock, state);
    cpus_finish();
    for (uint32_t i = 0; i < 7; i++)
        EXPECT(arrivals[i] == 7 - i);
}

/* A CPU that waits for a lock serves the call of the CPU that holds no lock. */
static _Atomic(uint32_t) served;

static void note_served(void *argument)
{
    (void)argument;
    atomic_fetch_add(&served, 1);
}

static void wait_for_lock(void *cpu)
{
    (void)cpu;
    irq_state_t state = spinlock_lock(&lock);
    spinlock_unlock(&lock, state);
}

static _Atomic(bool) release;

static void hold_or_wait(void *argument)
{
    struct cpu *cpu = argument;
    if (cpu->number != 1) {
        while (!atomic_load(&go))
            arch_cpu_relax();
        wait_for_lock(cpu);
        return;
    }
    irq_state_t state = spinlock_lock(&lock);
    atomic_store(&go, 1);
    while (!atomic_load(&release))
        cpu_serve();
    spinlock_unlock(&lock, state);
}

TEST(spinlock_serves_while_waiting)
{
    cpus_make(3);
    cpus_start(hold_or_wait);
    while (atomic_load(&lock.next) != 2)
        arch_cpu_relax();
    cpu_call(cpu_table[2], note_served, NULL);
    EXPECT(atomic_load(&served) == 1);
    atomic_store(&release, true);
    cpus_finish();
    EXPECT(metric_total(METRIC_lock_spins) != 0);
}

TEST(spinlock_keeps_interrupts_as_they_were)
{
    uint64_t off = arch_irq_save();
    irq_state_t state = spinlock_lock(&lock);
    spinlock_unlock(&lock, state);
    EXPECT(!arch_irq_enabled());
    arch_irq_restore(off);
    EXPECT(arch_irq_enabled());
}

/* The order of locks. */

static struct spinlock heap_lock = SPINLOCK_INIT(heap), frame_lock = SPINLOCK_INIT(frame),
                       other_frame_lock = SPINLOCK_INIT(frame), log_lock = SPINLOCK_INIT(log);

static void take(struct spinlock *const *locks)
{
    for (; *locks != NULL; locks++)
        spinlock_lock(*locks);
}

static void take_from(void *context)
{
    take(context);
}

TEST(spinlock_order_is_checked)
{
    struct spinlock *down[] = {&heap_lock, &frame_lock, &log_lock, NULL};
    struct spinlock *up[] = {&frame_lock, &heap_lock, NULL};
    struct spinlock *same[] = {&frame_lock, &other_frame_lock, NULL};
    struct spinlock *twice[] = {&frame_lock, &frame_lock, NULL};
    struct spinlock *up_late[] = {&heap_lock, &log_lock, &frame_lock, NULL};
    EXPECT(!unit_panics(take_from, down));
    EXPECT(unit_panics(take_from, up) == (CONFIG_DEBUG != 0));
    EXPECT(unit_panics(take_from, same) == (CONFIG_DEBUG != 0));
    EXPECT(unit_panics(take_from, twice));
    EXPECT(unit_panics(take_from, up_late) == (CONFIG_DEBUG != 0));
}

TEST(spinlock_may_be_left_in_any_order)
{
    uint64_t off = arch_irq_save();
    irq_state_t a = spinlock_lock(&heap_lock), b = spinlock_lock(&frame_lock);
    irq_state_t c = spinlock_lock(&log_lock);
    spinlock_unlock(&frame_lock, b);
    spinlock_unlock(&heap_lock, a);
    spinlock_unlock(&log_lock, c);
    EXPECT(cpu_self()->held_count == 0);
    a = spinlock_lock(&heap_lock);
    spinlock_unlock(&heap_lock, a);
    arch_irq_restore(off);
}

static void unlock_free(void *context)
{
    (void)context;
    spinlock_unlock(&heap_lock, (irq_state_t){0});
}

/* Interrupts on while another lock is held. */
static void unlock_too_early(void *context)
{
    (void)context;
    irq_state_t outer = spinlock_lock(&heap_lock);
    spinlock_lock(&frame_lock);
    spinlock_unlock(&frame_lock, outer);
}

static void init_without_rank(void *context)
{
    spinlock_init(context, LOCK_RANK_NONE);
}

TEST(spinlock_asserts_misuse)
{
    struct spinlock fresh;
    EXPECT(unit_panics(unlock_free, NULL));
    EXPECT(unit_panics(unlock_too_early, NULL) == (CONFIG_DEBUG != 0));
    EXPECT(unit_panics(init_without_rank, &fresh));
}

static void lock_and_leave(void *cpu)
{
    (void)cpu;
    spinlock_lock(&lock);
}

TEST(spinlock_abandoned_stops_nobody)
{
    cpus_make(2);
    cpus_start(lock_and_leave);
    cpus_finish();
    irq_state_t state;
    EXPECT(!spinlock_try_lock(&lock, &state));
    spinlock_abandon();
    state = spinlock_lock(&lock);
    EXPECT(spinlock_try_lock(&lock, &state));
    spinlock_unlock(&lock, state);
    spinlock_unlock(&lock, state);
    for (uint32_t i = 0; i < 2 * CPU_LOCKS_MAX; i++)
        spinlock_lock(i % 2 == 0 ? &log_lock : &heap_lock);
}

TEST(spinlock_ranks_have_names)
{
    EXPECT(strcmp(lock_rank_name(LOCK_RANK_heap), "heap") == 0);
    EXPECT(strcmp(lock_rank_name(LOCK_RANK_NONE), "none") == 0);
    EXPECT(strcmp(lock_rank_name(LOCK_RANKS), "unknown") == 0);
}
