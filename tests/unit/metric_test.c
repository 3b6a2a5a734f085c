/* Metrics: sums over CPUs, names from the list. */
#include "cpus.h"
#include "trace/metric.h"
#include "unit.h"

#include <string.h>

static void count(void *cpu)
{
    for (uint32_t i = 0; i < 1000; i++)
        metric_add(METRIC_idles, ((struct cpu *)cpu)->number);
}

TEST(metric_totals_add_up_over_cpus)
{
    cpus_make(4);
    cpus_start(count);
    uint64_t last = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t now = metric_total(METRIC_idles);
        EXPECT(now >= last);
        last = now;
    }
    cpus_finish();
    metric_add(METRIC_idles, 5);
    EXPECT(metric_total(METRIC_idles) == 1000 * (1 + 2 + 3) + 5);
    EXPECT(metric_total(METRIC_exceptions) == 0);
    uint64_t value = 0;
    EXPECT(metric_read(2 * METRIC_COUNT + METRIC_idles, &value) && value == 2000);
    EXPECT(!metric_read(UINT64_C(1) << 40, &value));
}

TEST(metric_names_are_unique_and_said_in_words)
{
    EXPECT(strcmp(metric_words[METRIC_idles].name, "idles") == 0);
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        EXPECT(strlen(metric_words[i].what) > 3);
        for (uint32_t j = 0; j < i; j++)
            EXPECT(strcmp(metric_words[i].name, metric_words[j].name) != 0);
    }
}

static void total_beyond(void *context)
{
    (void)context;
    (void)metric_total(METRIC_COUNT);
}

TEST(metric_asserts_its_range)
{
    EXPECT(unit_panics(total_beyond, NULL));
}
