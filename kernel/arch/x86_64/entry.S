/*
 * x86-64: trap entries, one per vector, and the way back.
 *
 * Each entry makes the frame uniform (a zero where the CPU pushes no error code), saves all
 * general registers as struct trap_frame (arch_trap.h) and calls trap_entry(frame) with
 * interrupts off. Coming from user mode, GS is swapped, so that gs:0 is always the CPU here.
 */

.altmacro
.macro trap_stub vector
    .balign 16
    .if (\vector != 8) && (\vector < 10 || \vector > 14) && (\vector != 17) && (\vector != 21) \
        && (\vector != 29) && (\vector != 30)
    pushq $0
    .endif
    pushq $\vector
    jmp trap_common
.endm

.section .text.entry, "ax"
.balign 16
.globl trap_stubs
trap_stubs:
.set vector, 0
.rept 256
    trap_stub %vector
    .set vector, vector + 1
.endr

trap_common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    testb $3, 18 * 8(%rsp)              /* cs of the interrupted code */
    jz 1f
    swapgs
1:  movq %rsp, %rdi
    xorl %ebp, %ebp                     /* the backtrace goes on through the frame, not here */
    call trap_entry
    testb $3, 18 * 8(%rsp)
    jz 2f
    swapgs
2:  popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq
