/*
 * TLB shoot-down: no CPU may go on using translations that were changed or taken away.
 *
 * The order is: change the tables under their lock, drop the lock, shoot down, and only then
 * free what the old entries named.
 */
#pragma once

#include "lib/types.h"

/*
 * Makes all CPUs forget their translations of [va, va + size). Waits for them, so the caller
 * holds no lock. CPUs that come online later have nothing to forget (cpu_set_online).
 */
void shootdown_range(uintptr_t va, uint64_t size);
