/*
 * The end, with a diagnosis: stops all CPUs, prints what happened, registers, a backtrace by
 * symbol and the last log lines, and leaves through `exit=debug` with status 2, or halts.
 *
 * Only the first CPU to panic speaks. A fault or panic inside a panic skips the part that failed
 * and goes on with the next; after a few of them nothing more is said.
 */
#pragma once

#include "lib/types.h"

struct trap_frame;

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a trap that nobody serves; `frame` is the interrupted state. */
_Noreturn void panic_trap(const struct trap_frame *frame);

bool panic_active(void);
