/*
 * x86-64: every exception, provoked (selftest.h).
 *
 * By its real cause where long mode in ring 0 and the emulator can raise it; the others give a
 * made-up frame to the same entry: no cause in long mode (9, 10, reserved ones), ring 3 only (17),
 * or hardware that the emulator lacks (18, 19, 20, 21, 28 to 30). Sources: Intel SDM 3A 6.15.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/trap.h"
#include "arch/user.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/image.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "mem/space.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"
#include "selftest/selftest.h"
#include "x86.h"

#define NON_CANONICAL 0x8000000000000000u
#define UNMAPPED      0xffffb00000001000u
#define USER_PAGE     0x400000u

static void synthetic(uint64_t vector, uint64_t error)
{
    struct trap_frame frame;
    memset(&frame, 0, sizeof(frame));
    frame.vector = vector;
    frame.error = error;
    frame.rip = (uint64_t)(uintptr_t)__builtin_return_address(0);
    frame.rbp = arch_frame_pointer();
    frame.cs = SELECTOR_KERNEL_CODE;
    trap_entry(&frame);
}

#define SYNTHETIC(vector)                                                                          \
    static void fault_vector_##vector(void)                                                        \
    {                                                                                              \
        synthetic(vector, 0);                                                                      \
    }
SYNTHETIC(9)
SYNTHETIC(15)
SYNTHETIC(17)
SYNTHETIC(18)
SYNTHETIC(19)
SYNTHETIC(20)
SYNTHETIC(21)
SYNTHETIC(22)
SYNTHETIC(23)
SYNTHETIC(24)
SYNTHETIC(25)
SYNTHETIC(26)
SYNTHETIC(27)
SYNTHETIC(28)
SYNTHETIC(29)
SYNTHETIC(30)
SYNTHETIC(31)

static void fault_invalid_tss(void)
{
    synthetic(10, SELECTOR_TSS);
}

static void fault_divide(void)
{
    __asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; xorl %%ecx, %%ecx; divl %%ecx" ::
                         : "eax", "ecx", "edx");
}

/* One instruction with the trap flag set. */
static void fault_debug(void)
{
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" ::: "memory", "cc");
}

static void fault_nmi(void)
{
    lapic_send((uint32_t)cpu_self()->hardware_id, LAPIC_NMI);
    for (;;)
        arch_cpu_relax();
}

static void fault_breakpoint(void)
{
    __asm__ volatile("int3");
}

/* INTO is gone in 64-bit mode; INT 4 is what is left of it. */
static void fault_overflow(void)
{
    __asm__ volatile("int $4");
}

/* MPX is the one way to a #BR in 64-bit mode (SDM 1 appendix E). */
static void fault_bound(void)
{
    bool mpx = (cpuid_leaf(7, 0).b >> 14 & 1) != 0;
    if (!mpx || !features.xsave) {
        synthetic(5, 0);
        return;
    }
    cr4_write(cr4_read() | CR4_XSAVE);
    __asm__ volatile("xsetbv" ::"a"(0x1b), "c"(0), "d"(0)); /* x87, SSE, bounds */
    msr_write(MSR_BNDCFGS, 1);
    uint64_t lower = 0x1000, below = 0xfff;
    /* bndmk (%rax), %bnd0; bndcl %rcx, %bnd0: the assembler no longer knows them */
    __asm__ volatile(".byte 0xf3, 0x0f, 0x1b, 0x00, 0xf3, 0x0f, 0x1a, 0xc1" ::"a"(lower),
                     "c"(below));
}

static void fault_invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

static void fault_no_fpu(void)
{
    cr0_write(cr0_read() | CR0_TS);
    __asm__ volatile("fninit");
}

/* The push of the page fault's frame faults again, on the guard page. */
static void fault_double(void)
{
    uintptr_t low = cpu_self()->stack_low;
    __asm__ volatile("movq %0, %%rsp; pushq $0; pushq $0" ::"r"(low + 8) : "memory");
}

