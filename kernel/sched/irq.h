/*
 * Interrupt lines and who serves them.
 *
 * One handler per line; called with interrupts off on the CPU that took it. What it works on stays
 * memory until every CPU has left the kernel once more (obj/reclaim.h) after it was detached.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

#define IRQ_LINES 1280

/* Sets the handler and unmasks the line, to the boot CPU. exists if there is one, bad_argument
 * beyond the table. */
error_t irq_attach(uint32_t line, void (*handler)(void *context), void *context);
void irq_detach(uint32_t line);

/* The same for a free line that is raised by a message; unsupported if there is none left. */
error_t irq_attach_message(void (*handler)(void *context), void *context, uint32_t *line);

/* Notes which lines are raised by messages; once, when the controller is up. */
void irq_find_messages(void);

/* Called by arch/ for a line that came in; one without handler is masked and counted. */
void irq_dispatch(uint32_t line);
