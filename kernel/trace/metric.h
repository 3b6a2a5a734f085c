/* Counters per CPU, from the one list in abi/metric.def; printed by name in the monitor. */
#pragma once

#include "lib/types.h"

enum metric {
#define METRIC(name, what) METRIC_##name,
#include <metric.def>
#undef METRIC
    METRIC_COUNT
};

/* Adds to this CPU's counter. */
void metric_add(enum metric metric, uint64_t amount);

/* The sum over all CPUs. */
uint64_t metric_total(enum metric metric);

/* One CPU's: of CPU `index` / METRIC_COUNT, counter `index` % METRIC_COUNT. False: no such CPU. */
bool metric_read(uint64_t index, uint64_t *value);

/* What each is called, and what it counts. */
struct metric_words {
    const char *name, *what;
};
extern const struct metric_words metric_words[METRIC_COUNT];