static void fault_not_present(void)
{
    gdt_of(cpu_self())[3] &= ~((uint64_t)1 << 47);
    __asm__ volatile("movl %0, %%fs" ::"r"(SELECTOR_USER_DATA & ~3u));
}

/* TCG gives #GP for a non-canonical stack address; a stack segment that is not there it knows. */
static void fault_stack(void)
{
    gdt_of(cpu_self())[3] = 0x00cf13000000ffff; /* ring 0 data, not present */
    __asm__ volatile("movl %0, %%ss" ::"r"(SELECTOR_USER_DATA & ~3u));
}

static void fault_protection(void)
{
    __asm__ volatile("movq (%0), %%rax" ::"r"(NON_CANONICAL) : "rax", "memory");
}

static void fault_fpu(void)
{
    uint16_t control = 0x37b; /* divide by zero not masked */
    cr0_write(cr0_read() & ~(uint64_t)(CR0_TS | CR0_EM));
    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp %%st, %%st(1); fwait" ::"m"(control));
}

static void fault_page_read(void)
{
    (void)*(volatile char *)(uintptr_t)UNMAPPED;
}

static void fault_page_write(void)
{
    *(volatile char *)__text_start = 0;
}

static void fault_page_execute(void)
{
    static char data[16];
    __asm__ volatile("call *%0" ::"r"(data) : "memory");
}

static void fault_page_null(void)
{
    uintptr_t null = 0;
    __asm__ volatile("movb (%0), %%al" ::"r"(null) : "al", "memory");
}

static void fault_stack_guard(void)
{
    *(volatile char *)(cpu_self()->stack_low - 8) = 0;
}

/* A page of user mode's, seen by the kernel; NULL without the protection that forbids that. */
static void *user_page(bool protection, uint32_t flags)
{
    phys_t frame;
    void *page;
    if (!protection || frame_alloc(0, 0, FRAME_ZERO, &frame) != OK ||
        vmap_device(frame, PAGE_SIZE, MAP_USER | flags, &page) != OK)
        return NULL;
    return page;
}

static void fault_smap(void)
{
    volatile char *page = user_page(features.smap, MAP_WRITE);
    if (page != NULL)
        *page = 1;
}

static void fault_smep(void)
{
    void *page = user_page(features.smep, MAP_EXECUTE);
    if (page != NULL)
        __asm__ volatile("call *%0" ::"r"(page) : "memory");
}

static error_t table_alloc(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    return frame_alloc(0, 0, FRAME_ZERO, table);
}

/* A root that shows one new page of code. */
static phys_t user_root(const uint8_t *code, size_t size)
{
    struct ptab user = {.table_alloc = table_alloc};
    phys_t page;
    error_t error = table_alloc(&user, &user.root);
    if (error == OK)
        error = table_alloc(&user, &page);
    if (error == OK)
        error = ptab_map(&user, USER_PAGE, page, PAGE_SIZE, MAP_USER | MAP_EXECUTE, 0);
    assert(error == OK);
    memcpy(phys_to_virt(page), code, size);
    return user.root;
}

/*
 * Runs it in ring 3, interrupts off, RAX pointing at the kernel's first byte. Of a thread the way
 * out needs the frame only; that it is not the current one ends in the panic.
 */
static void user_run(const uint8_t *code, size_t size)
{
    static struct space space;
    static struct trap_frame frame;
    arch_space_init(&space.arch, user_root(code, size));
    arch_space_switch(cpu_self(), &space.arch);
    arch_frame_init(&frame, (uaddr_t){USER_PAGE}, (uaddr_t){0}, 0);
    frame.rax = (uintptr_t)__image_start;
    frame.rflags = 2;
    arch_user_enter(cpu_self(), (struct thread *)(void *)&frame);
}

static void fault_user_undefined(void)
{
    static const uint8_t code[] = {0x0f, 0x0b}; /* ud2 */
    user_run(code, sizeof(code));
}

static void fault_user_read(void)
{
    static const uint8_t code[] = {0x48, 0x8b, 0x00}; /* movq (%rax), %rax */
    user_run(code, sizeof(code));
}

