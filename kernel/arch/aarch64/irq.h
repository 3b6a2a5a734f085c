/* AArch64: what the trap entry and the timer ask of irq.c. */
#pragma once

#include "lib/types.h"

/* Serves all interrupts that are there. Interrupts off. */
void irq_take(void);

/* True if the interrupt controller can reach the CPU with that hardware id. */
bool irq_serves(uint64_t hardware_id);

/* The line of the timer that we use; and what serves it (timer.c). */
uint32_t timer_line(void);
void timer_interrupt(void);
