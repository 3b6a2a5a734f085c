/*
 * x86-64: every way into the kernel, and out.
 *
 *   trap_kernel    exceptions and interrupts of the kernel itself: saved on the stack in use
 *   trap_paranoid  NMI, double fault, machine check: on stacks of their own (IST), from anywhere
 *   trap_debug     debug exceptions, on such a stack too: of ring 3 on as trap_user, else paranoid
 *   trap_user      exceptions and interrupts of ring 3, and int 0x80: saved in the thread
 *   syscall_entry  SYSCALL: the same
 *   user_exit      out again, to the thread and with the message that C gives back
 *
 * While a thread is current, tss.stack[0] is the end of its frame, the first field of struct thread:
 * what the CPU pushes and the registers behind it go there, and the kernel's stack starts empty.
 * Interrupts are off in all of this file.
 *
 * GS: in the kernel its base is the struct cpu, and MSR_KERNEL_GS has the user's; in ring 3 the
 * other way round. Between an entry and its swapgs, and between the swapgs of user_exit and its last
 * instruction, ring 0 runs with the user's. Only NMI and machine check can come there (and a double
 * fault, if the kernel is broken; and on some CPUs the single step of a SYSCALL that was made with
 * TF set, at the first instruction of syscall_entry), and they do not trust the saved CS but look at the base itself:
 * a user's is in the lower half (arch_registers_set), the kernel's in the upper. The same
 * for the stack pointer: they have their own. MSR_KERNEL_GS is not looked at.
 *
 * ENTER_GUARD and LEAVE_GUARD are where page tables are switched and predictors are fenced.
 */
#include "arch_layout.h"

.macro ENTER_GUARD
.endm
.macro LEAVE_GUARD
.endm

/* Of all general registers, above what the CPU and the stub pushed: struct trap_frame. */
.macro SAVE_ALL
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
.endm

.macro LOAD_ALL
    popq %r15
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
    addq $16, %rsp                      /* vector and error code */
.endm

/* On through the thread's frame: cpu and thread as arguments, on the kernel's empty stack. */
.macro ENTER_KERNEL
    movq %gs:CPU_SELF, %rdi
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp                     /* the backtrace goes on through the frame, not here */
.endm

/* Each stub makes the frame uniform: a zero where the CPU pushes no error code. */
.altmacro
.macro trap_stub vector
    .balign 16
    .if (\vector != 8) && (\vector < 10 || \vector > 14) && (\vector != 17) && (\vector != 21) \
        && (\vector != 29) && (\vector != 30)
    pushq $0
    .endif
    pushq $\vector
    .if (\vector == 2) || (\vector == 8) || (\vector == 18)
    jmp trap_paranoid
    .elseif \vector == 1
    jmp trap_debug
    .else
    jmp trap_common
    .endif
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

.balign 16
trap_common:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jnz trap_user

trap_kernel:
    SAVE_ALL
    cld
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call trap_entry
    LOAD_ALL
    iretq

trap_paranoid:
    SAVE_ALL
    cld
    xorl %ebx, %ebx
    movl $MSR_GS_BASE_NUMBER, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    incl %ebx                           /* kept by C: swap back */
1:  ENTER_GUARD
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call trap_entry
    testl %ebx, %ebx
    jz 2f
    LEAVE_GUARD
    swapgs
2:  LOAD_ALL
    iretq

/* Of ring 3: what is on this stack moves to the thread's frame. */
trap_debug:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jz trap_paranoid
    swapgs
    movq %rax, %gs:CPU_SCRATCH
    movq %gs:CPU_FRAME_END, %rax
    popq (FRAME_VECTOR - FRAME_SIZE)(%rax)
    popq (FRAME_ERROR - FRAME_SIZE)(%rax)
    popq (FRAME_RIP - FRAME_SIZE)(%rax)
    popq (FRAME_CS - FRAME_SIZE)(%rax)
    popq (FRAME_FLAGS - FRAME_SIZE)(%rax)
    popq (FRAME_RSP - FRAME_SIZE)(%rax)
    popq (FRAME_SS - FRAME_SIZE)(%rax)
    leaq (FRAME_VECTOR - FRAME_SIZE)(%rax), %rsp
    movq %gs:CPU_SCRATCH, %rax
    jmp trap_user_swapped

