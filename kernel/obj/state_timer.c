/* The state of timers (state.h). */
#include "lib/assert.h"
#include "obj/job.h"
#include "obj/state.h"
#include "obj/timer.h"

static struct timer *timer_of(struct object *object)
{
    assert(object->kind == OBJECT_timer);
    return CONTAINER_OF(object, struct timer, object);
}

static error_t timer_read(struct object *object, struct state *state)
{
    struct timer *timer = timer_of(object);
    struct port *port = *(struct port *volatile *)&timer->port;
    struct timer_state now;
    if (state->part != STATE_timer_basic)
        return ERR_bad_argument;
    timer_get(timer, &now);
    *(struct state_timer_basic *)state->data =
        (struct state_timer_basic){.identity = object->identity,
                                   .job = state_identity(&object->job->object),
                                   .port = state_identity(port != NULL ? &port->object : NULL),
                                   .bits = timer->bits,
                                   .deadline = now.deadline,
                                   .period = now.period,
                                   .overruns = now.overruns};
    state->size = sizeof(struct state_timer_basic);
    return OK;
}

static error_t timer_write(struct thread *caller, struct object *object, uint64_t fields,
                           const struct state *state)
{
    const struct state_timer_basic *new = state->data;
    struct timer *timer = timer_of(object);
    struct timer_state to;
    (void)caller;
    if (state->part != STATE_timer_basic)
        return ERR_bad_argument;
    timer_get(timer, &to);
    to.deadline = STATE_SETS(timer, basic, deadline) ? new->deadline : to.deadline;
    to.period = STATE_SETS(timer, basic, period) ? new->period : to.period;
    to.overruns = STATE_SETS(timer, basic, overruns) ? new->overruns : to.overruns;
    return timer_set(timer, &to);
}

const struct state_ops timer_state = {
    .set_right = RIGHT_arm, .get = timer_read, .set = timer_write};
