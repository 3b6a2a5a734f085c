/* AArch64: whose FPU and SIMD registers these are (fpu.c). */
#pragma once

#include "arch/user.h"

/* The running thread uses them for the first time. */
void fpu_use(struct cpu *self, struct arch_thread *state);
