/* Simulated CPUs for tests (cpus.h). */
#include "cpus.h"
#include "host.h"
#include "lib/assert.h"

static struct cpu cpus[CPUS_MAX];
static _Atomic(uint32_t) met, ended;
static void (*cpus_body)(void *cpu);

void cpus_make(uint32_t count)
{
    while (cpu_count < count) {
        error_t error = cpu_add(&cpus[cpu_count]);
        assert(error == OK);
    }
}

static void wait_for(_Atomic(uint32_t) *number, uint32_t value)
{
    while (atomic_load(number) < value) {
        arch_cpu_relax();
        cpu_serve();
    }
}

static void run(void *cpu)
{
    cpus_body(cpu);
    /* No CPU leaves while another may still call it. */
    atomic_fetch_add(&ended, 1);
    wait_for(&ended, cpu_count);
}

void cpus_start(void (*body)(void *cpu))
{
    cpus_body = body;
    atomic_store(&met, 0);
    atomic_store(&ended, 0);
    for (uint32_t i = 1; i < cpu_count; i++)
        host_cpu_run(cpu_table[i], run, cpu_table[i]);
}

void cpus_finish(void)
{
    atomic_fetch_add(&ended, 1);
    wait_for(&ended, cpu_count);
    for (uint32_t i = 1; i < cpu_count; i++)
        host_cpu_join(cpu_table[i]);
}

void cpus_dismiss(void)
{
    atomic_store(&ended, UINT32_MAX / 2);
    for (uint32_t i = 1; i < cpu_count; i++)
        host_cpu_join(cpu_table[i]);
}

void cpus_meet(void)
{
    uint32_t round = atomic_fetch_add(&met, 1) / (cpu_count - 1);
    wait_for(&met, (round + 1) * (cpu_count - 1));
}
