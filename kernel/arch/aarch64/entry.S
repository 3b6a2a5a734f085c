/*
 * AArch64: the vector table (Arm ARM D1.3.1.5), the way into C and the way back.
 *
 * Sixteen entries of 128 bytes: synchronous, IRQ, FIQ and SError, each from EL1 on SP_EL0 (0..3),
 * EL1 on SP_EL1 (4..7: the kernel), EL0 in AArch64 (8..11) and in AArch32 (12..15). Each saves
 * struct trap_frame (arch_trap.h) on the kernel stack and calls trap_entry(frame), interrupts off.
 *
 * A trap of the kernel itself may have found its stack used up, so entries 4..7 look first
 * whether SP is aligned and leaves room for the frame on the stack that the CPU's struct names;
 * if not, they go on at the top of the CPU's emergency stack, which is the stack from then on.
 * SP_EL0 is free while the kernel runs and keeps a register meanwhile. The other entries find
 * SP_EL1 as the kernel left it when it went to user mode.
 */
#include "arch_layout.h"

.macro trap_vector number
    .balign 0x80
    sub sp, sp, #FRAME_SIZE
    stp x0, x1, [sp]
    mrs x0, sp_el0
    mov x1, #\number
    b trap_save
.endm

.macro trap_vector_checked number
    .balign 0x80
    msr sp_el0, x0
    mrs x0, tpidr_el1
    ldr x0, [x0, #CPU_STACK_LOW]
    sub x0, sp, x0
    sub x0, x0, #FRAME_SIZE
    tst x0, #~(STACK_SIZE - 16)         /* below the stack, above it, or not aligned */
    b.ne trap_stack_bad_\number
    mrs x0, sp_el0
    sub sp, sp, #FRAME_SIZE
    stp x0, x1, [sp]
    add x0, sp, #FRAME_SIZE
    mov x1, #\number
    b trap_save
.endm

.macro trap_stack_bad number
trap_stack_bad_\number:
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #CPU_SCRATCH]
    mov x1, #\number + VECTOR_STACK_BAD
    b trap_move
.endm

.section .text.vectors, "ax"
.balign 0x800
.globl trap_vectors
trap_vectors:
    trap_vector 0
    trap_vector 1
    trap_vector 2
    trap_vector 3
    trap_vector_checked 4
    trap_vector_checked 5
    trap_vector_checked 6
    trap_vector_checked 7
    trap_vector 8
    trap_vector 9
    trap_vector 10
    trap_vector 11
    trap_vector 12
    trap_vector 13
    trap_vector 14
    trap_vector 15
    .balign 0x80

    trap_stack_bad 4
    trap_stack_bad 5
    trap_stack_bad 6
    trap_stack_bad 7

/* x0 = CPU, x1 = vector; the interrupted x0 is in SP_EL0, x1 and x2 in the CPU's scratch. */
trap_move:
    mov x2, sp
    str x2, [x0, #CPU_BAD_SP]
    ldr x2, [x0, #CPU_STACK_LOW]
    str x2, [x0, #CPU_LOST_LOW]
    ldr x2, [x0, #CPU_EMERGENCY_LOW]
    str x2, [x0, #CPU_STACK_LOW]
    add sp, x2, #STACK_SIZE
    sub sp, sp, #FRAME_SIZE
    mrs x2, sp_el0
    str x2, [sp]
    ldr x2, [x0, #CPU_SCRATCH]
    str x2, [sp, #8]
    ldr x2, [x0, #CPU_SCRATCH + 8]
    ldr x0, [x0, #CPU_BAD_SP]

/* SP = frame with x0 and x1 in it, x0 = interrupted SP, x1 = vector. */
trap_save:
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    stp x30, x0, [sp, #240]
    mrs x2, elr_el1
    mrs x3, spsr_el1
    stp x2, x3, [sp, #FRAME_PC]
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [sp, #FRAME_CAUSE]
    stp x1, xzr, [sp, #FRAME_VECTOR]
    mov x0, sp
    mov x29, xzr                        /* the backtrace goes on through the frame, not here */
    mov x30, xzr
    bl trap_entry

/* Back to what `sp` saved. SP_EL0 is the interrupted stack of all but the kernel. */
trap_return:
    ldp x0, x1, [sp, #FRAME_SP]         /* SP, PC */
    ldp x2, x3, [sp, #FRAME_STATUS]
    ldr x4, [sp, #FRAME_VECTOR]
    msr elr_el1, x1
    msr spsr_el1, x2
    and x4, x4, #12
    cmp x4, #4
    b.eq 1f
    msr sp_el0, x0
1:  ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x19, [sp, #144]
    ldp x20, x21, [sp, #160]
    ldp x22, x23, [sp, #176]
    ldp x24, x25, [sp, #192]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    ldr x30, [sp, #240]
    add sp, sp, #FRAME_SIZE
    eret

/* _Noreturn void trap_leave(const struct trap_frame *frame): goes to the state in `frame`. */
.globl trap_leave
trap_leave:
    mov x9, sp                          /* the stack from which we leave is the trap stack */
    sub sp, x9, #FRAME_SIZE
    mov x10, #0
2:  ldr x11, [x0, x10]
    str x11, [sp, x10]
    add x10, x10, #8
    cmp x10, #FRAME_SIZE
    b.lo 2b
    b trap_return
