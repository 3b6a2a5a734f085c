/*
 * AArch64: the second entry set, for CPUs with vulnerabilities (arch_remedy.def, mitigations.c).
 *
 *   vectors_isolated  the kernel's half is not there: changes to it, then goes on as the next
 *   vectors_fenced    takes user mode's branch history out of the way, then as entry.S
 *
 * Traps of the kernel itself go on to entry.S at once. The first set and the way out with it lie in
 * pages that both halves show; between the changes one register is free, since TPIDRRO_EL0 (for user
 * mode 0) and FAR_EL1 keep two. The user half changes only while no address of it can be
 * walked by the other side's ASID, so each change is finished (isb) before the next.
 */
#include "entry.inc"

.macro vector_on number, to
    .balign 0x80
    b \to + \number * 0x80
.endm

.macro word_load register, offset
    adrp \register, entry_words
    ldr \register, [\register, #:lo12:entry_words + \offset]
.endm

.macro vector_isolated number
    .balign 0x80
    msr tpidrro_el0, x30
    word_load x30, ENTRY_EMPTY
    msr ttbr0_el1, x30
    isb
    word_load x30, ENTRY_KERNEL
    msr ttbr1_el1, x30
    isb
    mrs x30, tpidrro_el0
    msr tpidrro_el0, xzr
    b vectors_fenced + \number * 0x80
.endm

/* After user_save. Uses x2 and flags. */
.macro history_clear
    word_load x2, ENTRY_HISTORY
    cbz x2, 2f
1:  b . + 4
    subs x2, x2, #1
    b.ne 1b
    dsb nsh
    isb
2:
.endm

.section .guarded, "ax"
.balign 0x1000
.globl vectors_isolated
vectors_isolated:
.irp number, 0, 1, 2, 3, 4, 5, 6, 7
    vector_on \number, trap_vectors
.endr
.irp number, 8, 9, 10, 11, 12, 13, 14, 15
    vector_isolated \number
.endr
    .balign 0x80

/* x30 = TTBR1, TPIDRRO_EL0 = TTBR0, FAR_EL1 = x30 of the user; all else is loaded. */
isolate_out:
    msr ttbr1_el1, x30
    isb
    mrs x30, tpidrro_el0
    msr ttbr0_el1, x30
    msr tpidrro_el0, xzr
    mrs x30, far_el1
    eret

.section .text.vectors, "ax"
.balign 0x800
.globl vectors_fenced
vectors_fenced:
.irp number, 0, 1, 2, 3, 4, 5, 6, 7
    vector_on \number, trap_vectors
.endr
    .balign 0x80                        /* 8: a system call, or a fault */
    stp x0, x1, [sp]
    b guarded_synchronous
    .balign 0x80                        /* 9: an interrupt */
    stp x0, x1, [sp]
    b guarded_interrupt
.irp number, 10, 11, 12, 13, 14, 15
    vector_on \number, trap_vectors
.endr
    .balign 0x80

guarded_synchronous:
    user_save
    history_clear
    mrs x2, esr_el1
    lsr w2, w2, #CAUSE_CLASS_SHIFT
    cmp w2, #CAUSE_CLASS_SVC
    b.ne guarded_fault
    user_enter_call
    bl syscall_enter
    b user_return_guarded

guarded_fault:
    user_save_fault
    user_enter_kernel
    bl user_trap
    b user_return_guarded

guarded_interrupt:
    user_save
    history_clear
    user_enter_kernel
    bl user_interrupt

/* x0 and x1 as for user_return. */
.globl user_return_guarded
user_return_guarded:
    mrs x9, tpidr_el1
    ldr x10, [x9, #CPU_SPACE]
    ldr x11, [x9, #CPU_BARRIER_JOB]
    ldr x12, [x10, #SPACE_JOB]
    cmp x11, x12
    b.ne guarded_job
    word_load x11, ENTRY_USER
    cbz x11, user_return
    ldr x12, [x10, #SPACE_USER]
    msr tpidrro_el0, x12
    and x12, x12, #0xffff000000000000
    orr x12, x12, x11
    user_load_state
    msr far_el1, x30
    mov x30, x12
    user_load
    b isolate_out

guarded_job:
    str x12, [x9, #CPU_BARRIER_JOB]
    mov x19, x0
    mov x20, x1
    bl predictor_barrier
    mov x0, x19
    mov x1, x20
    b user_return_guarded
