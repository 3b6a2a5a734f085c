/* The machine that the calls are made on (calls_model.h): one host thread plays its CPUs. */
#include "calls_model.h"
#include "caps_model.h"
#include "cpus.h"
#include "host.h"
#include "lib/assert.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "sched/sched.h"
#include "syscall/call.h"
#include "syscall/entry.h"

#include <stdlib.h>
#include <string.h>

#define FILLER_PAGE     UINT64_C(0x100000)
#define FILLER_PRIORITY 4
#define SETTLE_MAX      10000 /* rounds, after which something goes on for ever */

uint64_t calls_now = 1000000000;
static struct arch_thread loaded[CALLS_CPUS]; /* host_loaded of each CPU */
static bool inside[CALLS_CPUS];               /* a call is being made on it */
static bool playing;

/* What sched.c calls, by way of the linker: see the Makefile. */
void __wrap_syscall_again(struct cpu *self, struct thread *thread);
void __real_syscall_again(struct cpu *self, struct thread *thread);

void __wrap_syscall_again(struct cpu *self, struct thread *thread)
{
    struct calls_thread *model = playing ? calls_thread_of(thread) : NULL;
    /* A step of a long call goes on; that was said when it began. */
    if (model != NULL && model->state == CALLS_AGAIN)
        calls_predict(model);
    __real_syscall_again(self, thread);
}

struct cpu *calls_be(uint32_t number)
{
    loaded[cpu_self()->number] = host_loaded;
    host_cpu_self = cpu_table[number];
    host_loaded = loaded[number];
    return cpu_table[number];
}

/* Label and words of a fast message are loaded from the sender's frame (arch/user.h). */
static void leave(struct cpu *cpu, struct user_exit end)
{
    assert(end.thread == cpu->current && cpu->held_count == 0);
    if (end.message != &end.thread->frame)
        frame_copy_message(&end.thread->frame, end.message);
}

/* --- interrupts --- */

static bool timer_due(const struct cpu *cpu)
{
    return cpu->timer_at != 0 && cpu->timer_at <= calls_now;
}

static bool wanted(const struct cpu *cpu)
{
    bool attention = cpu->current != NULL && atomic_load(&cpu->current->attention) != 0 &&
                     (atomic_load(&cpu->current->attention) & ~(uint32_t)ATTENTION_KICK) != 0;
    return cpu->requests != 0 || atomic_load(&cpu->reschedule) || attention;
}

static void interrupt(uint32_t number)
{
    struct cpu *cpu = calls_be(number);
    inside[number] = true;
    cpu_serve();
    reclaim_quiescent(cpu);
    leave(cpu, user_leave(cpu));
    inside[number] = false;
}

/* A CPU in the kernel waits for another, which is in user mode. */
static void paused(void)
{
    uint32_t self = cpu_self()->number;
    for (uint32_t i = 0; i < CALLS_CPUS; i++)
        if (!inside[i] && wanted(cpu_table[i])) {
            interrupt(i);
            calls_be(self);
        }
}

static bool timers_fire(void)
{
    bool fired = false;
    for (uint32_t i = 0; i < CALLS_CPUS; i++) {
        if (!timer_due(cpu_table[i]))
            continue;
        (void)calls_be(i);
        clock_interrupt();
        atomic_store(&cpu_table[i]->reschedule, true);
        fired = true;
    }
    calls_expire();
    return fired;
}

static bool interrupts(void)
{
    bool some = timers_fire();
    for (uint32_t i = 0; i < CALLS_CPUS; i++) {
        if (!wanted(cpu_table[i]))
            continue;
        interrupt(i);
        some = true;
    }
    return some;
}

static bool drained(void)
{
    if (reclaim_waiting() == 0)
        return true;
    for (uint32_t i = 0; i < CALLS_CPUS; i++)
        interrupt(i);
    return false;
}

void calls_settle(bool drain)
{
    for (uint32_t i = 0; i < SETTLE_MAX; i++)
        if (!interrupts() && (!drain || drained()))
            return;
    assert(false);
}

/* --- calls --- */

