/*
 * AArch64: a fault for every one of the sixteen vectors, and for the causes that the diagnosis
 * tells apart (selftest.h).
 *
 * By their real cause where EL1 and EL0 without devices can raise it: a stub of a few
 * instructions is mapped as a user's page and entered. FIQ and SError have no cause that we could
 * make, interrupts from the kernel and from 64-bit users and system calls are no faults, and a CPU
 * may lack PAN or 32-bit users: those give a made-up frame to the same diagnosis.
 */
#include "arch/smp.h"
#include "arch/trap.h"
#include "arch/user.h"
#include "features.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/image.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "mem/space.h"
#include "mmu.h"
#include "registers.h"
#include "sched/cpu.h"
#include "selftest/selftest.h"
#include "trace/panic.h"

#define UNMAPPED  UINT64_C(0xffffb00000001000)
#define USER_PAGE UINT64_C(0x400000)

#define STATUS_USER_64    0x3c0u /* EL0t, interrupts masked */
#define STATUS_USER_32    0x1d0u /* the same in AArch32, A32 instructions */
#define STATUS_USER_32_ON 0x10u  /* interrupts on */

/* Instructions of the stubs. */
#define A64_UDF      0x00000000u
#define A64_LOAD_X0  0xf9400000u /* ldr x0, [x0] */
#define A64_STORE_X0 0xf9000000u /* str x0, [x0] */
#define A64_JUMP_X0  0xd61f0000u /* br x0 */
#define A32_SVC      0xef000000u /* svc #0 */
#define A32_STAY     0xeafffffeu /* b . */

/* Causes (ESR_EL1) of made-up frames. */
#define CAUSE_SVC_64     0x56000000u
#define CAUSE_SVC_32     0x46000000u
#define CAUSE_PERMISSION 0x9600000fu /* data abort of the kernel, level 3, read */
#define CAUSE_SERROR     0xbe000011u
#define CAUSE_SP         0x9a000000u /* TCG does not check the alignment of SP */

static void synthetic(uint64_t vector, uint64_t cause)
{
    struct trap_frame frame = {.vector = vector, .cause = cause, .fault = USER_PAGE};
    frame.pc = (uintptr_t)__builtin_return_address(0);
    frame.x[29] = arch_frame_pointer();
    frame.sp = arch_frame_pointer();
    panic_trap(&frame);
}

#define SYNTHETIC(name, vector, cause)                                                             \
    static void fault_##name(void)                                                                 \
    {                                                                                              \
        synthetic(vector, cause);                                                                  \
    }
SYNTHETIC(sp_alignment, 4, CAUSE_SP)
SYNTHETIC(sp0_fiq, 2, 0)
SYNTHETIC(sp0_serror, 3, CAUSE_SERROR)
SYNTHETIC(kernel_irq, 5, 0)
SYNTHETIC(kernel_fiq, 6, 0)
SYNTHETIC(kernel_serror, 7, CAUSE_SERROR)
SYNTHETIC(user_irq, 9, 0)
SYNTHETIC(user_fiq, 10, 0)
SYNTHETIC(user_serror, 11, CAUSE_SERROR)
SYNTHETIC(user32_fiq, 14, 0)
SYNTHETIC(user32_serror, 15, CAUSE_SERROR)

/* Vectors 0 and 1: the kernel never runs on SP_EL0. */
static void fault_sp0_sync(void)
{
    __asm__ volatile("msr spsel, #0\n\tbrk #1");
}

static void fault_sp0_irq(void)
{
    arch_ipi_send(cpu_self());
    __asm__ volatile("msr spsel, #0\n\tmsr daifclr, #2\n1:\tb 1b");
}

/* Vector 4. */
static void fault_undefined(void)
{
    __asm__ volatile("udf #0");
}

static void fault_breakpoint(void)
{
    __asm__ volatile("brk #7");
}

static void fault_read(void)
{
    (void)*(volatile char *)UNMAPPED;
}

static void fault_write(void)
{
    *(volatile char *)UNMAPPED = 0;
}

static void fault_null(void)
{
    uintptr_t null = 0;
    __asm__ volatile("ldrb w0, [%0]" ::"r"(null) : "x0", "memory");
}

static void fault_read_only(void)
{
    *(volatile char *)__text_start = 0;
}

static void fault_execute(void)
{
    static uint32_t data[4];
    __asm__ volatile("blr %0" ::"r"(data) : "x30", "memory");
}

static void fault_execute_null(void)
{
    uintptr_t null = 0;
    __asm__ volatile("blr %0" ::"r"(null) : "x30", "memory");
}

