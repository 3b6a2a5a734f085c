/* Counters per CPU, from the one list in metric.def; printed by name in the monitor. */
#ifndef TRACE_METRIC_H
#define TRACE_METRIC_H

#include "lib/types.h"

enum metric {
#define METRIC(name, what) METRIC_##name,
#include "trace/metric.def"
#undef METRIC
    METRIC_COUNT
};

/* Adds to this CPU's counter. */
void metric_add(enum metric metric, uint64_t amount);

/* The sum over all CPUs. */
uint64_t metric_total(enum metric metric);

const char *metric_name(enum metric metric);
const char *metric_text(enum metric metric);

#endif
