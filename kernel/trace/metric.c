/* Counters per CPU: each CPU writes its own, readers add them up. */
#include "trace/metric.h"
#include "lib/assert.h"
#include "sched/cpu.h"

const struct metric_words metric_words[METRIC_COUNT] = {
#define METRIC(name, what) [METRIC_##name] = {#name, what},
#include <metric.def>
#undef METRIC
};

void metric_add(enum metric metric, uint64_t amount)
{
    debug_assert(metric < METRIC_COUNT);
    cpu_metric_add(cpu_self(), metric, amount);
}

uint64_t metric_total(enum metric metric)
{
    assert(metric < METRIC_COUNT);
    uint64_t total = 0;
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        total += atomic_load_explicit(&cpu_table[i]->metrics[metric], memory_order_relaxed);
    return total;
}

bool metric_read(uint64_t index, uint64_t *value)
{
    uint64_t cpu = index / METRIC_COUNT;
    if (cpu >= atomic_load_explicit(&cpu_count, memory_order_acquire))
        return false;
    *value =
        atomic_load_explicit(&cpu_table[cpu]->metrics[index % METRIC_COUNT], memory_order_relaxed);
    return true;
}
