/* AArch64: which remedies are in use (mitigation.def, boot/mitigations.h), and the second entry
 * set. */
#pragma once

#include "boot/mitigations.h"

enum remedy_bit {
#define REMEDY(name, words) REMEDY_BIT_##name,
#include "mitigation.def"
#undef REMEDY
};

enum remedy {
#define REMEDY(name, words) REMEDY_##name = 1 << REMEDY_BIT_##name,
#include "mitigation.def"
#undef REMEDY
    REMEDIES_GUARDED = REMEDY_isolation | REMEDY_firmware | REMEDY_history, /* by guarded.S */
};

/* Is any of these in use? */
static inline bool mitigated(uint32_t remedies)
{
    return (mitigations_chosen & remedies) != 0;
}

/* Each CPU, once, at the end of its start: vectors and the kernel's half of user mode. */
void mitigations_init_cpu(void);