/* Exclusive accesses are checked whatever SCTLR_EL1.A says (B2.9.2). */
static void fault_alignment(void)
{
    static uint64_t words[2];
    __asm__ volatile("ldxr x0, [%0]" ::"r"((char *)words + 1) : "x0", "memory");
}

static void fault_pc_alignment(void)
{
    __asm__ volatile("blr %0" ::"r"((uintptr_t)fault_undefined + 2) : "x30", "memory");
}

static void fault_float(void)
{
    __asm__ volatile(".arch_extension fp\n\tfmov d0, xzr");
}

/* A return to EL2 from EL1 is illegal (Arm ARM D1.4.4). */
static void fault_illegal_state(void)
{
    sysreg_write("spsr_el1", 0x3c9);
    __asm__ volatile("adr x0, 1f\n\tmsr elr_el1, x0\n\tisb\n\teret\n1:\tnop" ::: "x0", "memory");
}

static uint64_t recurse(volatile uint64_t *outer)
{
    volatile uint64_t room[16] = {*outer};
    if (room[0] != 0)
        return 0; /* never; but the compiler does not know */
    return recurse(room) + room[0];
}

static void fault_stack_overflow(void)
{
    volatile uint64_t zero = 0;
    (void)recurse(&zero);
}

/* A frame so large that its first store is below the guard's upper edge, with SP still right. */
static void fault_stack_guard(void)
{
    *(volatile char *)(cpu_self()->stack_low - 8) = 0;
}

static void fault_stack_lost(void)
{
    __asm__ volatile("mov sp, %0\n\tstr xzr, [sp]" ::"r"(UNMAPPED - 1) : "memory");
}

/* Vectors 8 and on: users. */
static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    return frame_alloc(0, 0, FRAME_ZERO, table);
}

/* A new page of code in the low half: written, made visible to instruction fetch (D7.5.9.3). */
static phys_t user_page(uint32_t instruction)
{
    struct ptab user = {.table_alloc = table_alloc};
    phys_t page;
    error_t error = table_alloc(&user, &user.root);
    if (error == OK)
        error = table_alloc(&user, &page);
    if (error == OK)
        error = ptab_map(&user, USER_PAGE, page, PAGE_SIZE, MAP_USER | MAP_EXECUTE, 0);
    assert(error == OK);
    volatile uint32_t *code = phys_to_virt(page);
    *code = instruction;
    __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::"r"(code)
                     : "memory");
    return user.root;
}

/* It is seen by the kernel. */
static void user_map(uint32_t instruction)
{
    mmu_set_low(user_page(instruction));
}

/* Of a thread entry.S needs the frame only; that it is not the current one ends in the panic. */
static void user_run(uint32_t instruction, uint64_t status, uint64_t x0)
{
    static struct trap_frame frame;
    static struct space space;
    arch_space_init(&space.arch, user_page(instruction));
    arch_space_switch(cpu_self(), &space.arch);
    frame = (struct trap_frame){.pc = USER_PAGE, .status = status, .x[0] = x0};
    arch_user_enter(cpu_self(), (struct thread *)(void *)&frame);
}

static void fault_user_svc(void)
{
    struct trap_frame frame = {.vector = 8, .cause = CAUSE_SVC_64, .pc = USER_PAGE + 4};
    panic_trap(&frame);
}

static void fault_user_undefined(void)
{
    user_run(A64_UDF, STATUS_USER_64, 0);
}

static void fault_user_read(void)
{
    user_run(A64_LOAD_X0, STATUS_USER_64, (uintptr_t)__text_start);
}

static void fault_user_write(void)
{
    user_run(A64_STORE_X0, STATUS_USER_64, USER_PAGE);
}

static void fault_user_execute(void)
{
    user_run(A64_JUMP_X0, STATUS_USER_64, (uintptr_t)__text_start);
}

static void fault_user32_svc(void)
{
    if (!features.el0_32)
        synthetic(12, CAUSE_SVC_32);
    user_run(A32_SVC, STATUS_USER_32, 0);
}

static void fault_user32_irq(void)
{
    if (!features.el0_32)
        synthetic(13, 0);
    arch_ipi_send(cpu_self());
    user_run(A32_STAY, STATUS_USER_32_ON, 0);
}

/* The kernel neither executes a user's page (PXN) nor reads it by mistake (PAN). */
static void fault_pxn(void)
{
    user_map(A64_UDF);
    __asm__ volatile("blr %0" ::"r"(USER_PAGE) : "x30", "memory");
}

