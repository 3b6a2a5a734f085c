/* x86-64: which remedies are in use (mitigation.def, boot/mitigations.h). */
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
    /* By the second entry set, guarded.S. */
    REMEDIES_GUARDED = REMEDY_pti | REMEDY_fence | REMEDY_ibrs | REMEDY_verw,
};

/* Is any of these in use? */
static inline bool mitigated(uint32_t remedies)
{
    return (mitigations_chosen & remedies) != 0;
}

/* Each CPU, once: what is switched on for good. */
void mitigations_init_cpu(void);

/* What one job taught the predictors, the next does not see. */
void predictor_barrier(void);
