/*
 * x86-64: every way into the kernel, and out.
 *
 *   trap_kernel    exceptions and interrupts of the kernel itself: saved on the stack in use
 *   trap_paranoid  NMI, double fault, machine check: on stacks of their own (IST), from anywhere
 *   trap_debug     debug exceptions, on such a stack too: of ring 3 on as trap_user, else paranoid
 *   trap_user      exceptions and interrupts of ring 3, and int 0x80: saved in the thread
 *   syscall_plain  SYSCALL: the same
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
 * TF set, at the first instruction of syscall_plain), and they do not trust the saved CS but look at the base itself:
 * a user's is in the lower half (arch_registers_set), the kernel's in the upper. The same
 * for the stack pointer: they have their own. MSR_KERNEL_GS is not looked at.
 *
 * On a CPU with vulnerabilities guarded.S is used in place of this file, apart from trap_kernel.
 */
#include "entry.inc"

.section .text.entry, "ax"
trap_stubs_of _plain

.balign 16
trap_common_plain:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jnz trap_user

.globl trap_kernel
trap_kernel:
    SAVE_ALL
    cld
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call trap_entry
    LOAD_ALL
    iretq

trap_paranoid_plain:
    SAVE_ALL
    cld
    xorl %ebx, %ebx
    movl $MSR_GS_BASE_NUMBER, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    incl %ebx                           /* kept by C: swap back */
1:  movq %rsp, %rdi
    xorl %ebp, %ebp
    call trap_entry
    testl %ebx, %ebx
    jz 2f
    swapgs
2:  LOAD_ALL
    iretq

/* Of ring 3: what is on this stack moves to the thread's frame. */
trap_debug_plain:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jz trap_paranoid_plain
    swapgs
    movq %rax, %gs:CPU_SCRATCH
    movq %gs:CPU_FRAME_END, %rax
    MOVE_FRAME
    movq %gs:CPU_SCRATCH, %rax
    jmp trap_user_swapped

.balign 16
trap_user:
    swapgs
trap_user_swapped:
    SAVE_ALL
    cld
    CLEAR_AC
    movq %rsp, %rsi
    ENTER_KERNEL
    cmpl $FRAME_SYSCALL_OLD, FRAME_VECTOR(%rsi)
    je 2f
    call trap_entry_user
    jmp user_exit
2:  movq %rdi, %r12                     /* ARCH_ENTRY */
    movq %rsi, %r13
    call syscall_enter
    jmp user_exit

.balign 64
.globl syscall_plain
syscall_plain:
    swapgs
    movq %rsp, %gs:CPU_SCRATCH
    movq %gs:CPU_FRAME_END, %rsp
    SYSCALL_SAVE
    SYSCALL_CALL

user_exit:
    cmpl $FRAME_SYSCALL, FRAME_VECTOR(%rax)
    jne user_exit_iret
    movq FRAME_RSP(%rax), %rsp
    SYSRET_LOAD
    swapgs
    sysretq

/* All registers from the thread's own frame. */
.balign 16
user_exit_iret:
    MESSAGE_COPY
    movq %rax, %rsp
    LOAD_ALL
    swapgs
    iretq

/* arch_user_enter(cpu, thread): once for each CPU */
.globl arch_user_enter
arch_user_enter:
    movq %rsi, %rax
    movq %rsi, %rdx
    cmpb $0, entry_guarded(%rip)
    je user_exit
    jmp user_exit_guarded
