/* x86-64: which remedies are in use (arch_remedy.def, boot/mitigations.h). */
#pragma once

#include "boot/mitigations.h"

/* Those that take the second entry set, guarded.S. */
#define REMEDIES_GUARDED (REMEDY_pti | REMEDY_fence | REMEDY_ibrs | REMEDY_verw)

/* Each CPU, once: what is switched on for good. */
void mitigations_init_cpu(void);

/* What one job taught the predictors, the next does not see. */
void predictor_barrier(void);
