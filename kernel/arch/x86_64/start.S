/*
 * x86-64: the first instructions, for every loader.
 *
 *   start_pvh          32 bit, paging off, EBX = start info (Xen PVH; EAX is not defined by QEMU)
 *   start_multiboot2   32 bit, paging off, EAX = magic, EBX = boot information
 *   start_limine       64 bit, on Limine's tables, image already at its linked address
 *
 * The 32-bit entries run where the image was loaded (2 MiB), make the early map
 * (early_map.c says what it shows), enter long mode and jump to the linked address. All end in
 * arch_start(protocol, information) on the boot stack. The code for other CPUs is in
 * trampoline.S.
 */

#define KERNEL_BASE 0xffffffff80000000
#define LOW(symbol) ((symbol) - KERNEL_BASE)

#include "start.h"

/* PVH: where to enter (xen/include/public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY = 18). */
.section .note.pvh, "a", @note
.balign 4
.4byte 4, 8, 18
.asciz "Xen"
.balign 4
.8byte LOW(start_pvh)

/* Multiboot2 header (specification 3.1): must lie in the first 32 KiB of the file. */
.section .head, "ax"
.balign 8
multiboot2_header:
.4byte 0xe85250d6, 0, multiboot2_end - multiboot2_header
.4byte -(0xe85250d6 + (multiboot2_end - multiboot2_header))
.balign 8
.2byte 1, 1                             /* information request, optional */
.4byte 8 + 4 * 6
.4byte 1, 3, 6, 8, 14, 15               /* command line, modules, map, framebuffer, RSDPs */
.balign 8
.2byte 3, 0                             /* entry address */
.4byte 12
.4byte LOW(start_multiboot2)
.balign 8
.2byte 5, 1                             /* framebuffer, optional: any size, 32 bits */
.4byte 20
.4byte 0, 0, 32
.balign 8
.2byte 6, 0                             /* modules page aligned */
.4byte 8
.balign 8
.2byte 0, 0
.4byte 8
multiboot2_end:

.code32
.section .text.start, "ax"

.globl start_multiboot2
start_multiboot2:
    movl $START_MULTIBOOT2, %ebp
    cmpl $0x36d76289, %eax
    je start_32
    movl $START_UNKNOWN, %ebp
    jmp start_32

.globl start_pvh
start_pvh:
    movl $START_PVH, %ebp

/* EBP = protocol, EBX = information. */
start_32:
    cld
    cli
    movl $LOW(boot_stack_end), %esp
    movl $0x80000000, %eax              /* long mode? (SDM 2A, CPUID) */
    movl %ebx, %edi
    cpuid
    movl %edi, %ebx
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    movl %edi, %ebx
    btl $29, %edx
    jnc no_long_mode
    movl %edx, %esi                     /* NX (bit 20) as EFER.NXE (bit 11), if there is one */
    shrl $9, %esi
    andl $(1 << 11), %esi

    /* Four directories of 2 MiB pages: physical 0 to 4 GiB. */
    movl $LOW(early_directories), %edi
    movl $0x83, %eax                    /* present, writable, large */
    xorl %edx, %edx
1:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $8, %edi
    addl $0x200000, %eax
    jnc 1b                              /* wraps at 4 GiB */

    movl $LOW(early_directories) + 3, %eax
    movl $LOW(early_low), %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $4096, %eax
    addl $8, %edi
    loop 2b
    movl $LOW(early_directories) + 3, LOW(early_high) + 510 * 8
    movl $LOW(early_low) + 3, LOW(early_root)             /* identity, until the jump is done */
    movl $LOW(early_low) + 3, LOW(early_root) + 256 * 8   /* direct map */
    movl $LOW(early_high) + 3, LOW(early_root) + 511 * 8  /* image */

    movl %cr4, %eax
    orl $(1 << 5), %eax                 /* PAE */
    movl %eax, %cr4
    movl $LOW(early_root), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER */
    rdmsr
    orl $((1 << 8) | 1), %eax           /* LME, SCE */
    orl %esi, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax               /* PG, WP, PE */
    movl %eax, %cr0
    lgdtl LOW(early_gdt_pointer)
    ljmpl $8, $LOW(start_64)

no_long_mode:
    hlt
    jmp no_long_mode

.code64
start_64:
    movabsq $start_high, %rax
    jmpq *%rax

.section .text.start_high, "ax"
start_high:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    leaq boot_stack_end(%rip), %rsp
    movq $0, early_root(%rip)           /* the identity map has served */
    movq %cr3, %rax
    movq %rax, %cr3
    movl %ebp, %edi
    movl %ebx, %esi
start_c:
    xorl %ebp, %ebp                     /* ends backtraces */
    call arch_start
    ud2

.globl start_limine
start_limine:
    cld
    cli
    leaq boot_stack_end(%rip), %rsp
    movl $START_LIMINE, %edi
    xorl %esi, %esi
    jmp start_c

/* _Noreturn void arch_switch_stack(uintptr_t top, void (*function)(void)) */
.section .text.arch_switch_stack, "ax"
.globl arch_switch_stack
arch_switch_stack:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    callq *%rsi
    ud2

.section .data.early_gdt, "aw"
.balign 8
early_gdt:
.8byte 0
.8byte 0x00af9b000000ffff               /* code, 64 bit */
.8byte 0x00cf93000000ffff               /* data */
early_gdt_pointer:
.2byte . - early_gdt - 1
.8byte LOW(early_gdt)

.section .bss.early, "aw", @nobits
.balign 4096
.globl early_root, early_low, early_high, early_directories, early_pages
early_root:        .skip 4096
early_low:         .skip 4096
early_high:        .skip 4096
early_directories: .skip 4 * 4096
boot_stack:        .skip 4 * 4096
boot_stack_end:
