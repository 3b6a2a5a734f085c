/* Timers: once, periods, overruns, the job's clock, changes while one fires; deadlines of others.
 */
#include "cpus.h"
#include "host.h"
#include "obj/timer.h"
#include "sched/clock.h"
#include "sched_model.h"
#include "unit.h"

#define START UINT64_C(5000) /* ms: where the model's clock stands */

static struct port port; /* no shards: its bits are looked at */
static struct timer timer;

static void timer_make(void)
{
    model_start(2);
    host_time_set(START * MS);
    clock_start();
    timer = (struct timer){.port = &port, .bits = 5, .state = {.deadline = DEADLINE_NEVER}};
    spinlock_init(&timer.object.lock, LOCK_RANK_object);
    spinlock_init(&port.object.lock, LOCK_RANK_object);
    spinlock_init(&port.lock, LOCK_RANK_port);
    port.object.kind = OBJECT_port;
    port.object.references = 1;
    port.pending = 1; /* so nobody looks for a receiver */
    timer.object.job = &model_job;
    struct timer *made;
    EXPECT(timer_create(&model_job, &port, 0, &made) == ERR_bad_argument);
    REQUIRE(timer_create(&model_job, &port, 5, &made) == OK);
    EXPECT(made->port == &port && port.sources == 1 && made->state.deadline == DEADLINE_NEVER);
    timer.wake.fire = made->wake.fire;
    port_source_get(&port);
}

/* `ms` after the start the timer's interrupt comes, if it is due; the bits that were set. */
static uint64_t at(uint64_t ms)
{
    host_time_set((START + ms) * MS);
    struct cpu *self = cpu_self();
    if (self->timer_at != 0 && self->timer_at <= arch_counter())
        clock_interrupt();
    return atomic_exchange(&port.signals, 0);
}

TEST(timer_fires_once)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 0) == OK);
    EXPECT(at(9) == 0 && at(11) == 5 && at(30) == 0);
    EXPECT(timer.state.deadline == DEADLINE_NEVER && timer.state.overruns == 0);
    EXPECT(timer_arm(&timer, 20 * MS, 0) == OK); /* in the past */
    EXPECT(at(31) == 5);
    EXPECT(timer_arm(&timer, 40 * MS, 0) == OK && timer_arm(&timer, DEADLINE_NEVER, 0) == OK);
    EXPECT(at(60) == 0 && !atomic_load(&timer.wake.queued));
    EXPECT(timer_arm(&timer, 70 * MS, 1) == ERR_bad_argument);
}

TEST(timer_period_does_not_drift)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 10 * MS) == OK);
    for (uint64_t i = 1; i <= 20; i++) {
        EXPECT(at(i * 10 - 1) == 0);
        EXPECT(at(i * 10 + i % 7) == 5 || at(i * 10 + 1) == 5);
        EXPECT(timer.state.deadline == (i + 1) * 10 * MS);
    }
    EXPECT(timer.state.overruns == 0);
}

TEST(timer_counts_overruns)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 10 * MS) == OK);
    EXPECT(at(45) == 5); /* 10, and 20, 30, 40 with it */
    struct timer_state state;
    timer_get(&timer, &state);
    EXPECT(state.overruns == 3 && state.deadline == 50 * MS && state.period == 10 * MS);
    EXPECT(at(49) == 0 && at(51) == 5);
    state.overruns = 17;
    state.deadline = 100 * MS;
    EXPECT(timer_set(&timer, &state) == OK);
    EXPECT(at(99) == 0 && at(101) == 5);
    timer_get(&timer, &state);
    EXPECT(state.overruns == 17 && state.deadline == 110 * MS);
}

TEST(timer_goes_by_the_clock_of_the_job)
{
    timer_make();
    model_job.clock_offset = (int64_t)(1000 * MS);
    EXPECT(timer_arm(&timer, 1010 * MS, 0) == OK);
    EXPECT(at(9) == 0 && at(11) == 5);
    model_job.clock_offset = -(int64_t)(5 * MS);
    EXPECT(timer_arm(&timer, 20 * MS, 10 * MS) == OK);
    EXPECT(at(24) == 0 && at(26) == 5 && timer.state.deadline == 30 * MS);
    /* Set back while it is armed: it wakes too early, and waits on. */
    model_job.clock_offset = -(int64_t)(15 * MS);
    EXPECT(at(36) == 0 && at(44) == 0 && at(46) == 5);
}

