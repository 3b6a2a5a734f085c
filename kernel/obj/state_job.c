/* The state of jobs (state.h). */
#include "lib/assert.h"
#include "mem/memory.h"
#include "obj/job.h"
#include "obj/process.h"
#include "obj/state.h"
#include "sched/clock.h"
#include "sched/throttle.h"
#include "trace/metric.h"

static struct job *job_of(struct object *object)
{
    assert(object->kind == OBJECT_job);
    return CONTAINER_OF(object, struct job, object);
}

/* They tell of all jobs, so they are the first one's. */
static error_t job_get_counter(const struct job *job, struct state *state)
{
    struct state_job_counter *counter = state->data;
    if (job != job_root || !metric_read(state->index, &counter->value))
        return ERR_not_found;
    state->index++;
    state->size = sizeof(*counter);
    return OK;
}

static error_t job_get(struct object *object, struct state *state)
{
    struct job *job = job_of(object);
    if (state->part == STATE_job_counter)
        return job_get_counter(job, state);
    if (state->part != STATE_job_basic)
        return ERR_bad_argument;
    *(struct state_job_basic *)state->data = (struct state_job_basic){
        .identity = object->identity,
        .parent = state_identity(object->job != NULL ? &object->job->object : NULL),
        .frozen = atomic_load(&job->frozen) + 2u * (job->parent != NULL && job_frozen(job->parent)),
        .memory_used = job_memory_used(job),
        .cpu_time = clock_length(atomic_load(&job->cpu_time)),
        .memory_limit = atomic_load(&job->memory_limit),
        .memory_reserved = atomic_load(&job->memory_reserved),
        .cpu_share = atomic_load(&job->cpu_share),
        .clock_offset = (uint64_t)atomic_load(&job->clock_offset),
        .wx = atomic_load(&job->wx),
        .debug = atomic_load(&job->debug),
        .clock = job_clock(job),
        .wall_offset = atomic_load(&job->wall_offset),
        .clock_changes = atomic_load(&job->clock_changes),
    };
    state->size = sizeof(struct state_job_basic);
    return OK;
}

/* The memory part: a job cannot be given back what it has reserved, nor a limit below that. */
static error_t set_memory(struct job *job, uint64_t fields, const struct state_job_basic *new)
{
    uint64_t reserved = atomic_load(&job->memory_reserved);
    if (STATE_SETS(job, basic, memory_limit)) {
        if (new->memory_limit > JOB_NO_LIMIT || new->memory_limit < reserved || job->parent == NULL)
            return ERR_bad_argument;
        atomic_store(&job->memory_limit, new->memory_limit);
    }
    if (!STATE_SETS(job, basic, memory_reserved))
        return OK;
    return new->memory_reserved < reserved ? ERR_bad_argument
                                           : job_reserve(job, new->memory_reserved - reserved);
}

/* A privilege is passed on by who has it, or is in the first job. */
static error_t set_flag(_Atomic(bool) *flag, uint64_t value, const _Atomic(bool) *own, bool first)
{
    if (value > 1)
        return ERR_bad_argument;
    if (value == 1 && !first && !atomic_load(own))
        return ERR_denied;
    atomic_store(flag, value == 1);
    return OK;
}

static error_t job_set(struct thread *caller, struct object *object, uint64_t fields,
                       const struct state *state)
{
    struct job *job = job_of(object);
    const struct job *own = caller->process->job;
    const struct state_job_basic *new = state->data;
    if (state->part != STATE_job_basic)
        return ERR_bad_argument;
    error_t error = set_memory(job, fields, new);
    if (error == OK && STATE_SETS(job, basic, wx))
        error = set_flag(&job->wx, new->wx, &own->wx, own == job_root);
    if (error == OK && STATE_SETS(job, basic, debug))
        error = set_flag(&job->debug, new->debug, &own->debug, own == job_root);
    if (error == OK && STATE_SETS(job, basic, cpu_share)) {
        if (new->cpu_share == 0 || new->cpu_share > 1000 * CONFIG_CPU_MAX)
            return ERR_bad_argument;
        throttle_share_set(job, (uint32_t)new->cpu_share);
    }
    if (error == OK)
        job_clock_set(job, STATE_SETS(job, basic, clock_offset) ? &new->clock_offset : NULL,
                      STATE_SETS(job, basic, wall_offset) ? &new->wall_offset : NULL,
                      STATE_SETS(job, basic, clock_changes) ? &new->clock_changes : NULL);
    return error;
}

static error_t open_clock(struct job *job, struct state_link *found)
{
    struct memory *page;
    error_t error = job_clock_page(job, &page);
    if (error != OK)
        return error;
    found->object = &page->object;
    found->rights.bits = RIGHT_read | RIGHT_map | RIGHT_grant | RIGHT_revoke;
    return OK;
}

static error_t job_open(struct object *object, uint64_t link, uint64_t *index,
                        struct state_link *found)
{
    struct job *job = job_of(object);
    if (link == LINK_job_clock)
        return open_clock(job, found);
    if (link == LINK_job_child) {
        struct job *child = job_next_child(job, *index);
        found->object = child != NULL ? &child->object : NULL;
    } else {
        struct process *process = job_next_process(job, *index, false);
        found->object = process != NULL ? &process->object : NULL;
        found->rights.bits = RIGHTS_ALL;
    }
    if (found->object == NULL)
        return ERR_not_found;
    *index = found->object->identity;
    return OK;
}

const struct state_ops job_state = {
    .set_right = RIGHT_control, .get = job_get, .set = job_set, .open = job_open};
