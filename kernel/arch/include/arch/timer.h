/*
 * The contract, part 5: counter and one-shot timer.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

/*
 * Finds the rate of arch_counter() in Hz, by reading it or by measuring it against a timer of the
 * machine (at most 1 ms of waiting), and says how in `text` ("tsc 2495.0 MHz by hpet").
 */
error_t arch_counter_init(uint64_t *hertz, char *text, size_t size);

/* Readies this CPU's one-shot timer, disarmed. */
void arch_timer_init_cpu(void);

/*
 * Lets this CPU be interrupted when arch_counter() reaches `counter`, or at once if it has, or
 * earlier if the timer cannot count that far; replaces the time set before.
 */
void arch_timer_arm(uint64_t counter);
void arch_timer_disarm(void);
