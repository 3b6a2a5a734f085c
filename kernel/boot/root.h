/*
 * The root program: the first process, from the boot module named "root" (abi/root.h).
 *
 * Its first thread's end is the end of a test boot: with `exit=debug` on the command line the
 * machine leaves the emulator with status 0 if the value was 0, else 1.
 */
#pragma once

#include "lib/error.h"

#include <stdbool.h>

struct thread;

/* Loads and starts it, if there is one; says why not in the log. Once, at the end of boot. */
void root_start(void);

/* It was started and has not ended. */
bool root_runs(void);

/* `thread` has ended: if it was the root program's first one, says so. */
void root_ended(const struct thread *thread);
