/*
 * AArch64: traps: what came in, and in words what it means.
 *
 * Life cycle: start.S names the vector table before the first C; arch_trap_init_cpu readies the
 * rest per CPU. entry.S calls trap_entry with interrupts off for every trap of the kernel, and for
 * those of user mode that cannot happen; user.c has the others.
 * Rules: interrupts are served and return; every other trap ends in panic_trap, apart from a
 * semihosting call that no emulator takes (power.c). Describing takes no lock and touches
 * nothing but the frame and this CPU's struct.
 *
 * The words follow the Arm ARM's table of ESR_EL1 (D19.2.37).
 */
#include "arch/trap.h"
#include "arch_layout.h"
#include "exception.h"
#include "irq.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/vmap.h"
#include "power.h"
#include "registers.h"
#include "sched/cpu.h"
#include "trace/metric.h"
#include "trace/panic.h"

_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "entry.S relies on it");
_Static_assert(offsetof(struct trap_frame, sp) == FRAME_SP, "entry.S relies on it");
_Static_assert(offsetof(struct trap_frame, pc) == FRAME_PC, "entry.S relies on it");
_Static_assert(offsetof(struct trap_frame, status) == FRAME_STATUS, "entry.S relies on it");
_Static_assert(offsetof(struct trap_frame, cause) == FRAME_CAUSE, "entry.S relies on it");
_Static_assert(offsetof(struct trap_frame, vector) == FRAME_VECTOR, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.stack_low) == CPU_STACK_LOW, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.emergency_low) == CPU_EMERGENCY_LOW,
               "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.bad_sp) == CPU_BAD_SP, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.lost_low) == CPU_LOST_LOW, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.scratch) == CPU_SCRATCH, "entry.S relies on it");
_Static_assert(KERNEL_STACK_SIZE == STACK_SIZE, "entry.S relies on it");

extern const char trap_vectors[]; /* entry.S */
void trap_entry(struct trap_frame *frame);

/* The four kinds of trap, and the four groups of vectors. */
enum vector_kind {
    KIND_SYNCHRONOUS,
    KIND_IRQ,
    KIND_FIQ,
    KIND_SERROR,
};
enum vector_group {
    GROUP_EL1_SP0,
    GROUP_KERNEL,
    GROUP_USER_64,
    GROUP_USER_32,
};

static const char *const class_names[64] = {
    [CLASS_UNKNOWN] = "undefined instruction",
    [0x01] = "trapped wfi or wfe",
    [0x03] = "trapped 32-bit system register access",
    [CLASS_FPU_OFF] = "use of floating point or SIMD, which are off,",
    [0x0d] = "branch target exception",
    [0x0e] = "illegal execution state",
    [CLASS_SVC_32] = "32-bit system call",
    [CLASS_SVC_64] = "system call",
    [0x18] = "trapped system register access",
    [0x19] = "use of SVE, which is off,",
    [0x1c] = "pointer authentication failed",
    [CLASS_FETCH_USER] = "instruction abort",
    [CLASS_FETCH_KERNEL] = "instruction abort",
    [CLASS_PC] = "unaligned program counter",
    [CLASS_DATA_USER] = "data abort",
    [CLASS_DATA_KERNEL] = "data abort",
    [CLASS_SP] = "unaligned stack pointer",
    [0x28] = "32-bit floating point exception",
    [CLASS_FPU] = "floating point exception",
    [0x2f] = "SError",
    [CLASS_BREAKPOINT_USER] = "hardware breakpoint",
    [0x31] = "hardware breakpoint",
    [CLASS_STEP_USER] = "single step",
    [0x33] = "single step",
    [CLASS_WATCHPOINT_USER] = "watchpoint",
    [0x35] = "watchpoint",
    [0x38] = "32-bit breakpoint",
    [CLASS_BRK] = "breakpoint",
};

