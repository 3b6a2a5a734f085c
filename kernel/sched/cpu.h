/*
 * The CPUs: per-CPU data, and requests from one CPU to another.
 *
 * Life cycle: the boot CPU's struct exists from the first instruction (boot_cpu); the others are
 * made by smp.c before they are started and live for ever. cpu_table grows only at start-up, by
 * cpu_add; a started CPU enters the play with cpu_set_online.
 * A CPU writes its own struct; others may write `requests` and push to `calls` only.
 *
 * A request is a bit that a CPU sets in another's `requests`, followed by an inter-processor
 * interrupt. It is served in the interrupt, and by cpu_serve in every spin loop; handlers of
 * requests take no lock and do not wait.
 */
#pragma once

#include "arch/cpu.h"
#include "lib/config.h"
#include "lib/error.h"
#include "lib/types.h"
#include "mem/frame_cache.h"
#include "sched/deadline.h"
#include "sync/spinlock.h"
#include "trace/metric.h"

#define CPU_LOCKS_MAX 8 /* locks that one CPU may hold at once */

enum cpu_request {
    CPU_REQUEST_CALL = 1 << 0,  /* run the calls that others left in `calls` */
    CPU_REQUEST_STOP = 1 << 1,  /* halt for ever: somebody panics or powers off */
    CPU_REQUEST_LOOK = 1 << 2,  /* reschedule or attention: look on the way out of the kernel */
    CPU_REQUEST_QUIET = 1 << 3, /* tell that no pointers are held (obj/reclaim.h) */
};

/* A call left for another CPU; on the caller's stack until `done`. */
struct cpu_call {
    void (*function)(void *argument);
    void *argument;
    struct cpu_call *next;
    _Atomic(uint32_t) done;
};

struct thread;
struct run_queue;

struct cpu {
    struct arch_cpu arch;        /* first: arch/ entry code knows its fields by offset */
    struct thread *current;      /* the thread on this CPU; NULL: idle. This CPU alone writes */
    struct run_queue *queue;     /* constant; sched/run_queue.h */
    _Atomic(uint32_t) ready_top; /* highest priority in the queue + 1; 0: empty */
    union {
        uint32_t urgent; /* not 0: one of these, so the way out is the long one */
        struct {
            _Atomic(bool) reschedule; /* choose anew on the way out; set by any CPU */
            bool reclaiming;          /* reclaim_poll has work; this CPU alone */
            bool surplus;             /* its queue got more since others were asked to help */
            bool yielding;            /* the current thread lets its equals run */
        };
    };
    uint64_t accounted;            /* counter up to which time is charged */
    uint64_t slice_end;            /* counter at which to choose anew; 0: no need */
    uint64_t timer_at;             /* counter for which the timer is armed at the latest; 0: not */
    struct reclaim_queue *reclaim; /* constant; obj/reclaim.c */
    uint32_t place;                /* its number among those that threads run on; sched/place.h */
    uint32_t number;               /* index in cpu_table */
    uint32_t node;                 /* index of its NUMA node; before a change: frame_cache_drain */
    uint64_t hardware_id;          /* APIC id or MPIDR */
    _Atomic(bool) online;
    _Atomic(uint32_t) requests;                 /* enum cpu_request; written by any CPU */
    _Atomic(struct cpu_call *) calls;           /* a stack; pushed by any CPU, taken by this one */
    const struct spinlock *held[CPU_LOCKS_MAX]; /* this CPU alone; debug builds */
    uint32_t held_count;
    struct spinlock deadlines_lock;          /* rank deadlines: the next */
    struct deadline_queue deadlines;         /* this CPU inserts, any removes */
    struct frame_cache frames;               /* this CPU alone, interrupts off */
    struct frame_cache clean;                /* likewise; frames that are all zero */
    _Atomic(uint64_t) metrics[METRIC_COUNT]; /* written by this CPU, read by any */
    uintptr_t stack_low, stack_high;         /* its kernel stack: [low, high) */
};

extern struct cpu boot_cpu; /* online and in the table from the first instruction */
extern struct cpu *cpu_table[CONFIG_CPU_MAX];
extern _Atomic(uint32_t) cpu_count; /* entries of cpu_table in use; they never change */

/* The CPU that runs this. */
static inline struct cpu *cpu_self(void)
{
    return arch_cpu_self();
}

/*
 * Adds to one of its own counters. Not atomic against an interrupt on the same CPU where that is
 * more than one instruction, which may lose a count.
 */
static inline void cpu_metric_add(struct cpu *self, enum metric metric, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(&self->metrics[metric], memory_order_relaxed);
    atomic_store_explicit(&self->metrics[metric], value + amount, memory_order_relaxed);
}

/*
 * Appends to the table and sets its number; others may look at it from now on. Boot CPU only.
 * full if the table is.
 */
error_t cpu_add(struct cpu *cpu);

/*
 * The calling CPU takes part from now on: calls and stop requests reach it. What was called for
 * before is lost on it, so it flushes its whole TLB *after* this.
 */
void cpu_set_online(void);

uint32_t cpu_online_count(void);

/*
 * Serves the requests that wait for this CPU, but for CPU_REQUEST_QUIET. Called by the interrupt
 * and by spin loops.
 */
void cpu_serve(void);

/* Sets a request (enum cpu_request) of another CPU and interrupts it. */
void cpu_request(struct cpu *cpu, uint32_t request);

/*
 * Runs `function` on every other online CPU (cpu_call_others) or on one (cpu_call; also on the
 * caller's own), and waits until all have done it, serving their requests meanwhile. A CPU that
 * is offline, or is stopped meanwhile, is left out. The caller holds no lock; `function` takes
 * none, does not wait, and runs with interrupts off.
 */
void cpu_call_others(void (*function)(void *argument), void *argument);
void cpu_call(struct cpu *cpu, void (*function)(void *argument), void *argument);

/* Halts this CPU for ever if another has asked for that; takes no lock, allowed anywhere. */
void cpu_stop_if_asked(void);

/*
 * Stops all other CPUs and waits a bounded time for them; returns how many did not answer. If
 * another CPU was first to call it, this one is halted instead.
 */
uint32_t cpu_stop_others(void);
