/* How much memory there is (memory_state.h). */
#include "memory_state.h"
#include "rt/state.h"
#include "worker.h"

void memory_state_read(const struct call *call, struct memory_state *state)
{
    struct state_job_basic job;
    *state = (struct memory_state){0};
    if (RT_GET(call->worker->page, programs_job, job, basic, &job) != OK)
        return;
    state->total = job.memory_limit;
    state->left = job.memory_limit > job.memory_used ? job.memory_limit - job.memory_used : 0;
    state->cpu = job.cpu_time;
}
