/* AArch64: what the CPU can do (features.c). */
#ifndef AARCH64_FEATURES_H
#define AARCH64_FEATURES_H

#include "lib/types.h"

/* Found once on the boot CPU; the others are taken to be alike. */
struct features {
    bool pan; /* the kernel cannot touch user pages by mistake */
    bool uao; /* of use once there are users; named only */
    bool hardware_dirty;
    bool asid16;
    bool crc32, atomics, sve, pauth, bti, mte, rndr, el0_32;
    uint32_t physical_bits;
};

extern struct features features;
void features_init(void);
void features_enable(void); /* on each CPU */

#endif
