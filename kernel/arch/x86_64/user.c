/* x86-64: user mode: entry registers of the CPU, and the registers of threads (arch/user.h). */
#include "arch/user.h"
#include "arch/cpu.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/space.h"
#include "mitigations.h"
#include "obj/thread.h"
#include "registers.h"
#include "sched/cpu.h"
#include "x86.h"
#include <arch/x86_64/abi_arch.h>

#define FLAGS_ALWAYS 0x202u    /* interrupts on, and the bit that is always set */
#define FLAGS_USER   0x254dd5u /* what user code may have: C P A Z S T D O NT RF AC ID */
#define FLAGS_MASKED 0x47700u  /* cleared by syscall: T I D IOPL NT, and AC, which lifts SMAP */
#define EFER_SYSCALL 1u
#define STAR_VALUE   ((uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32)

_Static_assert(offsetof(struct cpu, arch) == 0, "gs: offsets");
_Static_assert(offsetof(struct arch_cpu, self) == CPU_SELF, "arch_layout.h");
_Static_assert(offsetof(struct arch_cpu, stack) == CPU_STACK, "arch_layout.h");
_Static_assert(offsetof(struct arch_cpu, scratch) == CPU_SCRATCH, "arch_layout.h");
_Static_assert(offsetof(struct arch_cpu, tss.stack[0]) == CPU_FRAME_END, "arch_layout.h");
_Static_assert(offsetof(struct thread, frame) == 0, "entry.S saves at the thread's address");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "arch_layout.h");
_Static_assert(FRAME_SIZE % 16 == 0, "the CPU aligns its stack pointer before it pushes");

#define LAYOUT(field, offset)                                                                      \
    _Static_assert(offsetof(struct trap_frame, field) == (offset), "arch_layout.h");
LAYOUT(r15, FRAME_R15)
LAYOUT(r14, FRAME_R14)
LAYOUT(r13, FRAME_R13)
LAYOUT(r12, FRAME_R12)
LAYOUT(r11, FRAME_R11)
LAYOUT(r10, FRAME_R10)
LAYOUT(r9, FRAME_R9)
LAYOUT(r8, FRAME_R8)
LAYOUT(rbp, FRAME_RBP)
LAYOUT(rdi, FRAME_RDI)
LAYOUT(rsi, FRAME_RSI)
LAYOUT(rdx, FRAME_RDX)
LAYOUT(rcx, FRAME_RCX)
LAYOUT(rbx, FRAME_RBX)
LAYOUT(rax, FRAME_RAX)
LAYOUT(vector, FRAME_VECTOR)
LAYOUT(rip, FRAME_RIP)
LAYOUT(cs, FRAME_CS)
LAYOUT(rflags, FRAME_FLAGS)
LAYOUT(rsp, FRAME_RSP)
LAYOUT(ss, FRAME_SS)
LAYOUT(error, FRAME_ERROR)

bool entry_clears_ac, entry_guarded; /* read by entry.S; set once */

/*
 * SYSRET takes CS and SS from STAR 63..48 plus 16 and 8 (SDM 3A 5.8.8). No breakpoint registers: a
 * user's must not hit in the first instruction of an entry.
 */
void arch_user_init_cpu(void)
{
    struct cpu *cpu = cpu_self();
    _Static_assert(SELECTOR_USER_CODE == SELECTOR_USER_DATA + 8, "SYSRET");
    _Static_assert(SELECTOR_KERNEL_DATA == SELECTOR_KERNEL_CODE + 8, "SYSCALL");
    assert(cpu->arch.stack == cpu->stack_high && cpu->arch.stack != 0);
    entry_clears_ac = features.smap;
    entry_guarded = cpu->arch.area != NULL;
    msr_write(MSR_STAR, STAR_VALUE);
    msr_write(MSR_LSTAR, (uint64_t)(uintptr_t)(entry_guarded ? syscall_guarded : syscall_plain));
    msr_write(MSR_FMASK, FLAGS_MASKED);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SYSCALL);
    msr_write(MSR_SYSENTER_CS, 0); /* SYSENTER is a protection fault */
    msr_write(MSR_FS_BASE, 0);
    msr_write(MSR_KERNEL_GS, 0);
    cpu->arch.fs_base = cpu->arch.gs_base = 0;
    __asm__ volatile("movq %0, %%dr7" ::"r"((uint64_t)0x400));
    fpu_init_cpu(cpu);
    mitigations_init_cpu();
}

/* While the kernel runs, the user's base of GS is in MSR_KERNEL_GS. A base that is not 0 is written
 * always: user code may have made it 0 by loading a selector. */
static void bases_load(struct cpu *cpu, const struct arch_thread *to)
{
    if ((cpu->arch.fs_base | to->fs_base) != 0)
        msr_write(MSR_FS_BASE, to->fs_base);
    if ((cpu->arch.gs_base | to->gs_base) != 0)
        msr_write(MSR_KERNEL_GS, to->gs_base);
    cpu->arch.fs_base = to->fs_base;
    cpu->arch.gs_base = to->gs_base;
    cpu->arch.extra = (uint8_t)((cpu->arch.extra & ~EXTRA_BASES) | (to->extra & EXTRA_BASES));
}

