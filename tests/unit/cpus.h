/*
 * Simulated CPUs for tests: made once, run bodies at the same time, joined.
 *
 * Files that use them are also built under ThreadSanitizer.
 */
#ifndef CPUS_H
#define CPUS_H

#include "sched/cpu.h"

#define CPUS_MAX 40

/* Lets there be `count` CPUs in the table, the boot CPU included. */
void cpus_make(uint32_t count);

/* Runs `body` on all CPUs but the boot CPU; its argument is the CPU. */
void cpus_start(void (*body)(void *cpu));

/* Serves their requests until all bodies have ended, and joins them. */
void cpus_finish(void);

/* Joins them where some were stopped, so that not all bodies end. */
void cpus_dismiss(void);

/* For bodies: waits, serving, until all bodies are here. */
void cpus_meet(void);

#endif
