/*
 * x86-64: the second entry set, for CPUs with vulnerabilities (arch_remedy.def, entry_area.h).
 *
 * GS base is this CPU's struct entry_area in the kernel, and so are the stacks that the CPU itself
 * pushes on: with REMEDY_pti, ring 3's root shows that, the IDT and this file's section and nothing
 * else of the kernel. So each way in first lands here, changes to the kernel's root (KERNEL_TABLE),
 * moves what was pushed to the thread's frame, and goes on as entry.S does; each way out ends with
 * the change back (USER_TABLE), with all of the user's registers loaded but rax and rsp, which wait
 * in the area.
 *
 * lfence stands where a wrong guess of a branch would use GS without its swapgs. NMI, double fault,
 * machine check and debug exceptions may come at any instruction of this file: they keep the CR3
 * that they found. Until KERNEL_TABLE and after USER_TABLE nothing but the area may be touched.
 */
#include "entry.inc"

/* Uses rax. */
.macro KERNEL_TABLE
    testb $GUARD_PTI, %gs:AREA_GUARDS
    jz .Lkernel\@
    movq %gs:AREA_KERNEL_CR3, %rax
    movq %rax, %cr3
.Lkernel\@:
.endm

/* Uses rax and flags. A root that was to be loaded with its tag forgotten is so once. */
.macro USER_TABLE
    testb $GUARD_PTI, %gs:AREA_GUARDS
    jz .Luser\@
    movq %gs:AREA_USER_CR3, %rax
    movq %rax, %cr3
    movq %gs:AREA_KEEP, %rax
    orq %rax, %gs:AREA_USER_CR3
.Luser\@:
    testb $GUARD_VERW, %gs:AREA_GUARDS
    jz .Lclear\@
    verw %gs:AREA_SELECTOR
.Lclear\@:
.endm

/* Uses rax, rcx and rdx. */
.macro PREDICTOR value
    testb $GUARD_IBRS, %gs:AREA_GUARDS
    jz .Lpredictor\@
    movl $MSR_SPEC_CTRL_NUMBER, %ecx
    movl $\value, %eax
    xorl %edx, %edx
    wrmsr
.Lpredictor\@:
.endm

.section .guarded, "ax"
.balign 4096
trap_stubs_of _guarded

trap_common_guarded:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jnz trap_user_guarded
    lfence
    jmp trap_kernel

/* The big stack's top stands above the small one, on which the frame stays. */
trap_paranoid_guarded:
    SAVE_ALL
    cld
    xorl %ebx, %ebx
    movl $MSR_GS_BASE_NUMBER, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    incl %ebx
1:  lfence
    movq %cr3, %r12
    KERNEL_TABLE
    PREDICTOR 1
    movq %rsp, %r13
    movq %rsp, %rdi
    movq FRAME_SIZE(%rsp), %rsp
    xorl %ebp, %ebp
    call trap_entry
    movq %r13, %rsp
    movq %r12, %cr3
    testl %ebx, %ebx
    jz 2f
    swapgs
2:  LOAD_ALL
    iretq

trap_debug_guarded:
    testb $3, (FRAME_CS - FRAME_VECTOR)(%rsp)
    jz trap_paranoid_guarded
trap_user_guarded:
    swapgs
    lfence
    movq %rax, %gs:AREA_RAX
    KERNEL_TABLE
    movq %gs:CPU_SELF, %rax
    movq CPU_FRAME_END(%rax), %rax
    MOVE_FRAME
    movq %gs:AREA_RAX, %rax
    SAVE_ALL
    cld
    CLEAR_AC
    PREDICTOR 1
    movq %rsp, %rsi
    ENTER_KERNEL
    cmpl $FRAME_SYSCALL_OLD, FRAME_VECTOR(%rsi)
    je 2f
    call trap_entry_user
    jmp user_exit_guarded
2:  movq %rdi, %r12                     /* ARCH_ENTRY */
    movq %rsi, %r13
    call syscall_enter
    jmp user_exit_guarded

.globl syscall_guarded
syscall_guarded:
    swapgs
    movq %rsp, %gs:CPU_SCRATCH
    movq %rax, %gs:AREA_RAX
    KERNEL_TABLE
    movq %gs:CPU_SELF, %rsp
    movq CPU_FRAME_END(%rsp), %rsp
    movq %gs:AREA_RAX, %rax
    SYSCALL_SAVE
    PREDICTOR 1
    SYSCALL_CALL

.globl user_exit_guarded
user_exit_guarded:
    movq %rax, %rsi
    movq %rdx, %rdi
    PREDICTOR 0
    movq %rsi, %rax
    movq %rdi, %rdx
    cmpl $FRAME_SYSCALL, FRAME_VECTOR(%rax)
    jne user_exit_iret_guarded
    movq FRAME_RSP(%rax), %rcx
    movq %rcx, %gs:CPU_SCRATCH
    SYSRET_LOAD
    movq %rax, %gs:AREA_RAX
    USER_TABLE
    movq %gs:AREA_RAX, %rax
    movq %gs:CPU_SCRATCH, %rsp
    swapgs
    sysretq

.macro IRET_COPY offset, word
    movq \offset(%rax), %rcx
    movq %rcx, %gs:AREA_IRET + 8 * \word
.endm

user_exit_iret_guarded:
    MESSAGE_COPY
    IRET_COPY FRAME_RIP, 0
    IRET_COPY FRAME_CS, 1
    IRET_COPY FRAME_FLAGS, 2
    IRET_COPY FRAME_RSP, 3
    IRET_COPY FRAME_SS, 4
    movq %rax, %rsp
    LOAD_ALL
    movq %rax, %gs:AREA_RAX
    movq %gs:AREA_IRET_SP, %rsp
    USER_TABLE
    movq %gs:AREA_RAX, %rax
    swapgs
    iretq
