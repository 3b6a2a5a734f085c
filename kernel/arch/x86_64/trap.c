/*
 * x86-64: segments, stacks for traps, the interrupt table, and what a trap means.
 *
 * Exceptions of the kernel are diagnosed and end in a panic (those of ring 3: user_trap.c); vectors
 * above 31 are interrupts. NMI, double fault and machine check have stacks of their own (IST), so
 * that they can be taken with a broken stack. Sources: Intel SDM 3A chapters 5 to 7.
 */
#include "arch/trap.h"
#include "arch/cpu.h"
#include "entry_area.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/vmap.h"
#include "registers.h"
#include "sched/cpu.h"
#include "trace/panic.h"
#include "x86.h"

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM 3A figure 6-8");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define GATE_INTERRUPT 0x8e            /* present, ring 0, interrupts off on entry */
#define GATE_USER      0xee            /* the same, for INT of ring 3 */
#define STUB_SIZE      ((uintptr_t)16) /* entry.S aligns them so */
#define IST_STACK_SIZE (2 * PAGE_SIZE)

static struct gate idt[256]
    __attribute__((aligned(PAGE_SIZE))); /* a page of its own: entry_area.c */
_Static_assert(sizeof(idt) == PAGE_SIZE, "nothing else is shown with it");
static uintptr_t idt_stubs; /* what it names; changes on the boot CPU before others start */
static char early_stack[PAGE_SIZE] __attribute__((aligned(16))); /* all ISTs until prepared */

/* Where ring 3 without a thread is saved, which only self tests go to. */
static struct trap_frame nobody __attribute__((aligned(16)));

static const char *const exception_mnemonics[32] = {
#define EXCEPTION(vector, mnemonic, words) [vector] = mnemonic,
#include "exception.def"
#undef EXCEPTION
};

static const char *const exception_words[32] = {
#define EXCEPTION(vector, mnemonic, words) [vector] = words,
#include "exception.def"
#undef EXCEPTION
};

static uint8_t vector_ist(uint32_t vector)
{
    switch (vector) {
    case VECTOR_DEBUG:
        return IST_DEBUG;
    case VECTOR_NMI:
        return IST_NMI;
    case 8:
        return IST_DOUBLE_FAULT;
    case 18:
        return IST_MACHINE_CHECK;
    default:
        return IST_NONE;
    }
}

/* INT3 and the old system call; every other INT of ring 3 is a protection fault. */
static uint8_t vector_gate(uint32_t vector)
{
    return vector == VECTOR_BREAKPOINT || vector == VECTOR_SYSCALL ? GATE_USER : GATE_INTERRUPT;
}

/* Where this CPU's entries begin: those of guarded.S once it has an area. */
static uintptr_t stubs_wanted(void)
{
    return (uintptr_t)(cpu_self()->arch.area != NULL ? trap_stubs_guarded : trap_stubs_plain);
}

static void idt_fill(uintptr_t stubs)
{
    idt_stubs = stubs;
    for (uint32_t i = 0; i < 256; i++) {
        uintptr_t stub = stubs + STUB_SIZE * i;
        idt[i] = (struct gate){.offset_low = (uint16_t)stub,
                               .selector = SELECTOR_KERNEL_CODE,
                               .ist = vector_ist(i),
                               .type = vector_gate(i),
                               .offset_middle = (uint16_t)(stub >> 16),
                               .offset_high = (uint32_t)(stub >> 32)};
    }
}

void idt_load(void)
{
    if (idt_stubs != stubs_wanted())
        idt_fill(stubs_wanted());
    struct table_pointer pointer = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

const void *idt_page(void)
{
    return idt;
}

static void gdt_fill(uint64_t gdt[GDT_ENTRIES], struct tss *state)
{
    uint64_t tss = (uint64_t)(uintptr_t)state;
    gdt[1] = 0x00af9b000000ffff; /* kernel code, 64 bit */
    gdt[2] = 0x00cf93000000ffff; /* kernel data */
    gdt[3] = 0x00cff3000000ffff; /* user data */
    gdt[4] = 0x00affb000000ffff; /* user code, 64 bit */
    gdt[5] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | (uint64_t)0x89 << 40 |
             (tss >> 24 & 0xff) << 56;
    gdt[6] = tss >> 32;
    state->io_map = sizeof(struct tss);
}

static void stacks_fill(struct arch_cpu *arch)
{
    arch->tss.stack[0] = (uint64_t)(uintptr_t)(&nobody + 1);
    arch->stack = CONTAINER_OF(arch, struct cpu, arch)->stack_high;
    for (uint32_t i = 0; i < IST_COUNT - 1; i++) {
        if (arch->tss.ist[i] == 0)
            arch->tss.ist[i] = (uint64_t)(uintptr_t)(early_stack + sizeof(early_stack));
    }
}

uint64_t *gdt_of(struct cpu *cpu)
{
    return cpu->arch.area != NULL ? cpu->arch.area->gdt : cpu->arch.gdt;
}

void gdt_load(struct cpu *cpu)
{
    struct entry_area *area = cpu->arch.area;
    stacks_fill(&cpu->arch);
    gdt_fill(gdt_of(cpu), area != NULL ? &area->tss : &cpu->arch.tss);
    struct table_pointer pointer = {sizeof(cpu->arch.gdt) - 1, (uint64_t)(uintptr_t)gdt_of(cpu)};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1: movl %2, %%eax\n\t"
                     "movl %%eax, %%ss\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "lldt %w4\n\t" /* none: after a reset it is at 0, user code's memory */
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA),
                       "r"(SELECTOR_TSS), "r"(0)
                     : "rax", "memory");
    cpu->arch.self = cpu;
    if (area != NULL)
        area->stack = cpu->arch.stack;
    msr_write(MSR_GS_BASE, area != NULL ? (uint64_t)(uintptr_t)area : (uint64_t)(uintptr_t)cpu);
    msr_write(MSR_KERNEL_GS, 0); /* user code's, while the kernel runs */
}

