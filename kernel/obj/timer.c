/* Timers (timer.h). */
#include "obj/timer.h"
#include "lib/assert.h"
#include "obj/job.h"
#include "sched/clock.h"

#define FROZEN_LOOK_NS UINT64_C(10000000) /* between two looks whether a frozen job is thawed */

static void timer_fire(struct deadline *deadline);

error_t timer_create(struct job *job, struct port *port, uint64_t bits, struct timer **result)
{
    struct object *object;
    if (bits == 0)
        return ERR_bad_argument;
    if (!port_source_get(port))
        return ERR_dead;
    error_t error = object_make(job, OBJECT_timer, sizeof(struct timer), &object);
    if (error != OK) {
        port_source_put(port);
        return error;
    }
    struct timer *timer = CONTAINER_OF(object, struct timer, object);
    timer->port = port;
    timer->bits = bits;
    timer->state.deadline = DEADLINE_NEVER;
    deadline_init(&timer->wake, timer_fire);
    *result = timer;
    return OK;
}

static bool timer_armed_locked(const struct timer *timer)
{
    debug_assert(spinlock_held(&timer->object.lock));
    return timer->state.deadline != DEADLINE_NEVER;
}

static void wake_arm_locked(struct timer *timer)
{
    debug_assert(timer_armed_locked(timer));
    clock_arm(&timer->wake, job_to_machine_time(timer->object.job, timer->state.deadline));
}

/*
 * A handler that runs elsewhere has not got the lock yet, or has let go of the deadline: it will
 * arm it for what stands here.
 */
static void state_set_locked(struct timer *timer, uint64_t deadline, uint64_t period)
{
    (void)clock_try_cancel(&timer->wake);
    timer->state.deadline = deadline;
    timer->state.period = period;
    if (timer_armed_locked(timer) && !clock_fires_elsewhere(&timer->wake))
        wake_arm_locked(timer);
}

error_t timer_set(struct timer *timer, const struct timer_state *state)
{
    if (state->period != 0 && state->period < TIMER_PERIOD_MIN)
        return ERR_bad_argument;
    irq_state_t irq = spinlock_lock(&timer->object.lock);
    timer->state.overruns = state->overruns;
    state_set_locked(timer, state->deadline, state->period);
    spinlock_unlock(&timer->object.lock, irq);
    return OK;
}

error_t timer_arm(struct timer *timer, uint64_t deadline, uint64_t period)
{
    if (period != 0 && period < TIMER_PERIOD_MIN)
        return ERR_bad_argument;
    irq_state_t irq = spinlock_lock(&timer->object.lock);
    state_set_locked(timer, deadline, period);
    spinlock_unlock(&timer->object.lock, irq);
    return OK;
}

void timer_get(struct timer *timer, struct timer_state *state)
{
    irq_state_t irq = spinlock_lock(&timer->object.lock);
    *state = timer->state;
    spinlock_unlock(&timer->object.lock, irq);
}

/* The deadline was reached `late` ns ago: to the next one, beyond those that passed as well. */
static void advance_locked(struct timer *timer, uint64_t late)
{
    struct timer_state *state = &timer->state;
    debug_assert(timer_armed_locked(timer));
    if (state->period == 0) {
        state->deadline = DEADLINE_NEVER;
        return;
    }
    uint64_t passed = late / state->period, step;
    state->overruns += passed;
    if (__builtin_mul_overflow(passed + 1, state->period, &step) ||
        __builtin_add_overflow(state->deadline, step, &state->deadline))
        state->deadline = DEADLINE_NEVER;
}

/* In the timer's interrupt. What was armed may have changed since the deadline was taken out. */
static void timer_fire(struct deadline *deadline)
{
    struct timer *timer = CONTAINER_OF(deadline, struct timer, wake);
    irq_state_t irq = spinlock_lock(&timer->object.lock);
    bool due = false;
    if (timer_armed_locked(timer) && job_frozen(timer->object.job)) {
        clock_arm(&timer->wake, clock_now() + FROZEN_LOOK_NS); /* it fires when the job is thawed */
    } else if (timer_armed_locked(timer)) {
        uint64_t now = clock_now();
        uint64_t at = job_to_machine_time(timer->object.job, timer->state.deadline);
        due = at <= now;
        if (due)
            advance_locked(timer, now - at);
        if (timer_armed_locked(timer))
            wake_arm_locked(timer);
    }
    clock_fired(deadline);
    struct port *port = timer->port;
    spinlock_unlock(&timer->object.lock, irq);
    if (due && port != NULL)
        port_signal(port, timer->bits);
}

/* A handler that runs now may still signal the port, which stays memory until it has left. */
static bool timer_retire(struct object *object)
{
    struct timer *timer = CONTAINER_OF(object, struct timer, object);
    irq_state_t irq = spinlock_lock(&object->lock);
    state_set_locked(timer, DEADLINE_NEVER, 0);
    struct port *port = timer->port;
    timer->port = NULL;
    spinlock_unlock(&object->lock, irq);
    if (port != NULL)
        port_source_put(port);
    return true;
}

static void timer_free(struct object *object)
{
    struct timer *timer = CONTAINER_OF(object, struct timer, object);
    assert(!atomic_load(&timer->wake.queued) && timer->port == NULL);
    object_free(object);
}

const struct object_ops timer_ops = {.name = "timer", .retire = timer_retire, .free = timer_free};
