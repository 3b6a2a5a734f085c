/* Run queues: order, bit map, counts; against an array. */
#include "sched/run_queue.h"
#include "sched_model.h"
#include "selftest/check.h"
#include "unit.h"

#define THREADS 40

static void add(struct cpu *cpu, struct thread *thread, uint8_t priority, bool first)
{
    thread->effective = priority;
    thread_set_status(thread, THREAD_READY);
    spinlock_enter(&cpu->queue->lock);
    run_queue_add_locked(cpu, thread, first);
    spinlock_exit(&cpu->queue->lock);
    run_queue_check(cpu);
}

static struct thread *take(struct cpu *cpu)
{
    spinlock_enter(&cpu->queue->lock);
    struct thread *thread = run_queue_take_locked(cpu);
    spinlock_exit(&cpu->queue->lock);
    run_queue_check(cpu);
    return thread;
}

TEST(run_queue_takes_by_priority_then_order)
{
    struct thread *threads[6];
    model_start(1);
    for (uint32_t i = 0; i < COUNT_OF(threads); i++)
        threads[i] = model_thread();
    add(&boot_cpu, threads[0], 0, false);
    add(&boot_cpu, threads[1], 63, false);
    add(&boot_cpu, threads[2], 20, false);
    add(&boot_cpu, threads[3], 20, false);
    add(&boot_cpu, threads[4], 20, true);
    add(&boot_cpu, threads[5], 63, false);
    EXPECT(boot_cpu.ready_top == 64 && boot_cpu.queue->count == 6);
    const uint32_t order[] = {1, 5, 4, 2, 3, 0};
    for (uint32_t i = 0; i < COUNT_OF(order); i++)
        EXPECT(take(&boot_cpu) == threads[order[i]]);
    EXPECT(boot_cpu.ready_top == 0 && boot_cpu.queue->map == 0 && take(&boot_cpu) == NULL);
}

static struct thread *rotate(struct cpu *cpu, struct thread *thread)
{
    spinlock_enter(&cpu->queue->lock);
    struct thread *equal = run_queue_rotate_locked(cpu, thread);
    spinlock_exit(&cpu->queue->lock);
    run_queue_check(cpu);
    return equal;
}

TEST(run_queue_rotates_among_equals)
{
    struct thread *threads[3], *high = (model_start(1), model_thread());
    for (uint32_t i = 0; i < COUNT_OF(threads); i++) {
        threads[i] = model_thread();
        add(&boot_cpu, threads[i], 20, false);
    }
    struct thread *out = take(&boot_cpu);
    for (uint32_t i = 1; i < 10; i++) {
        EXPECT(rotate(&boot_cpu, out) == threads[i % 3] && thread_status(out) == THREAD_READY);
        out = threads[i % 3];
    }
    add(&boot_cpu, high, 21, false);
    thread_set_status(out, THREAD_RUNNING);
    EXPECT(rotate(&boot_cpu, out) == NULL && thread_status(out) == THREAD_RUNNING);
    EXPECT(take(&boot_cpu) == high && take(&boot_cpu) != NULL && take(&boot_cpu) != NULL);
    EXPECT(rotate(&boot_cpu, out) == NULL && out->sched.where == SCHED_AWAY);
}

/* The model: for each thread when it came; the greatest priority, then the earliest, goes first. */
static struct thread *model_best(struct thread *const *threads, const int64_t *came)
{
    uint32_t best = THREADS;
    for (uint32_t i = 0; i < THREADS; i++) {
        if (threads[i]->sched.where != SCHED_QUEUED)
            continue;
        if (best == THREADS || threads[i]->sched.listed > threads[best]->sched.listed ||
            (threads[i]->sched.listed == threads[best]->sched.listed && came[i] < came[best]))
            best = i;
    }
    return best == THREADS ? NULL : threads[best];
}

TEST(run_queue_agrees_with_an_array)
{
    struct thread *threads[THREADS];
    int64_t came[THREADS] = {0};
    model_start(1);
    for (uint32_t i = 0; i < THREADS; i++)
        threads[i] = model_thread();
    for (int64_t step = 1; step < 20000; step++) {
        uint32_t i = (uint32_t)unit_random() % THREADS;
        bool first = unit_random() % 4 == 0;
        if (threads[i]->sched.where == SCHED_AWAY) {
            add(&boot_cpu, threads[i], unit_random() % 8 * 9, first);
            came[i] = first ? -step : step;
        } else if (unit_random() % 2 == 0) {
            EXPECT(sched_claim(threads[i]) && !sched_claim(threads[i]));
        } else {
            struct thread *best = model_best(threads, came);
            EXPECT(take(&boot_cpu) == best);
        }
    }
}