error_t arch_trap_prepare(struct cpu *cpu)
{
    cpu->arch.self = cpu;
    for (uint32_t i = 0; i < IST_COUNT - 1; i++) {
        uintptr_t low, high;
        error_t error = vmap_stack(IST_STACK_SIZE, cpu->node, &low, &high);
        if (error != OK)
            return error;
        cpu->arch.tss.ist[i] = high;
    }
    return entry_area_make(cpu);
}

void arch_trap_init_cpu(void)
{
    gdt_load(cpu_self());
    idt_load();
}

/* The step of ring 3 by SYSCALL or INT, on a CPU that takes it after having switched to the kernel.
 */
static bool step_of_entry(const struct trap_frame *frame)
{
    return frame->vector == VECTOR_DEBUG &&
           (frame->rip == (uintptr_t)syscall_plain || frame->rip == (uintptr_t)syscall_guarded ||
            frame->rip - idt_stubs < STUB_SIZE * COUNT_OF(idt));
}

void trap_entry(struct trap_frame *frame)
{
    debug_assert(!arch_irq_enabled());
    if (frame->vector >= VECTOR_LINE) {
        irq_vector((uint8_t)frame->vector);
        return;
    }
    if (frame->vector >= VECTOR_PIC && lapic_end_stale((uint8_t)frame->vector))
        return;
    if (frame->vector == VECTOR_NMI)
        cpu_stop_if_asked();
    if (step_of_entry(frame))
        return;
    metric_add(METRIC_exceptions, 1);
    panic_trap(frame);
}

static const char *fault_who(const struct trap_frame *frame)
{
    return (frame->cs & 3) != 0 ? "user code" : "the kernel";
}

/* SDM 3A 4.7: bits of the error code. */
static void describe_page_fault(const struct trap_frame *frame, char *text, size_t size)
{
    uint64_t error = frame->error;
    const char *what = (error & 16) != 0  ? "execution at"
                       : (error & 2) != 0 ? "write to"
                                          : "read of";
    const char *why = (error & 8) != 0    ? "a reserved bit is set in the page table"
                      : (error & 1) == 0  ? "the page is not mapped"
                      : (error & 32) != 0 ? "the protection key forbids it"
                                          : "the page's rights forbid it";
    print_buffer(text, size, "page fault: %s 0x%lx by %s: %s", what, cr2_read(), fault_who(frame),
                 why);
}

/* SDM 3A 6.13: an error code that names a segment. */
static void describe_selector(const struct trap_frame *frame, char *text, size_t size)
{
    const char *table = (frame->error & 2) != 0 ? "IDT" : (frame->error & 4) != 0 ? "LDT" : "GDT";
    print_buffer(text, size, "%s (%s) by %s, %s entry %lu", exception_words[frame->vector],
                 exception_mnemonics[frame->vector], fault_who(frame), table, frame->error >> 3);
}

static bool error_names_selector(const struct trap_frame *frame)
{
    return frame->error != 0 && frame->vector >= 10 && frame->vector <= 13;
}

void arch_trap_describe(const struct trap_frame *frame, char *text, size_t size)
{
    if (frame->vector >= 32)
        print_buffer(text, size, "unexpected interrupt on vector %lu", frame->vector);
    else if (frame->vector == 14)
        describe_page_fault(frame, text, size);
    else if (error_names_selector(frame))
        describe_selector(frame, text, size);
    else
        print_buffer(text, size, "%s (%s) by %s", exception_words[frame->vector],
                     exception_mnemonics[frame->vector], fault_who(frame));
}

void arch_trap_registers(const struct trap_frame *f, void (*line)(const char *text))
{
    char text[120];
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rip", f->rip},     {"rsp", f->rsp},     {"rbp", f->rbp},      {"rax", f->rax},
        {"rbx", f->rbx},     {"rcx", f->rcx},     {"rdx", f->rdx},      {"rsi", f->rsi},
        {"rdi", f->rdi},     {"r8", f->r8},       {"r9", f->r9},        {"r10", f->r10},
        {"r11", f->r11},     {"r12", f->r12},     {"r13", f->r13},      {"r14", f->r14},
        {"r15", f->r15},     {"cs", f->cs},       {"flags", f->rflags}, {"error", f->error},
        {"cr0", cr0_read()}, {"cr2", cr2_read()}, {"cr3", cr3_read()},  {"cr4", cr4_read()}};
    for (size_t i = 0; i < COUNT_OF(registers); i += 4) {
        size_t at = 0;
        for (size_t j = i; j < i + 4 && j < COUNT_OF(registers); j++)
            at += print_buffer(text + at, sizeof(text) - at, "%-5s %016lx  ", registers[j].name,
                               registers[j].value);
        line(text);
    }
}
