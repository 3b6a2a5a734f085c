/*
 * x86-64: where programs and their threads begin. The stack is aligned to 16; word 0 (rdi) is what
 * the C function takes. It does not return, and a frame pointer of 0 ends backtraces.
 */
.section .text.start, "ax"
.globl _start, sys_thread_enter

_start:
    xorl %ebp, %ebp
    call sys_start
    ud2

sys_thread_enter:
    xorl %ebp, %ebp
    call sys_thread_begin
    ud2
