/*
 * AArch64: numbers that assembly and C share. Plain constants only: start.S and entry.S include
 * this file too. The offsets are checked against the structs in trap.c, fpu.c, early_map.c, space.c
 * and mitigations.c.
 */
#pragma once

/* Of every stack of the kernel, so that entry.S can check SP with a mask (KERNEL_STACK_SIZE). */
#define STACK_SIZE 0x4000

/* struct arch_cpu, which is the beginning of struct cpu. */
#define CPU_STACK_LOW     0  /* of the stack in use: the kernel's, or the emergency stack */
#define CPU_EMERGENCY_LOW 8  /* the stack for a trap that finds the other one unusable */
#define CPU_BAD_SP        16 /* the last unusable SP */
#define CPU_LOST_LOW      24 /* the stack that it was off */
#define CPU_SCRATCH       32 /* for entry.S: two registers */
#define CPU_STACK_HIGH    48 /* where the stack starts for what comes from user mode */
#define CPU_NO_FRAME      56 /* 0: the frame pointer that ends a backtrace; beside the stack */

#define CPU_SPACE       64
#define CPU_BARRIER_JOB 72

/* struct arch_space. */
#define SPACE_USER 8
#define SPACE_JOB  16

/* struct entry_words (arch_space.h). */
#define ENTRY_EMPTY   0
#define ENTRY_KERNEL  8
#define ENTRY_USER    16
#define ENTRY_HISTORY 24

/* struct trap_frame; its size is a multiple of 16 because SP has to be. */
#define FRAME_SIZE   304
#define FRAME_X30    240
#define FRAME_SP     248
#define FRAME_PC     256
#define FRAME_STATUS 264
#define FRAME_CAUSE  272
#define FRAME_VECTOR 288

/* ESR_EL1: the class of a synchronous exception, and that of svc in AArch64 (D19.2.37). */
#define CAUSE_CLASS_SHIFT 26
#define CAUSE_CLASS_SVC   0x15

/* struct abi_fpu (abi_arch.h). */
#define FPU_SIZE   528
#define FPU_STATUS 512

/* Added to the vector number of a frame that had to go to the emergency stack. */
#define VECTOR_STACK_BAD 16

/* struct early_tables (early_map.h). */
#define EARLY_ROOT        0
#define EARLY_LOW_ROOT    0x1000
#define EARLY_TABLES_SIZE 0xb000
