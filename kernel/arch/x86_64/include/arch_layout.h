/*
 * x86-64: numbers that assembly and C share. Plain constants only: entry.S includes this file too.
 * The offsets are checked against the structs in user.c and entry_area.c.
 */
#pragma once

/* struct arch_cpu, which is the beginning of struct cpu; by gs: in the kernel. */
#define CPU_SELF      0
#define CPU_STACK     8  /* the kernel stack's top */
#define CPU_SCRATCH   16 /* syscall: the user's stack pointer for a moment */
#define CPU_FRAME_END 88 /* tss.stack[0]: the end of the current thread's frame */

/* struct entry_area (entry_area.h): by gs: in the kernel where guarded.S is used. */
#define AREA_RAX        24
#define AREA_KERNEL_CR3 32
#define AREA_USER_CR3   40
#define AREA_KEEP       48
#define AREA_GUARDS     56
#define AREA_SELECTOR   60
#define AREA_IRET_SP    64
#define AREA_IRET       152

/* Its guards. */
#define GUARD_PTI  1
#define GUARD_IBRS 2
#define GUARD_VERW 4

/* struct trap_frame. */
#define FRAME_R15    0
#define FRAME_R14    8
#define FRAME_R13    16
#define FRAME_R12    24
#define FRAME_R11    32
#define FRAME_R10    40
#define FRAME_R9     48
#define FRAME_R8     56
#define FRAME_RBP    64
#define FRAME_RDI    72
#define FRAME_RSI    80
#define FRAME_RDX    88
#define FRAME_RCX    96
#define FRAME_RBX    104
#define FRAME_RAX    112
#define FRAME_VECTOR 120
#define FRAME_ERROR  128
#define FRAME_RIP    136
#define FRAME_CS     144
#define FRAME_FLAGS  152
#define FRAME_RSP    160
#define FRAME_SS     168
#define FRAME_SIZE   176

/*
 * What brought a frame here stands in its `vector`: one of the CPU's 256, or by no vector. Only
 * frames by FRAME_SYSCALL go back by sysret, which loads what syscall left in rcx and r11.
 */
#define FRAME_SYSCALL_OLD 0x80  /* int 0x80 */
#define FRAME_SYSCALL     0x100 /* syscall; rcx and r11 are not saved */
#define FRAME_SYSCALL_SET 0x101 /* the same, but all registers were written since */
#define FRAME_SET         0x102 /* all registers were written, by nothing that happened */

#define MSR_GS_BASE_NUMBER   0xc0000101
#define MSR_SPEC_CTRL_NUMBER 0x48
