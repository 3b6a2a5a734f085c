/* AArch64: which remedies are in use (arch_remedy.def, boot/mitigations.h), and the second entry
 * set. */
#pragma once

#include "boot/mitigations.h"

/* Those that take the second entry set, guarded.S. */
#define REMEDIES_GUARDED (REMEDY_isolation | REMEDY_firmware | REMEDY_history)

/* Each CPU, once, at the end of its start: vectors and the kernel's half of user mode. */
void mitigations_init_cpu(void);
