/* Counters per CPU: each CPU writes its own, readers add them up. */
#include "trace/metric.h"
#include "lib/assert.h"
#include "sched/cpu.h"

static const char *const metric_names[METRIC_COUNT] = {
#define METRIC(name, what) [METRIC_##name] = #name,
#include <metric.def>
#undef METRIC
};

static const char *const metric_texts[METRIC_COUNT] = {
#define METRIC(name, what) [METRIC_##name] = (what),
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

const char *metric_name(enum metric metric)
{
    assert(metric < METRIC_COUNT);
    return metric_names[metric];
}

const char *metric_text(enum metric metric)
{
    assert(metric < METRIC_COUNT);
    return metric_texts[metric];
}