/* AC comes as the user had it, and would lift SMAP. */
.balign 16
trap_user:
    swapgs
trap_user_swapped:
    SAVE_ALL
    ENTER_GUARD
    cld
    cmpb $0, entry_clears_ac(%rip)
    je 1f
    clac
1:  movq %rsp, %rsi
    ENTER_KERNEL
    cmpl $FRAME_SYSCALL_OLD, FRAME_VECTOR(%rsi)
    je 2f
    call trap_entry_user
    jmp user_exit
2:  movq %rdi, %r12                     /* ARCH_ENTRY */
    movq %rsi, %r13
    call syscall_enter
    jmp user_exit

/*
 * rcx is the user's instruction pointer, r11 its flags; both are free for us afterwards, so they are
 * not saved as registers. CS and SS stand in the frame since it was made.
 */
.balign 64
.globl syscall_entry
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_SCRATCH
    movq %gs:CPU_FRAME_END, %rsp
    ENTER_GUARD
    movq %r13, (FRAME_R13 - FRAME_SIZE)(%rsp)
    leaq -FRAME_SIZE(%rsp), %r13
    movq %rcx, FRAME_RIP(%r13)
    movq %r11, FRAME_FLAGS(%r13)
    movq %gs:CPU_SCRATCH, %rcx
    movq %rcx, FRAME_RSP(%r13)
    movq $FRAME_SYSCALL, FRAME_VECTOR(%r13)
    movq %rax, FRAME_RAX(%r13)
    movq %rbx, FRAME_RBX(%r13)
    movq %rdx, FRAME_RDX(%r13)
    movq %rdi, FRAME_RDI(%r13)
    movq %rbp, FRAME_RBP(%r13)
    movq %r8, FRAME_R8(%r13)
    movq %r9, FRAME_R9(%r13)
    movq %r10, FRAME_R10(%r13)
    movq %r12, FRAME_R12(%r13)
    movq %rsi, FRAME_RSI(%r13)
    movq %r14, FRAME_R14(%r13)
    movq %r15, FRAME_R15(%r13)
    movq %gs:CPU_SELF, %r12
    movq %gs:CPU_STACK, %rsp
    xorl %ebp, %ebp
    call syscall_enter                  /* ARCH_ENTRY: r12 = CPU, r13 = thread */

/*
 * rax is the thread, rdx the frame with the message for it. sysret loads rip from rcx and does not
 * check it in ring 3: it comes from syscall's own rcx only, and the last page before the hole is
 * never mapped (mem/space.h), so it is canonical.
 */
user_exit:
    cmpl $FRAME_SYSCALL, FRAME_VECTOR(%rax)
    jne user_exit_iret
    LEAVE_GUARD
    movq FRAME_RIP(%rax), %rcx
    movq FRAME_FLAGS(%rax), %r11
    movq FRAME_RSP(%rax), %rsp
    movq FRAME_RBX(%rax), %rbx
    movq FRAME_RBP(%rax), %rbp
    movq FRAME_R12(%rax), %r12
    movq FRAME_R13(%rax), %r13
    movq FRAME_R14(%rax), %r14
    movq FRAME_R15(%rax), %r15
    movq FRAME_RAX(%rdx), %rax
    movq FRAME_RDI(%rdx), %rdi
    movq FRAME_RSI(%rdx), %rsi
    movq FRAME_R10(%rdx), %r10
    movq FRAME_R8(%rdx), %r8
    movq FRAME_R9(%rdx), %r9
    movq FRAME_RDX(%rdx), %rdx
    swapgs
    sysretq

.macro COPY offset
    movq \offset(%rdx), %rcx
    movq %rcx, \offset(%rax)
.endm

/* All registers from the thread's own frame; a message from elsewhere is put there first. */
.balign 16
user_exit_iret:
    cmpq %rdx, %rax
    je 1f
    COPY FRAME_RAX
    COPY FRAME_RDI
    COPY FRAME_RSI
    COPY FRAME_RDX
    COPY FRAME_R10
    COPY FRAME_R8
    COPY FRAME_R9
1:  LEAVE_GUARD
    movq %rax, %rsp
    LOAD_ALL
    swapgs
    iretq

/* arch_user_enter(cpu, thread) */
.globl arch_user_enter
arch_user_enter:
    movq %rsi, %rax
    movq %rsi, %rdx
    jmp user_exit