TEST(timer_far_periods_end)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, UINT64_MAX / 2 + 1) == OK);
    EXPECT(at(11) == 5 && timer.state.deadline != DEADLINE_NEVER);
    EXPECT(timer_arm(&timer, 0, UINT64_MAX - 1) == OK);
    EXPECT(at(12) == 5 && at(13) == 0);
}

TEST(timer_can_be_cancelled_and_armed_from_another_cpu)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 0) == OK);
    model_be(1);
    EXPECT(timer_arm(&timer, 20 * MS, 0) == OK && timer.wake.cpu == 1);
    model_be(0);
    EXPECT(at(15) == 0 && boot_cpu.deadlines.count == 0);
    model_be(1);
    EXPECT(at(21) == 5);
}

/* What another CPU does between taking the deadline out and its handler: the handler goes by that.
 */
static void take_out(uint64_t ms)
{
    host_time_set((START + ms) * MS);
    (void)deadline_remove(&boot_cpu.deadlines, &timer.wake);
    atomic_store(&timer.wake.firing, boot_cpu.number + 1);
}

TEST(timer_changed_while_it_fires)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 0) == OK);
    take_out(11);
    model_be(1);
    EXPECT(timer_arm(&timer, DEADLINE_NEVER, 0) == OK);
    model_be(0);
    timer.wake.fire(&timer.wake);
    EXPECT(port.signals == 0 && timer.wake.firing == 0);
    EXPECT(timer_arm(&timer, 20 * MS, 0) == OK);
    take_out(21);
    model_be(1);
    EXPECT(timer_arm(&timer, 30 * MS, 0) == OK && !atomic_load(&timer.wake.queued));
    model_be(0);
    timer.wake.fire(&timer.wake);
    EXPECT(port.signals == 0 && atomic_load(&timer.wake.queued));
    EXPECT(at(31) == 5);
}

TEST(timer_retires)
{
    timer_make();
    EXPECT(timer_arm(&timer, 10 * MS, 10 * MS) == OK);
    EXPECT(timer_ops.retire(&timer.object));
    EXPECT(timer.port == NULL && port.sources == 1 && boot_cpu.deadlines.count == 0);
    EXPECT(at(50) == 0);
}

/* --- deadlines armed on one CPU and cancelled on another, with real threads --- */

#define RACES 3000

static struct deadline raced;
static _Atomic(uint32_t) race_fired, race_turn;
static _Atomic(bool) race_inside;

static void race_fire(struct deadline *deadline)
{
    EXPECT(deadline == &raced && !atomic_exchange(&race_inside, true));
    for (volatile uint32_t i = 0; i < 50; i++)
        continue;
    atomic_fetch_add(&race_fired, 1);
    atomic_store(&race_inside, false);
}

/* Both arm it and cancel it, in turns; the other one takes its timer's interrupts meanwhile. */
static void race(void *argument)
{
    const struct cpu *cpu = argument;
    (void)arch_irq_save();
    if (cpu->number > 2)
        return;
    for (uint32_t i = 0; i < RACES; i++) {
        while (atomic_load(&race_turn) % 2 != cpu->number - 1) {
            clock_interrupt();
            cpu_serve();
            arch_cpu_relax();
        }
        bool cancelled = clock_cancel(&raced);
        EXPECT(!atomic_load(&race_inside) && !atomic_load(&raced.queued));
        EXPECT(cancelled + atomic_exchange(&race_fired, 0) == (atomic_load(&race_turn) != 0));
        clock_arm(&raced, clock_now() + (i % 3) * 200);
        atomic_fetch_add(&race_turn, 1);
    }
}

TEST(clock_cancel_waits_for_the_handler)
{
    cpus_make(3);
    EXPECT(clock_init() == OK);
    deadline_init(&raced, race_fire);
    cpus_start(race);
    cpus_finish();
    (void)arch_irq_save();
    (void)clock_cancel(&raced);
    EXPECT(cpu_table[1]->deadlines.count == 0 && cpu_table[2]->deadlines.count == 0);
}