static void bases_set(struct thread *thread, uint64_t fs_base, uint64_t gs_base)
{
    struct arch_thread *arch = &thread->arch;
    struct cpu *self = cpu_self();
    arch->fs_base = fs_base;
    arch->gs_base = gs_base;
    bool bases = (fs_base | gs_base) != 0;
    arch->extra = (uint8_t)((arch->extra & ~EXTRA_BASES) | (bases ? EXTRA_BASES : 0));
    if (self->current == thread)
        bases_load(self, arch);
}

void thread_extra_switch(struct cpu *cpu, struct arch_thread *to)
{
    uint8_t any = cpu->arch.extra | to->extra;
    if ((any & EXTRA_BASES) != 0)
        bases_load(cpu, to);
    if ((any & EXTRA_FPU) != 0)
        fpu_switch(cpu, to);
}

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* IRETQ checks the instruction pointer in ring 0: one that it would refuse becomes 0, which is
 * never mapped. */
void arch_frame_init(struct trap_frame *frame, uaddr_t pc, uaddr_t sp, uint64_t argument)
{
    *frame = (struct trap_frame){.rdi = argument,
                                 .vector = FRAME_SET,
                                 .rip = canonical(pc.va) ? pc.va : 0,
                                 .cs = SELECTOR_USER_CODE,
                                 .rflags = FLAGS_ALWAYS,
                                 .rsp = sp.va,
                                 .ss = SELECTOR_USER_DATA};
}

static uint64_t entry_kind(const struct trap_frame *frame)
{
    switch (frame->vector) {
    case FRAME_SYSCALL:
    case FRAME_SYSCALL_SET:
        return ABI_ENTRY_SYSCALL;
    case FRAME_SYSCALL_OLD:
        return ABI_ENTRY_OLD;
    default:
        return ABI_ENTRY_NONE;
    }
}

static const uint16_t entry_vector[] = {[ABI_ENTRY_NONE] = FRAME_SET,
                                        [ABI_ENTRY_SYSCALL] = FRAME_SYSCALL_SET,
                                        [ABI_ENTRY_OLD] = FRAME_SYSCALL_OLD};

/* After a syscall, rcx and r11 are what the instruction left there. */
void arch_registers_get(const struct thread *thread, struct abi_registers *r)
{
    const struct trap_frame *f = &thread->frame;
    bool syscall = f->vector == FRAME_SYSCALL;
    *r = (struct abi_registers){
        .rax = f->rax,
        .rbx = f->rbx,
        .rcx = syscall ? f->rip : f->rcx,
        .rdx = f->rdx,
        .rsi = f->rsi,
        .rdi = f->rdi,
        .rbp = f->rbp,
        .rsp = f->rsp,
        .r8 = f->r8,
        .r9 = f->r9,
        .r10 = f->r10,
        .r11 = syscall ? f->rflags : f->r11,
        .r12 = f->r12,
        .r13 = f->r13,
        .r14 = f->r14,
        .r15 = f->r15,
        .rip = f->rip,
        .rflags = f->rflags,
        .fs_base = thread->arch.fs_base,
        .gs_base = thread->arch.gs_base,
        .entry = entry_kind(f),
    };
}

/* The sign of the GS base tells trap_paranoid whose it is, so the user's is in the lower half. */
static bool registers_valid(const struct abi_registers *r)
{
    return canonical(r->rip) && r->fs_base < SPACE_END && r->gs_base < SPACE_END &&
           r->entry < COUNT_OF(entry_vector);
}

static void frame_set_registers(struct trap_frame *frame, const struct abi_registers *r)
{
    *frame = (struct trap_frame){
        .r15 = r->r15,
        .r14 = r->r14,
        .r13 = r->r13,
        .r12 = r->r12,
        .r11 = r->r11,
        .r10 = r->r10,
        .r9 = r->r9,
        .r8 = r->r8,
        .rbp = r->rbp,
        .rdi = r->rdi,
        .rsi = r->rsi,
        .rdx = r->rdx,
        .rcx = r->rcx,
        .rbx = r->rbx,
        .rax = r->rax,
        .vector = entry_vector[r->entry],
        .rip = r->rip,
        .cs = SELECTOR_USER_CODE,
        .rflags = (r->rflags & FLAGS_USER) | FLAGS_ALWAYS,
        .rsp = r->rsp,
        .ss = SELECTOR_USER_DATA,
    };
}

/*
 * Any stack pointer, and a rip in the kernel's half, are what user code can have by itself: they
 * fault when used, in ring 3.
 */
error_t arch_registers_set(struct thread *thread, const struct abi_registers *registers)
{
    if (!registers_valid(registers))
        return ERR_bad_argument;
    frame_set_registers(&thread->frame, registers);
    bases_set(thread, registers->fs_base, registers->gs_base);
    return OK;
}

void arch_thread_pointer_set(struct thread *thread, uaddr_t pointer)
{
    bases_set(thread, pointer.va, thread->arch.gs_base);
}
