/*
 * Which CPU a thread goes to: affinity, idle CPUs, stealing; for sched/ only.
 *
 * CPUs that take part are numbered from 0 without gaps, in the order of their start; an affinity
 * names these numbers modulo their count. Only two things here are shared: the map of idle CPUs,
 * written when one begins or ends to idle, and the queues.
 */
#pragma once

#include "sched/run_queue.h"

/* Lets a CPU take part; it has a queue. Boot CPU, once for each, itself first. */
void place_add(struct cpu *cpu);

extern _Atomic(uint32_t) place_count; /* place.c's */

static inline uint32_t place_cpu_count(void)
{
    return atomic_load_explicit(&place_count, memory_order_acquire);
}

struct cpu *place_cpu(uint32_t index);

/* The CPU that number `number` of an affinity means here. */
uint32_t place_fold(uint32_t number);

/* May one with this affinity run on CPU `index`? All 0 may run anywhere. */
bool place_mask_allows(const uint64_t mask[SCHED_AFFINITY_WORDS], uint32_t index);
bool place_allows(const struct thread *thread, const struct cpu *cpu);

/* True for one without affinity, which may run anywhere. */
static inline bool place_anywhere(const struct thread *thread)
{
    return thread->sched.class != SCHED_realtime &&
           !atomic_load_explicit(&thread->sched.bound, memory_order_relaxed);
}

/* Where an owned thread that becomes ready goes. An idle CPU that it names counts as taken. */
struct cpu *place_choose(struct cpu *self, const struct thread *thread);

/* Calls one idle CPU near `self`, if there is one, so that it looks for something to steal. */
void place_call_help(struct cpu *self);

/* The idle map. Beginning is a full barrier. */
void place_idle_begin(struct cpu *self);
void place_idle_end(struct cpu *self);

/*
 * A thread of another CPU's queue with a priority of at least `above`, that may run here; it is the
 * caller's then. From this node's longest queue, else from another node's. NULL if none was found.
 */
struct thread *place_steal(struct cpu *self, uint32_t above);