static void fault_user_privileged(void)
{
    static const uint8_t code[] = {0xf4}; /* hlt */
    user_run(code, sizeof(code));
}

static void fault_interrupt(void)
{
    __asm__ volatile("int $47");
}

#define SYNTHETIC_CASE(vector, text) {"vector-" #vector, text, true, fault_vector_##vector}

const struct fault_case arch_fault_cases[] = {
    {"divide", "divide error (#DE) by the kernel", false, fault_divide},
    {"debug", "debug exception (#DB) by the kernel", false, fault_debug},
    {"nmi", "non-maskable interrupt (NMI)", false, fault_nmi},
    {"breakpoint", "breakpoint (#BP) by the kernel", false, fault_breakpoint},
    {"overflow", "overflow (#OF) by the kernel", false, fault_overflow},
    {"bound", "bound range exceeded (#BR) by the kernel", false, fault_bound},
    {"invalid-opcode", "invalid opcode (#UD) by the kernel", false, fault_invalid_opcode},
    {"no-fpu", "FPU not available (#NM) by the kernel", false, fault_no_fpu},
    {"double-fault", "double fault (#DF) by the kernel", false, fault_double},
    SYNTHETIC_CASE(9, "coprocessor segment overrun"),
    {"invalid-tss", "invalid TSS (#TS) by the kernel, GDT entry 5", true, fault_invalid_tss},
    {"not-present", "segment not present (#NP) by the kernel, GDT entry 3", false,
     fault_not_present},
    {"stack", "stack segment fault (#SS) by the kernel, GDT entry 3", false, fault_stack},
    {"protection", "general protection fault (#GP) by the kernel", false, fault_protection},
    {"page-read", "read of 0xffffb00000001000 by the kernel: the page is not mapped", false,
     fault_page_read},
    {"page-write", "by the kernel: the page's rights forbid it", false, fault_page_write},
    {"page-execute", "page fault: execution at 0xffffffff", false, fault_page_execute},
    {"page-null", "read of 0x0 by the kernel: the page is not mapped", false, fault_page_null},
    {"stack-guard", "page fault: write to 0xffffc0", false, fault_stack_guard},
    SYNTHETIC_CASE(15, "reserved exception 15"),
    {"fpu", "x87 floating-point error (#MF) by the kernel", false, fault_fpu},
    SYNTHETIC_CASE(17, "alignment check (#AC)"),
    SYNTHETIC_CASE(18, "machine check (#MC)"),
    SYNTHETIC_CASE(19, "SIMD floating-point error (#XM)"),
    SYNTHETIC_CASE(20, "virtualization exception (#VE)"),
    SYNTHETIC_CASE(21, "control protection fault (#CP)"),
    SYNTHETIC_CASE(22, "reserved exception 22"),
    SYNTHETIC_CASE(23, "reserved exception 23"),
    SYNTHETIC_CASE(24, "reserved exception 24"),
    SYNTHETIC_CASE(25, "reserved exception 25"),
    SYNTHETIC_CASE(26, "reserved exception 26"),
    SYNTHETIC_CASE(27, "reserved exception 27"),
    SYNTHETIC_CASE(28, "hypervisor injection (#HV)"),
    SYNTHETIC_CASE(29, "VMM communication (#VC)"),
    SYNTHETIC_CASE(30, "security exception (#SX)"),
    SYNTHETIC_CASE(31, "reserved exception 31"),
    {"smap", "by the kernel: the page's rights forbid it", false, fault_smap},
    {"smep", "page fault: execution at 0xffffc0", false, fault_smep},
    {"user-undefined", "invalid opcode (#UD) by user code", false, fault_user_undefined},
    {"user-read", "read of 0xffffffff80200000 by user code: the page", false, fault_user_read},
    {"user-privileged", "general protection fault (#GP) by user code", false,
     fault_user_privileged},
    {"interrupt", "unexpected interrupt on vector 47", false, fault_interrupt},
};
const uint32_t arch_fault_case_count = COUNT_OF(arch_fault_cases);
