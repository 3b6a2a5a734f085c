/* The host's counter is 1 GHz: the process's monotonic clock, or what the test sets. */
#include "arch/timer.h"
#include "arch/cpu.h"
#include "host.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic(uint64_t) host_time; /* simulated; 0: the real one */
static _Thread_local uint64_t host_armed;

void host_time_set(uint64_t time_ns)
{
    host_time = time_ns;
}

uint64_t host_timer_armed(void)
{
    return host_armed;
}

uint64_t host_counter(void)
{
    uint64_t simulated = host_time;
    if (simulated != 0)
        return simulated;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

error_t arch_counter_init(uint64_t *hertz, char *text, size_t size)
{
    *hertz = 1000000000;
    snprintf(text, size, "host clock");
    return OK;
}

void arch_timer_init_cpu(void)
{
    host_armed = 0;
}

void arch_timer_arm(uint64_t counter)
{
    host_armed = counter;
}

void arch_timer_disarm(void)
{
    host_armed = 0;
}
