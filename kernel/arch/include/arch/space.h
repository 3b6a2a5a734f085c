/*
 * The contract, part 8: address spaces of processes.
 *
 * Inline or constants, in arch_space.h:
 *   struct arch_space                                 tag of the TLB, root
 *   void arch_space_switch(struct cpu *, struct arch_space *)
 *       makes it this CPU's user half, if it is not already. Interrupts off. It is a full memory
 *       barrier in every case: what was stored before is seen before what is loaded afterwards.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

struct arch_space;
struct cpu;

/*
 * Readies `space` for tables at `root`, whose upper half (if the CPU keeps it in the same root) is
 * filled with the kernel's; and lets its tag go again. A machine that runs out of tags shares one.
 * Nobody switches to the space any more when arch_space_end is called; when it returns, no CPU is
 * in it, so that its tables can be freed, and the kernel's entries in the root are zero again.
 * arch_space_vacate does that first part alone. Both wait for CPUs: no locks held.
 */
void arch_space_init(struct arch_space *space, phys_t root);
void arch_space_vacate(struct arch_space *space);
void arch_space_end(struct arch_space *space);

/*
 * All CPUs forget their translations of [va, va + size) in `space`. Waits for them: no locks held.
 */
void arch_space_flush(struct arch_space *space, uintptr_t va, uint64_t size);

/* Leaves a space that is about to be freed: the CPU goes to an empty user half. */
void arch_space_leave(struct cpu *self);

/*
 * For tests: does user mode run on tables that show nearly nothing of the kernel's half
 * (boot/mitigations.h)? Their root, and whether they may show the page at `va`.
 */
bool arch_isolated(void);
phys_t arch_user_root(const struct arch_space *space);
bool arch_user_shows(uintptr_t va);

#include <arch_space.h>
