/*
 * AArch64: the vector table (Arm ARM D1.3.1.5), the ways into C and the ways back.
 *
 * Sixteen entries of 128 bytes: synchronous, IRQ, FIQ and SError, each from EL1 on SP_EL0 (0..3),
 * EL1 on SP_EL1 (4..7: the kernel), EL0 in AArch64 (8..11) and in AArch32 (12..15).
 *
 * A trap of the kernel saves struct trap_frame (arch_trap.h) on the stack and calls
 * trap_entry(frame), interrupts off. It may have found the stack used up, so entries 4..7 look
 * first whether SP is aligned and leaves room for the frame on the stack that the CPU's struct
 * names; if not, they go on at the top of the CPU's emergency stack, which is the stack from then
 * on. SP_EL0 is free while the kernel runs and keeps a register meanwhile.
 *
 * While a thread is in user mode, SP_EL1 is the address of its struct, which begins with its
 * frame: entries 8..15 save there, then take the CPU's stack, which is empty. A system call, an
 * interrupt and a fault call C with (CPU, thread) and get struct user_exit back in x0 and x1: the
 * thread to go to, and the frame that label and words come from.
 *
 * On a CPU with vulnerabilities, entries 8..15 are those of guarded.S.
 */
#include "entry.inc"

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

/* What cannot happen: the vector's number is all that is said here. */
.macro user_vector_stray number
    .balign 0x80
    stp x0, x1, [sp]
    mov x1, #\number
    b user_stray
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

.org trap_vectors + 8 * 0x80            /* a system call, or a fault */
    stp x0, x1, [sp]
    user_save
    mrs x2, esr_el1
    lsr w2, w2, #CAUSE_CLASS_SHIFT
    cmp w2, #CAUSE_CLASS_SVC
    b.ne user_fault
    user_enter_call
    b user_call

.org trap_vectors + 9 * 0x80            /* an interrupt */
    stp x0, x1, [sp]
    user_save
    user_enter_kernel
    bl user_interrupt
    b user_return

.org trap_vectors + 10 * 0x80
    user_vector_stray 10
    user_vector_stray 11
    user_vector_stray 12
    user_vector_stray 13
    user_vector_stray 14
    user_vector_stray 15
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

/* Back to what of the kernel `sp` saved. */
    ldp x1, x2, [sp, #FRAME_PC]
    msr elr_el1, x1
    msr spsr_el1, x2
    ldp x0, x1, [sp]
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
    ldr x30, [sp, #FRAME_X30]
    add sp, sp, #FRAME_SIZE
    eret

/* SP = thread with x0 and x1 in it, x1 = vector. */
user_stray:
    user_save
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [sp, #FRAME_CAUSE]
    str x1, [sp, #FRAME_VECTOR]
    user_enter_kernel
    mov x0, x1
    bl trap_entry
    udf #0

/* SP = thread with all but the cause in it. */
user_fault:
    user_save_fault
    user_enter_kernel
    bl user_trap
    b user_return

/* _Noreturn void arch_user_enter(struct cpu *cpu, struct thread *thread): once for each CPU */
.globl arch_user_enter
arch_user_enter:
    mov x0, x1
    adrp x2, entry_guarded
    ldrb w2, [x2, :lo12:entry_guarded]
    cbnz w2, user_return_guarded
    b user_return

user_call:
    bl syscall_enter

.globl user_return
/* To user mode: x0 = thread, x1 = frame that label (x8) and words (x0..x5) come from. */
user_return:
    user_load_state
    user_load
    eret
