/*
 * AArch64: the FPU and SIMD registers to memory and back; the one file of the kernel that may name
 * them. CPACR_EL1 lets EL1 use them (fpu.c). Both change no register but x0 to x2.
 */
#include "arch_layout.h"

.arch_extension fp
.arch_extension simd

.section .text.fpu, "ax"

/* void fpu_store(struct abi_fpu *to) */
.globl fpu_store
fpu_store:
    stp q0, q1, [x0], #480
    stp q2, q3, [x0, #-448]
    stp q4, q5, [x0, #-416]
    stp q6, q7, [x0, #-384]
    stp q8, q9, [x0, #-352]
    stp q10, q11, [x0, #-320]
    stp q12, q13, [x0, #-288]
    stp q14, q15, [x0, #-256]
    stp q16, q17, [x0, #-224]
    stp q18, q19, [x0, #-192]
    stp q20, q21, [x0, #-160]
    stp q22, q23, [x0, #-128]
    stp q24, q25, [x0, #-96]
    stp q26, q27, [x0, #-64]
    stp q28, q29, [x0, #-32]
    stp q30, q31, [x0]
    mrs x1, fpsr
    mrs x2, fpcr
    stp w1, w2, [x0, #FPU_STATUS - 480]
    ret

/* void fpu_load(const struct abi_fpu *from) */
.globl fpu_load
fpu_load:
    ldp q0, q1, [x0], #480
    ldp q2, q3, [x0, #-448]
    ldp q4, q5, [x0, #-416]
    ldp q6, q7, [x0, #-384]
    ldp q8, q9, [x0, #-352]
    ldp q10, q11, [x0, #-320]
    ldp q12, q13, [x0, #-288]
    ldp q14, q15, [x0, #-256]
    ldp q16, q17, [x0, #-224]
    ldp q18, q19, [x0, #-192]
    ldp q20, q21, [x0, #-160]
    ldp q22, q23, [x0, #-128]
    ldp q24, q25, [x0, #-96]
    ldp q26, q27, [x0, #-64]
    ldp q28, q29, [x0, #-32]
    ldp q30, q31, [x0]
    ldp w1, w2, [x0, #FPU_STATUS - 480]
    msr fpsr, x1
    msr fpcr, x2
    ret
