/* Simulated CPUs and threads (sched_model.h). */
#include "sched_model.h"
#include "cpus.h"
#include "heap_model.h"
#include "host.h"
#include "lib/assert.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "selftest/check.h"

#define STEP          UINT64_C(10000)
#define MODEL_THREADS 64

struct job model_job;

static uint64_t model_now = 5000 * MS;
static struct arch_thread model_loaded[CPUS_MAX]; /* host_loaded of each CPU that is played */
static struct model_thread {
    struct thread thread;
    struct process process;
    struct reply reply;
} model_threads[MODEL_THREADS];
static uint32_t model_thread_count;

void model_start(uint32_t cpus)
{
    host_time_set(model_now);
    (void)arch_irq_save();
    heap_model_start();
    cpus_make(cpus);
    error_t error = clock_init();
    if (error == OK)
        error = sched_start();
    for (uint32_t i = 1; i < cpus; i++) {
        cpu_table[i]->node = cpus > 2 && i >= cpus / 2;
        if (error == OK)
            error = sched_cpu_make(cpu_table[i]);
        sched_cpu_add(cpu_table[i]);
    }
    assert(error == OK);
    model_job.cpu_share = 1000 * cpus;
    model_job.memory_limit = JOB_NO_LIMIT;
    model_job.object.references = 1;
}

struct thread *model_thread_of(struct job *job)
{
    assert(model_thread_count < MODEL_THREADS);
    struct model_thread *made = &model_threads[model_thread_count++];
    struct thread *thread = &made->thread;
    made->process.job = job;
    thread->process = &made->process;
    thread->cpu = cpu_self()->number;
    thread_set_status(thread, THREAD_CLAIMED);
    thread->arch.thread_pointer = model_thread_count;
    sched_thread_init(thread);
    return thread;
}

struct thread *model_thread(void)
{
    return model_thread_of(&model_job);
}

error_t model_set(struct thread *thread, uint32_t class, uint32_t priority, uint64_t budget_ms,
                  uint64_t period_ms, uint64_t affinity)
{
    struct sched_params params = {.policy = {.class = (uint8_t)class,
                                             .priority = (uint8_t)priority,
                                             .budget_ns = budget_ms * MS,
                                             .period_ns = period_ms * MS},
                                  .affinity = {affinity}};
    return sched_set(thread, &params);
}

struct cpu *model_be(uint32_t number)
{
    model_loaded[cpu_self()->number] = host_loaded;
    host_cpu_self = cpu_table[number];
    host_loaded = model_loaded[number];
    return cpu_table[number];
}

struct thread *model_leave(uint32_t number)
{
    struct cpu *cpu = model_be(number);
    if (cpu->current == NULL)
        sched_account(cpu); /* it was idle, or somebody was charged */
    struct thread *thread = sched_leave(cpu);
    assert(thread == cpu->current && thread_status(thread) == THREAD_RUNNING);
    assert(thread->cpu == number);
    assert(thread->arch.thread_pointer == host_loaded.thread_pointer);
    assert(host_space == &thread->process->space.arch);
    for (uint32_t i = 0; i < cpu_count; i++)
        run_queue_check(cpu_table[i]);
    return thread;
}

struct thread *model_wait(uint32_t number)
{
    struct cpu *cpu = model_be(number);
    struct thread *thread = cpu->current;
    arch_thread_leave(cpu, thread);
    thread_set_status(thread, THREAD_CLAIMED);
    sched_gone(cpu);
    return thread;
}

static bool has_threads(const struct cpu *cpu)
{
    return cpu->current != NULL || cpu->ready_top != 0;
}

static void interrupt(uint32_t number)
{
    struct cpu *cpu = model_be(number);
    bool look = (atomic_exchange(&cpu->requests, 0) & CPU_REQUEST_LOOK) != 0;
    bool fires = cpu->timer_at != 0 && cpu->timer_at <= model_now;
    if (fires)
        clock_interrupt();
    if ((look || fires) && has_threads(cpu))
        (void)model_leave(number);
}

void model_run(uint64_t ns)
{
    for (uint64_t end = model_now + ns; model_now < end;) {
        model_now += STEP;
        host_time_set(model_now);
        for (uint32_t i = 0; i < cpu_count; i++)
            interrupt(i);
    }
}

void model_call(struct thread *caller, struct thread *server)
{
    struct reply *reply = &CONTAINER_OF(caller, struct model_thread, thread)->reply;
    server->serving = reply;
    reply->server = server;
    caller->reply = reply;
    caller->server = server;
    thread_set_status(caller, THREAD_REPLY);
    reply->word = (uintptr_t)caller;
}

uint64_t model_used_ms(struct thread *thread)
{
    for (uint32_t i = 0; i < cpu_count; i++)
        sched_account(model_be(i));
    return (sched_time_ns(thread) + MS / 2) / MS;
}
