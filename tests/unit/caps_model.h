/*
 * Capabilities against a tree: jobs as objects, a few tables, and for each capability its parent,
 * rights and badge. Unit tests and the fuzzer feed it bytes; what does not agree is a failed
 * assertion.
 *
 * Also what tests of kernel/cap/ and kernel/obj/ start from.
 */
#ifndef CAPS_MODEL_H
#define CAPS_MODEL_H

#include "cap/slot.h"
#include "obj/job.h"
#include "sched/cpu.h"

/* A little machine whose first job, job_root, has nothing charged to it. */
void caps_start(void);

/* Retires and frees all that waits; the boot CPU alone. */
void caps_settle(void);

/* Lets the simulated CPUs take part in grace periods. After caps_start and cpus_make. */
void caps_add_cpus(void);

/*
 * For bodies on simulated CPUs and for the boot CPU: caps_pass is a way out of the kernel;
 * caps_leave is the last one, after which all that waited on any CPU is freed.
 */
void caps_pass(void);
void caps_leave(void);

/* Deletes what is in a table and frees it; the boot CPU alone. */
void caps_table_end(struct slot_table *table);

/* Runs operations of four bytes each, checking all after each, and frees everything. */
void caps_model_run(const uint8_t *bytes, size_t size);

#endif
