/* Simulated CPUs: threads that serve each other's requests when their interrupts are on. */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "boot/mitigations.h"
#include "host.h"
#include "lib/assert.h"
#include "lib/config.h"
#include "sched/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

const char arch_name[] = "host";
const uint16_t arch_elf_machine = 0;

bool host_vulnerable;

uint32_t arch_vulnerabilities(struct vulnerability *list)
{
    list[0] = (struct vulnerability){"leak", host_vulnerable, REMEDY_plug};
    list[1] = (struct vulnerability){"hole", host_vulnerable, 0};
    return 2;
}

_Thread_local void *host_cpu_self = &boot_cpu;
_Thread_local bool host_irq_on = true;

/* What a new thread is told; on its starter's stack until `ready`. */
struct host_start {
    struct cpu *cpu;
    void (*body)(void *argument);
    void *argument;
    sem_t ready;
};

static pthread_t host_threads[CONFIG_CPU_MAX];

static void *host_thread(void *argument)
{
    struct host_start *start = argument;
    void (*body)(void *argument) = start->body;
    void *body_argument = start->argument;
    host_cpu_self = start->cpu;
    cpu_set_online();
    sem_post(&start->ready);
    body(body_argument);
    cpu_serve();
    atomic_store(&cpu_self()->online, false);
    return NULL;
}

void host_cpu_run(struct cpu *cpu, void (*body)(void *argument), void *argument)
{
    struct host_start start = {.cpu = cpu, .body = body, .argument = argument};
    sem_init(&start.ready, 0, 0);
    int status = pthread_create(&host_threads[cpu->number], NULL, host_thread, &start);
    assert(status == 0);
    while (sem_wait(&start.ready) != 0)
        continue;
    sem_destroy(&start.ready);
}

void host_cpu_join(struct cpu *cpu)
{
    int status = pthread_join(host_threads[cpu->number], NULL);
    assert(status == 0);
}

static void (*host_paused)(void);

void host_pause_watch(void (*paused)(void))
{
    host_paused = paused;
}

void host_irq_serve(void)
{
    cpu_serve();
    if (host_paused != NULL)
        host_paused();
}

/* There may be more simulated CPUs than real ones: a spinning thread lets others run. */
void host_relax(void)
{
    if (host_paused != NULL)
        host_paused();
    else
        sched_yield();
}

/* A simulated CPU serves when it looks; nothing can force it. */
void arch_ipi_force(struct cpu *cpu)
{
    (void)cpu;
}

void arch_ipi_send(struct cpu *cpu)
{
    (void)cpu;
}

uint64_t arch_hardware_id(void)
{
    return cpu_self()->hardware_id;
}

void arch_idle(void)
{
    host_irq_on = true;
    cpu_serve();
    sched_yield();
    host_irq_on = false;
}

/* A simulated CPU ends with its thread; the process's first thread takes the process along. */
_Noreturn void arch_halt(void)
{
    if (gettid() == getpid())
        _exit(3);
    pthread_exit(NULL);
}

void arch_cpu_text(char *text, size_t size)
{
    snprintf(text, size, "simulated CPU");
}

void arch_cpu_features(char *text, size_t size)
{
    snprintf(text, size, "threads");
}
