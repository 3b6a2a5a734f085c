/* The machine's end: off or again, after every subsystem has stopped. */
#pragma once

#include "lib/types.h"

/*
 * Stops the subsystems and the other CPUs and switches the machine off; with `exit=debug` on the
 * command line leaves the emulator with `status`. Says so and halts where neither is possible.
 * The caller holds no lock.
 */
_Noreturn void power_off(uint32_t status);

/* The same, to start again. */
_Noreturn void power_reboot(void);
