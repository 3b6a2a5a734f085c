/*
 * Starting the other CPUs, and what every CPU does when there is nothing to do.
 */
#pragma once

#include "sched/cpu.h"

/* Where arch/ brings a started CPU: on its stack, kernel page table live, interrupts off. */
_Noreturn void cpu_enter(struct cpu *cpu);

/*
 * What the boot CPU does each time it wakes, besides serving interrupts; set once, at start-up.
 * It runs with interrupts off and must not wait.
 */
void cpu_set_idle_work(void (*work)(void));

/* Runs threads, and idles when there are none; never returns to its caller. */
_Noreturn void cpu_idle_loop(void);
