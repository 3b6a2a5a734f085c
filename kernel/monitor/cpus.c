/* Monitor: the CPUs and the counters that they keep. */
#include "monitor/monitor.h"
#include "sched/cpu.h"
#include "trace/console.h"

static void cpu_print(const struct cpu *cpu)
{
    console_print("cpu %u: hardware id 0x%lx, node %u, %s, %lu deadlines, %u frames cached\n",
                  cpu->number, (unsigned long)cpu->hardware_id, cpu->node,
                  atomic_load_explicit(&cpu->online, memory_order_acquire) ? "online" : "offline",
                  (unsigned long)cpu->deadlines.count,
                  atomic_load_explicit(&cpu->frames.count, memory_order_relaxed));
}

static void cpus_run(const char *arguments)
{
    (void)arguments;
    char features[256];
    for (uint32_t i = 0; i < cpu_count; i++)
        cpu_print(cpu_table[i]);
    arch_cpu_features(features, sizeof(features));
    console_print("features: %s\n", features);
}

static void metrics_run(const char *arguments)
{
    (void)arguments;
    for (int i = 0; i < METRIC_COUNT; i++) {
        console_print("  %-17s  %12lu  %s\n", metric_words[i].name,
                      (unsigned long)metric_total((enum metric)i), metric_words[i].what);
    }
    console_print("  %-17s  %12u  %s\n", "input_dropped", console_dropped(),
                  "typed bytes that came too fast");
}

MONITOR_COMMAND(cpus, "lists the CPUs", cpus_run)
MONITOR_COMMAND(metrics, "shows the counters, summed over all CPUs", metrics_run)