/* Fault status codes (DFSC, IFSC); those of the first sixteen end in the level. */
static const char *const level_faults[] = {"address size fault", "translation fault",
                                           "access flag fault", "permission fault"};
static const struct {
    uint32_t code;
    const char *text;
} other_faults[] = {
    {0x10, "external abort"},
    {0x14, "external abort on a table walk, level 0"},
    {0x15, "external abort on a table walk, level 1"},
    {0x16, "external abort on a table walk, level 2"},
    {0x17, "external abort on a table walk, level 3"},
    {0x18, "memory error"},
    {0x21, "alignment fault"},
    {0x30, "conflicting translations"},
    {0x31, "unsupported atomic update of a table"},
    {0x34, "locked down"},
    {0x35, "unsupported exclusive access"},
};

static enum vector_kind frame_kind(const struct trap_frame *frame)
{
    return (enum vector_kind)(frame->vector & 3);
}

static enum vector_group frame_group(const struct trap_frame *frame)
{
    return (enum vector_group)(frame->vector >> 2 & 3);
}

static bool frame_is_abort(const struct trap_frame *frame)
{
    uint32_t class = frame_class(frame) & ~1u;
    return frame_kind(frame) == KIND_SYNCHRONOUS &&
           (class == CLASS_DATA_USER || class == CLASS_FETCH_USER);
}

error_t arch_trap_prepare(struct cpu *cpu)
{
    uintptr_t low, high;
    error_t error = vmap_stack(STACK_SIZE, cpu->node, &low, &high);
    if (error != OK)
        return error;
    assert(high - low == STACK_SIZE && is_aligned(low, PAGE_SIZE)); /* entry.S masks SP */
    cpu->arch.emergency_low = low;
    return OK;
}

void arch_trap_init_cpu(void)
{
    assert(is_aligned((uintptr_t)trap_vectors, 0x800)); /* VBAR_EL1 has no lower bits */
    assert(cpu_self()->arch.stack_low != 0 && cpu_self()->arch.emergency_low != 0);
    sysreg_write("vbar_el1", (uintptr_t)trap_vectors);
    sysreg_write("mdscr_el1", 0); /* no debug events that a loader left behind */
    barrier_isb();
    __asm__ volatile("msr daifclr, #4" ::: "memory"); /* SErrors are told at once */
}

void trap_entry(struct trap_frame *frame)
{
    debug_assert(!arch_irq_enabled() && frame->vector < UINT64_C(2) * VECTOR_STACK_BAD);
    if (frame_kind(frame) == KIND_IRQ && frame_group(frame) == GROUP_KERNEL) {
        irq_take();
        return;
    }
    if (power_take_trap(frame))
        return;
    metric_add(METRIC_exceptions, 1);
    panic_trap(frame);
}

static const char *frame_who(const struct trap_frame *frame)
{
    static const char *const who[] = {"the kernel, on SP_EL0", "the kernel", "the user",
                                      "the 32-bit user"};
    return who[frame_group(frame)];
}

static void describe_fault_status(struct text *text, uint32_t code)
{
    if (code < 4 * COUNT_OF(level_faults)) {
        text_add(text, "%s, level %u", level_faults[code / 4], code % 4);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(other_faults); i++)
        if (other_faults[i].code == code) {
            text_add(text, "%s", other_faults[i].text);
            return;
        }
    text_add(text, "fault status 0x%x", code);
}

/* "translation fault, level 3, write to 0x... by the kernel" */
static void describe_abort(struct text *text, const struct trap_frame *frame)
{
    bool fetch = (frame_class(frame) & ~1u) == CLASS_FETCH_USER;
    bool write = (frame->cause & ABORT_WRITE) != 0;
    text_add(text, ": ");
    describe_fault_status(text, (uint32_t)(frame->cause & ABORT_STATUS));
    text_add(text, fetch ? ", execution of " : write ? ", write to " : ", read of ");
    if ((frame->cause & ABORT_NO_FAULT) != 0)
        text_add(text, "an unknown address");
    else
        text_add(text, "0x%016llx", (unsigned long long)frame->fault);
    text_add(text, " by %s", frame_who(frame));
}