static void fault_pan(void)
{
    if (!features.pan)
        synthetic(4, CAUSE_PERMISSION);
    user_map(A64_UDF);
    (void)*(volatile uint32_t *)USER_PAGE;
}

const struct fault_case arch_fault_cases[] = {
    {"sp0-sync", "breakpoint #1 by the kernel, on SP_EL0", false, fault_sp0_sync},
    {"sp0-irq", "unexpected interrupt (IRQ) in the kernel, on SP_EL0", false, fault_sp0_irq},
    {"sp0-fiq", "unexpected fast interrupt (FIQ) in the kernel, on SP_EL0", true, fault_sp0_fiq},
    {"sp0-serror", "system error (SError), syndrome 0xbe000011 in the kernel, on SP_EL0", true,
     fault_sp0_serror},
    {"undefined", "undefined instruction by the kernel", false, fault_undefined},
    {"breakpoint", "breakpoint #7 by the kernel", false, fault_breakpoint},
    {"read", "data abort: translation fault, level 0, read of 0xffffb00000001000 by the kernel",
     false, fault_read},
    {"write", "data abort: translation fault, level 0, write to 0xffffb00000001000 by the kernel",
     false, fault_write},
    {"null", "data abort: translation fault, level 0, read of 0x0000000000000000 by the kernel",
     false, fault_null},
    {"read-only", "data abort: permission fault, level 3, write to 0xffffffff80000000", false,
     fault_read_only},
    {"execute", "instruction abort: permission fault, level 3, execution of 0xffffffff8", false,
     fault_execute},
    {"execute-null", "instruction abort: translation fault, level 0, execution of 0x0000000000000",
     false, fault_execute_null},
    {"alignment", "data abort: alignment fault, read of 0xffffffff8", false, fault_alignment},
    {"sp-alignment", "unaligned stack pointer by the kernel", true, fault_sp_alignment},
    {"pc-alignment", "unaligned program counter by the kernel", false, fault_pc_alignment},
    {"float", "use of floating point or SIMD, which are off, by the kernel", false, fault_float},
    {"illegal-state", "illegal execution state by the kernel", false, fault_illegal_state},
    {"stack-overflow", "kernel stack overflow: data abort: translation fault, level 3, write to",
     false, fault_stack_overflow},
    {"stack-guard", "kernel stack overflow: data abort: translation fault, level 3, write to",
     false, fault_stack_guard},
    {"stack-lost", "bad kernel stack pointer 0xffffb00000000fff: ", false, fault_stack_lost},
    {"pxn", "execution of 0x0000000000400000 by the kernel", false, fault_pxn},
    {"pan", "data abort: permission fault, level 3, read of 0x0000000000400000 by the kernel",
     false, fault_pan},
    {"irq", "unexpected interrupt (IRQ) in the kernel at", true, fault_kernel_irq},
    {"fiq", "unexpected fast interrupt (FIQ) in the kernel at", true, fault_kernel_fiq},
    {"serror", "system error (SError), syndrome 0xbe000011 in the kernel at", true,
     fault_kernel_serror},
    {"user-svc", "system call #0 by the user at 0x0000000000400004", true, fault_user_svc},
    {"user-undefined", "undefined instruction by the user at 0x0000000000400000", false,
     fault_user_undefined},
    {"user-read", "permission fault, level 3, read of 0xffffffff80000000 by the user", false,
     fault_user_read},
    {"user-write", "permission fault, level 3, write to 0x0000000000400000 by the user", false,
     fault_user_write},
    {"user-execute", "permission fault, level 3, execution of 0xffffffff80000000 by the user",
     false, fault_user_execute},
    {"user-irq", "unexpected interrupt (IRQ) in the user", true, fault_user_irq},
    {"user-fiq", "unexpected fast interrupt (FIQ) in the user", true, fault_user_fiq},
    {"user-serror", "system error (SError), syndrome 0xbe000011 in the user", true,
     fault_user_serror},
    {"user32-svc", "32-bit system call #0 by the 32-bit user", false, fault_user32_svc},
    {"user32-irq", "unexpected interrupt (IRQ) in the 32-bit user", false, fault_user32_irq},
    {"user32-fiq", "unexpected fast interrupt (FIQ) in the 32-bit user", true, fault_user32_fiq},
    {"user32-serror", "system error (SError), syndrome 0xbe000011 in the 32-bit user", true,
     fault_user32_serror},
};
const uint32_t arch_fault_case_count = COUNT_OF(arch_fault_cases);
