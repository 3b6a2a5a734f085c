/*
 * AArch64: the first instructions, for every loader and for the other CPUs.
 *
 *   start_image    MMU off, EL1 or EL2, x0 = device tree; at any 2 MiB boundary (Linux,
 *                  Documentation/arch/arm64/booting.rst). The header makes this file an Image.
 *   start_limine   MMU on with Limine's tables, EL1t, image already at its linked address
 *   start_cpu      MMU off, EL1 or EL2, x0 = struct cpu (PSCI CPU_ON, DEN0022 5.1.4)
 *
 * All make or find the early map (early_map.c says what it shows) and go through mmu_enter to the
 * linked address: the first two to arch_start(protocol, information, level) on the boot stack,
 * start_cpu to arch_start_cpu(cpu) on the stack that the CPU's struct names.
 *
 * Until mmu_enter the code runs at its physical address, so it names symbols by adr and adrp
 * only, and all memory it touches is uncached. arch_start finds .bss cleared.
 */
#include "arch_layout.h"
#include "start.h"

/* SCTLR_EL1 (Arm ARM D19.2.118): the bits that are 1 by architecture, MMU and caches on, aligned
 * SP, EL0 may use dc zva, dc cvau, read CTR and wait. No alignment check, no WXN. */
#define SCTLR_OFF 0x30d00800
#define SCTLR_ON  (SCTLR_OFF | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 12 | 1 << 14 | 1 << 15 \
                   | 1 << 16 | 1 << 18 | 1 << 26)
#define SCTLR_SPAN_BIT 23

/* MAIR_EL1 (D19.2.96), from index 0: normal write-back, device nGnRE, normal uncached. */
#define MAIR 0x4404ff

/* TCR_EL1 (D19.2.139): two halves of 48 bits, 4 KiB granule, walks cached and inner shareable. */
#define TCR (16 | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30)

.macro address register, symbol
    adrp \register, \symbol
    add \register, \register, :lo12:\symbol
.endm

/* The 64-byte header of an Image. */
.section .head, "ax"
    b start_image
    .4byte 0
    .8byte 0                            /* text offset from a 2 MiB boundary */
    .8byte __image_size                 /* .bss included */
    .8byte 1 << 1 | 1 << 3              /* little endian, 4 KiB pages, anywhere in memory */
    .8byte 0, 0, 0
    .ascii "ARM\x64"
    .4byte 0

.section .text.start, "ax"
start_image:
    mov x20, x0
    bl level_drop
    mov x21, x0
    address x9, boot_stack_end
    mov sp, x9
    mov x29, xzr
    address x0, __image_start
    mov x1, x20
    bl early_map_image                  /* (image, device tree) */
    bl early_tables_clean
    address x0, early_tables + EARLY_ROOT
    address x1, early_tables + EARLY_LOW_ROOT
    bl mmu_enter                        /* comes back here, by the identity map */
    ldr x9, =start_image_high
    br x9

start_image_high:
    address x9, __bss_start
    address x10, __bss_end
1:  stp xzr, xzr, [x9], #16             /* both are page aligned */
    cmp x9, x10
    b.lo 1b
    mov x0, #START_IMAGE
    mov x1, x20
    mov x2, x21
