/*
 * AArch64: where programs and their threads begin. The stack is aligned to 16; word 0 (x0) is what
 * the C function takes. It does not return, and a frame pointer of 0 ends backtraces.
 */
.section .text.start, "ax"
.globl _start, sys_thread_enter

_start:
    mov x29, xzr
    mov x30, xzr
    bl sys_start
    udf #0

sys_thread_enter:
    mov x29, xzr
    mov x30, xzr
    bl sys_thread_begin
    udf #0