static void registers_load(struct calls_thread *model)
{
    struct thread *thread = model->kernel;
    thread->frame = model->frame;
    memcpy(thread->page, model->page, MESSAGE_PAGE);
}

void calls_make(uint32_t number)
{
    struct cpu *cpu = calls_be(number);
    struct calls_thread *model = calls_thread_of(cpu->current);
    assert(model != NULL && model->state == CALLS_USER && !model->suspended);
    registers_load(model);
    calls_predict(model);
    inside[number] = true;
    leave(cpu, syscall_enter(cpu, cpu->current));
    inside[number] = false;
}

/* --- start --- */

struct calls_process *calls_process_new(struct calls_object *object)
{
    struct calls_process *process = calls_processes;
    while (process->object != NULL)
        assert(++process < calls_processes + CALLS_PROCESSES);
    *process = (struct calls_process){.object = object};
    object->process = process;
    return process;
}

struct calls_thread *calls_thread_new(struct calls_process *process, struct calls_object *object)
{
    struct calls_thread *thread = calls_threads;
    while (thread->process != NULL)
        assert(++thread < calls_threads + CALLS_THREADS);
    memset(thread, 0, sizeof(*thread));
    thread->process = process;
    thread->object = object;
    object->thread = thread;
    return thread;
}

/* The slots that everything begins with: the first process's own, and the first job's. */
static void give(struct calls_process *process, struct calls_object *object)
{
    struct slot *slot;
    error_t error = slot_reserve(&process->kernel->table, &slot);
    assert(error == OK);
    cap_make(slot, object->kernel, (rights_t){RIGHTS_ALL}, 0);
    calls_node_found(calls_node_new(process, object, NULL, RIGHTS_ALL, 0), slot_handle(slot));
}

static void filler_make(struct calls_process *process, uint32_t number)
{
    struct thread *kernel;
    struct sched_params params = {.policy = {.class = SCHED_low, .priority = FILLER_PRIORITY},
                                  .affinity = {(uint64_t)1 << number}};
    (void)calls_be(number);
    error_t error =
        thread_create(process->kernel, (uaddr_t){FILLER_PAGE + number * PAGE_SIZE}, &kernel);
    if (error == OK)
        error = sched_set(kernel, &params);
    if (error == OK)
        error = thread_start(kernel, (uaddr_t){PAGE_SIZE}, (uaddr_t){0}, 0);
    assert(error == OK);
    object_put(&kernel->object);
    struct calls_object *object = calls_object_new(OBJECT_thread);
    object->kernel = &kernel->object;
    object->inside = false;
    struct calls_thread *thread = calls_thread_new(process, object);
    thread->kernel = kernel;
    thread->filler = true;
    thread->state = CALLS_USER;
    thread->frame = kernel->frame;
}

static void processes_start(void)
{
    struct process *kernel;
    error_t error = process_create(job_root, &kernel);
    assert(error == OK);
    object_put(&kernel->object);
    struct calls_object *own = calls_object_new(OBJECT_process);
    struct calls_object *job = calls_object_new(OBJECT_job);
    struct calls_process *process = calls_process_new(own);
    process->kernel = kernel;
    own->kernel = &kernel->object;
    job->kernel = &job_root->object;
    own->inside = job->inside = false;
    give(process, own);
    give(process, job);
    for (uint32_t i = 0; i < CALLS_CPUS; i++)
        filler_make(process, i);
    for (uint32_t i = 0; i < CALLS_CPUS; i++)
        interrupt(i);
}

void calls_machine_start(void)
{
    host_time_set(calls_now);
    (void)arch_irq_save();
    cpus_make(CALLS_CPUS);
    caps_start();
    error_t error = clock_init();
    if (error == OK)
        error = sched_start();
    for (uint32_t i = 1; error == OK && i < CALLS_CPUS; i++) {
        error = sched_cpu_make(cpu_table[i]);
        if (error == OK)
            error = reclaim_init_cpu(cpu_table[i]);
        sched_cpu_add(cpu_table[i]);
        (void)calls_be(i);
        cpu_set_online();
    }
    assert(error == OK);
    (void)calls_be(0);
    host_pause_watch(paused);
    playing = true;
    processes_start();
}