start_c:
    address x9, boot_stack_end
    mov sp, x9
    address x9, boot_cpu
    msr tpidr_el1, x9
    address x10, boot_stack
    address x11, boot_emergency
    stp x10, x11, [x9, #CPU_STACK_LOW]
    address x10, boot_stack_end
    str x10, [x9, #CPU_STACK_HIGH]
    address x9, trap_vectors
    msr vbar_el1, x9
    isb
    mov x29, xzr                        /* ends backtraces */
    mov x30, xzr
    bl arch_start
    udf #0

.globl start_limine
start_limine:
    msr daifset, #15
    msr spsel, #1
    mov x0, #START_LIMINE
    mov x1, xzr
    mov x2, #1
    b start_c

.globl start_cpu
start_cpu:
    mov x20, x0
    bl level_drop
    address x9, smp_root
    ldr x0, [x9]
    address x1, early_tables + EARLY_LOW_ROOT
    bl mmu_enter
    ldr x9, =start_cpu_high
    br x9

start_cpu_high:
    msr tpidr_el1, x20
    ldr x9, [x20, #CPU_STACK_LOW]
    add sp, x9, #STACK_SIZE
    address x9, trap_vectors
    msr vbar_el1, x9
    isb
    mov x29, xzr
    mov x30, xzr
    mov x0, x20
    bl arch_start_cpu
    udf #0

/*
 * Comes back at EL1 with SP_EL1 selected, interrupts masked and the MMU off; x0 = the level before.
 * Leaves EL2 open: nothing that EL1 does traps to it, apart from SVE, which Tern does not use.
 */
level_drop:
    msr daifset, #15
    mrs x0, CurrentEL
    lsr x0, x0, #2
    cmp x0, #2
    b.eq level_drop_2
    msr spsel, #1
    ldr x9, =SCTLR_OFF
    msr sctlr_el1, x9
    isb
    ret

level_drop_2:
    mov x9, #1 << 31                    /* HCR_EL2 (D19.2.48): EL1 is AArch64 */
    orr x9, x9, #3 << 40                /* and may use pointer authentication */
    msr hcr_el2, x9
    isb
    mrs x9, cnthctl_el2                 /* EL1 may use the physical counter and timer */
    orr x9, x9, #3
    msr cnthctl_el2, x9
    msr cntvoff_el2, xzr                /* virtual time is physical time */
    mov x9, #0x33ff                     /* CPTR_EL2: no FP traps; the rest is 1 by architecture */
    msr cptr_el2, x9
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x9, id_aa64dfr0_el1             /* all performance counters are EL1's, if there are any */
    ubfx x10, x9, #8, #4
    mov x11, xzr
    cbz x10, 1f
    cmp x10, #15
    b.eq 1f
    mrs x11, pmcr_el0
    ubfx x11, x11, #11, #5
1:  msr mdcr_el2, x11
    mrs x9, id_aa64mmfr0_el1            /* no fine-grained traps, which reset leaves open */
    ubfx x9, x9, #56, #4
    cbz x9, 3f
    msr S3_4_C1_C1_4, xzr               /* HFGRTR_EL2 */
    msr S3_4_C1_C1_5, xzr               /* HFGWTR_EL2 */
    msr S3_4_C1_C1_6, xzr               /* HFGITR_EL2 */
    msr S3_4_C3_C1_4, xzr               /* HDFGRTR_EL2 */
    msr S3_4_C3_C1_5, xzr               /* HDFGWTR_EL2 */
3:  mrs x9, midr_el1                    /* EL1 sees the real ids */
    msr vpidr_el2, x9
    mrs x9, mpidr_el1
    msr vmpidr_el2, x9
    mrs x9, id_aa64pfr0_el1             /* GIC system registers (GICv3, IHI0069 12.2): for EL1 */
    ubfx x9, x9, #24, #4
    cbz x9, 2f
    mrs x9, S3_4_C12_C9_5               /* ICC_SRE_EL2: SRE, Enable */
    mov x10, #9
    orr x9, x9, x10
    msr S3_4_C12_C9_5, x9
    isb
    msr S3_4_C12_C11_0, xzr             /* ICH_HCR_EL2: no virtual interrupts */
2:  ldr x9, =SCTLR_OFF
    msr sctlr_el1, x9
    mov x9, #0x3c5                      /* EL1h, all interrupts masked */
    msr spsr_el2, x9
    msr elr_el2, x30
    isb
    eret

/*
 * mmu_enter(x0 = table for the kernel's half, x1 = for the low half): makes them this CPU's, with
 * our memory types, and turns the MMU on. Runs at its physical address and may be entered with
 * the MMU on (the low half then shows this code already): between the tables the MMU is off,
 * so that no translation of the old ones can meet one of the new (D8.13.1, break before make).
 * Touches no memory and x9-x12 alone.
 */
.globl mmu_enter
mmu_enter:
    dsb ish                             /* the tables are written */
    mrs x9, sctlr_el1
    bic x9, x9, #1
    msr sctlr_el1, x9
    isb
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    ldr x9, =MAIR
    msr mair_el1, x9
    ldr x9, =TCR
    mrs x10, id_aa64mmfr0_el1           /* physical addresses as wide as the CPU's, up to 48 bits */
    ubfx x10, x10, #0, #4
    mov x11, #5
    cmp x10, x11
    csel x10, x10, x11, lo
    bfi x9, x10, #32, #3
    mrs x10, id_aa64mmfr0_el1           /* AS: tags of 16 bits, where the CPU has them */
    ubfx x10, x10, #5, #1               /* ASIDBits is 0 or 2 */
    bfi x9, x10, #36, #1
    mrs x10, id_aa64mmfr1_el1           /* HA, HD: the MMU marks what is written, where it can */
    ubfx x10, x10, #0, #4
    cmp x10, #2
    orr x10, x9, #3 << 39
    csel x9, x10, x9, hs
    msr tcr_el1, x9
    msr ttbr1_el1, x0
    msr ttbr0_el1, x1
    ldr x9, =SCTLR_ON
    mrs x10, id_aa64mmfr1_el1           /* SPAN = 0: traps set PSTATE.PAN, where there is PAN */
    ubfx x10, x10, #20, #4
    cbz x10, 1f
    bic x9, x9, #1 << SCTLR_SPAN_BIT
1:  isb
    msr sctlr_el1, x9
    isb
    ret

/*
 * The early tables were written uncached: throws away what caches hold of their place, which the
 * loader left clean (booting.rst), so that the cached walks do not read older data. The line is
 * the smallest of all caches' (CTR_EL0.DminLine).
 */
early_tables_clean:
    address x9, early_tables
    add x10, x9, #EARLY_TABLES_SIZE
    mrs x11, ctr_el0
    ubfx x11, x11, #16, #4
    mov x12, #4
    lsl x12, x12, x11
    dsb sy
1:  dc ivac, x9
    add x9, x9, x12
    cmp x9, x10
    b.lo 1b
    dsb sy
    ret

/* _Noreturn void arch_switch_stack(uintptr_t top, void (*function)(void)) */
.globl arch_switch_stack
arch_switch_stack:
    mrs x9, tpidr_el1
    sub x10, x0, #STACK_SIZE
    str x10, [x9, #CPU_STACK_LOW]
    str x0, [x9, #CPU_STACK_HIGH]
    mov sp, x0
    mov x29, xzr
    mov x30, xzr
    blr x1
    udf #0

.section .bss.early, "aw", @nobits
.balign 4096
boot_stack:     .skip STACK_SIZE
boot_stack_end:
boot_emergency: .skip STACK_SIZE
