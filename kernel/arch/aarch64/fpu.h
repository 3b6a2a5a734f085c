/* AArch64: whose FPU and SIMD registers these are (fpu.c). */
#ifndef AARCH64_FPU_H
#define AARCH64_FPU_H

#include "arch/user.h"

/* The running thread uses them for the first time. */
void fpu_use(struct cpu *self, struct arch_thread *state);

#endif
