/*
 * x86-64: where other CPUs start: real mode, at a page below 1 MiB, CS = page / 16.
 *
 * Position-independent: it is copied there (smp.c). It finds its data at the end of its page,
 * enters long mode on the trampoline's page table, takes its stack, tells that it has, and calls
 * cpu_enter(cpu).
 */
#define DATA       (4096 - 64)
#define DATA_ROOT  (DATA + 0)
#define DATA_STACK (DATA + 8)
#define DATA_CPU   (DATA + 16)
#define DATA_ENTER (DATA + 24)
#define DATA_EFER  (DATA + 32)
#define DATA_TAKEN (DATA + 40)

.section .rodata.trampoline, "a"
.globl trampoline_start, trampoline_end
.balign 16
trampoline_start:
.code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    xorl %ebx, %ebx
    movw %ax, %bx
    shll $4, %ebx                       /* EBX = linear address of this page */

    /* Make the pointers below absolute; every CPU writes the same values. */
    leal (trampoline_gdt - trampoline_start)(%ebx), %eax
    movl %eax, trampoline_gdt_pointer - trampoline_start + 2
    leal (trampoline_long - trampoline_start)(%ebx), %eax
    movl %eax, trampoline_far - trampoline_start

    movl %cr4, %eax
    orl $(1 << 5), %eax                 /* PAE */
    movl %eax, %cr4
    movl DATA_ROOT, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER: as on the boot CPU */
    rdmsr
    orl DATA_EFER, %eax
    wrmsr
    lgdtl trampoline_gdt_pointer - trampoline_start
    movl $0x80010011, %eax              /* PG, WP, ET, PE at once */
    movl %eax, %cr0
    ljmpl *(trampoline_far - trampoline_start)

.code64
trampoline_long:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl %ebx, %ebx
    movq DATA_STACK(%rbx), %rsp
    movq DATA_CPU(%rbx), %rdi
    movl $0xc0000101, %ecx              /* GS base: arch_cpu_self() */
    movl %edi, %eax
    movq %rdi, %rdx
    shrq $32, %rdx
    wrmsr
    movq DATA_ENTER(%rbx), %rax
    movl $1, DATA_TAKEN(%rbx)
    xorl %ebp, %ebp
    callq *%rax
    ud2

.balign 8
trampoline_gdt:
.8byte 0
.8byte 0x00af9b000000ffff
.8byte 0x00cf93000000ffff
trampoline_gdt_pointer:
.2byte 23
.4byte 0
.balign 4
trampoline_far:
.4byte 0
.2byte 8
trampoline_end:
