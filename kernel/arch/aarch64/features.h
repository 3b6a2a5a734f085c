/* AArch64: what the CPU can do (features.c). */
#pragma once

#include "lib/types.h"

/* Found once on the boot CPU; the others are taken to be alike. */
struct features {
#define FEATURE(name, word, register, low, least) bool name;
#include "feature.def"
#undef FEATURE
    uint32_t physical_bits;
};

extern struct features features;
void features_init(void);
void features_enable(void); /* on each CPU */