static void describe_synchronous(struct text *text, const struct trap_frame *frame)
{
    uint32_t class = frame_class(frame);
    if (class_names[class] != NULL)
        text_add(text, "%s", class_names[class]);
    else
        text_add(text, "exception of class 0x%02x", class);
    if (frame_is_abort(frame)) {
        describe_abort(text, frame);
        return;
    }
    if (class == CLASS_BRK || class == CLASS_SVC_64 || class == CLASS_SVC_32)
        text_add(text, " #%u", (uint32_t)frame->cause & 0xffff);
    text_add(text, " by %s at 0x%016llx", frame_who(frame), (unsigned long long)frame->pc);
}

/* SError: the syndrome's meaning is the CPU's own (D19.2.37), so that it is only shown. */
static void describe_other(struct text *text, const struct trap_frame *frame)
{
    static const char *const names[] = {"", "unexpected interrupt (IRQ)",
                                        "unexpected fast interrupt (FIQ)", "system error (SError)"};
    text_add(text, "%s", names[frame_kind(frame)]);
    if (frame_kind(frame) == KIND_SERROR)
        text_add(text, ", syndrome 0x%08x", (uint32_t)frame->cause);
    text_add(text, " in %s at 0x%016llx", frame_who(frame), (unsigned long long)frame->pc);
}

/* A fault's address, or SP, just below the stack. */
static bool is_below(uintptr_t address, uintptr_t low)
{
    return address < low && low - address <= STACK_SIZE;
}

/* SP had left the stack, or a large frame reached below it while SP was still right. */
static bool is_stack_overflow(const struct trap_frame *frame)
{
    const struct arch_cpu *cpu = &cpu_self()->arch;
    if ((frame->vector & VECTOR_STACK_BAD) != 0)
        return is_below(frame->sp - FRAME_SIZE, cpu->lost_low);
    return frame_is_abort(frame) && frame_group(frame) == GROUP_KERNEL &&
           is_below(frame->fault, cpu->stack_low);
}

static void describe_stack(struct text *text, const struct trap_frame *frame)
{
    if (is_stack_overflow(frame))
        text_add(text, "kernel stack overflow: ");
    else if ((frame->vector & VECTOR_STACK_BAD) != 0)
        text_add(text, "bad kernel stack pointer 0x%016llx: ", (unsigned long long)frame->sp);
}

void arch_trap_describe(const struct trap_frame *frame, char *buffer, size_t size)
{
    struct text text = text_in(buffer, size);
    describe_stack(&text, frame);
    if (frame_kind(frame) == KIND_SYNCHRONOUS)
        describe_synchronous(&text, frame);
    else
        describe_other(&text, frame);
}

void arch_trap_registers(const struct trap_frame *frame, void (*line)(const char *text))
{
    char buffer[128];
    for (uint32_t i = 0; i < COUNT_OF(frame->x); i += 4) {
        struct text text = text_in(buffer, sizeof(buffer));
        for (uint32_t n = i; n < i + 4 && n < COUNT_OF(frame->x); n++)
            text_add(&text, "%sx%-2u 0x%016llx", n == i ? "" : "  ", n,
                     (unsigned long long)frame->x[n]);
        line(buffer);
    }
    (void)print_buffer(buffer, sizeof(buffer), "sp  0x%016llx  pc  0x%016llx  pstate 0x%08x",
                       (unsigned long long)frame->sp, (unsigned long long)frame->pc,
                       (uint32_t)frame->status);
    line(buffer);
    (void)print_buffer(buffer, sizeof(buffer), "esr 0x%08x  far 0x%016llx  vector %u",
                       (uint32_t)frame->cause, (unsigned long long)frame->fault,
                       (uint32_t)frame->vector & 15);
    line(buffer);
}
