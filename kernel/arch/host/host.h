/*
 * The host "CPU": the kernel's portable core inside an ordinary process.
 *
 * Physical memory is a window of the process that the test chooses; simulated CPUs are threads;
 * time is the process's, or what the test sets; a broken invariant or a panic aborts the process.
 *
 * Simulated interrupts are requests of other CPUs only: they are taken when a thread turns
 * interrupts on, idles, or spins.
 */
#pragma once

#include "lib/types.h"

struct arch_space;
struct cpu;

/* Lets physical [base, base + size) be the process's memory at `memory`, and nothing else. */
void host_phys_set(phys_t base, void *memory, uint64_t size);

/* The number of log lines so far; they go to standard error if `loud`. */
uint64_t host_log_count(void);
void host_log_loud(bool loud);

/*
 * Runs `body(argument)` on a thread that is `cpu`, interrupts on; the CPU is online before this
 * returns. host_cpu_join waits for its end, after which it is offline.
 */
void host_cpu_run(struct cpu *cpu, void (*body)(void *argument), void *argument);
void host_cpu_join(struct cpu *cpu);

/* Nanoseconds that arch_counter() shows from now on, until the next call; 1 GHz. */
void host_time_set(uint64_t time_ns);

/* What arch_timer_arm was last told; 0: disarmed. */
uint64_t host_timer_armed(void);

/* TLB flushes so far on all CPUs, and whether hardware broadcasts them (default: no). */
uint64_t host_tlb_flushes(void);
void host_tlb_broadcast(bool broadcasts);

/*
 * Lets `paused` know that a CPU spins, or lets interrupts in for a moment: where one host thread
 * plays all CPUs, it lets the others go on. NULL: nobody.
 */
void host_pause_watch(void (*paused)(void));

/* Has the MMU, which is a test, dirty bits? Default: no. */
void host_mark_dirty(bool marks);

/* Bytes that were made visible to instruction fetches so far. */
uint64_t host_code_synced(void);

/* Is this CPU affected by its two vulnerabilities, "leak", against which it has "plug", and "hole"?
 */
extern bool host_vulnerable;

/* Lets `flushed` know of each flush of a space, before it returns; NULL: nobody. */
void host_space_watch(void (*flushed)(struct arch_space *space, uintptr_t va, uint64_t size));
