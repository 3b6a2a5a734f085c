/*
 * AArch64: user mode in C: what entry.S calls when a thread came in by other than a system call,
 * and a thread's registers as others see them.
 *
 * Rules: interrupts are off. Who owns a thread may read and write its registers on any CPU; the
 * running thread's thread pointer is in the CPU.
 */
#include "arch/user.h"
#include "arch_layout.h"
#include "exception.h"
#include "fpu.h"
#include "irq.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mitigations.h"
#include "obj/reclaim.h"
#include "obj/thread.h"
#include "registers.h"
#include "trace/panic.h"
#include <abi_arch.h>

#define VECTOR_USER 8 /* of the frames of threads */

/* SPSR_EL1 (D19.2.127) of what comes from user mode: M is 0 (EL0t, AArch64), D, A, I and F are 0.
 */
#define STATUS_FLAGS   ((uint64_t)0xf0000000) /* N, Z, C, V */
#define STATUS_NO_USER ((uint64_t)0x001003df) /* M[4:0], F, I, A, D, and IL */

_Static_assert(offsetof(struct thread, frame) == 0, "entry.S takes the one for the other");
_Static_assert(offsetof(struct trap_frame, x[30]) == FRAME_X30, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.stack_high) == CPU_STACK_HIGH, "entry.S relies on it");
_Static_assert(offsetof(struct cpu, arch.no_frame) == CPU_NO_FRAME, "entry.S relies on it");

struct user_exit user_interrupt(struct cpu *self, struct thread *thread); /* for entry.S */
struct user_exit user_trap(struct cpu *self, struct thread *thread);

struct user_exit user_interrupt(struct cpu *self, struct thread *thread)
{
    assert(self->current == thread);
    irq_take();
    /* Behind that: who asks while an SGI is pending, before it is acknowledged, raises no other. */
    reclaim_answer(self);
    return user_leave(self);
}

static enum fault_class abort_fault(uint64_t cause)
{
    uint32_t status = (uint32_t)(cause & ABORT_STATUS);
    if (status == STATUS_ALIGNMENT)
        return FAULT_alignment;
    return status < STATUS_EXTERNAL ? FAULT_page : FAULT_machine;
}

static bool is_abort(uint32_t class)
{
    return class == CLASS_FETCH_USER || class == CLASS_DATA_USER;
}

/* What has no line here, like access to a system register, is no instruction of user mode. */
static enum fault_class frame_fault(const struct trap_frame *frame)
{
    static const uint8_t faults[64] = {
        [CLASS_PC] = FAULT_alignment,   [CLASS_SP] = FAULT_alignment,
        [CLASS_FPU] = FAULT_fpu,        [CLASS_BREAKPOINT_USER] = FAULT_debug,
        [CLASS_STEP_USER] = FAULT_step, [CLASS_WATCHPOINT_USER] = FAULT_debug,
        [CLASS_BRK] = FAULT_breakpoint,
    };
    uint32_t class = frame_class(frame);
    if (is_abort(class))
        return abort_fault(frame->cause);
    return faults[class] != FAULT_NONE ? (enum fault_class)faults[class] : FAULT_undefined;
}

/* FAR_EL1 tells the address of those that have one. */
static uaddr_t frame_fault_address(const struct trap_frame *frame)
{
    uint32_t class = frame_class(frame);
    if (is_abort(class) || class == CLASS_PC || class == CLASS_WATCHPOINT_USER)
        return (uaddr_t){frame->fault};
    return (uaddr_t){class == CLASS_SP ? frame->sp : frame->pc};
}

static uint64_t frame_access(const struct trap_frame *frame)
{
    if (frame_class(frame) == CLASS_FETCH_USER)
        return SPACE_EXECUTE;
    return (frame->cause & (ABORT_WRITE | ABORT_CACHE)) == ABORT_WRITE ? SPACE_WRITE : SPACE_READ;
}

/* Only a test enters user mode without a thread, to see this panic (selftest/arch). */
struct user_exit user_trap(struct cpu *self, struct thread *thread)
{
    const struct trap_frame *frame = &thread->frame;
    if (self->current != thread)
        panic_trap(frame);
    if (frame_class(frame) == CLASS_FPU_OFF) {
        fpu_use(self, &thread->arch);
        return (struct user_exit){.thread = thread, .message = &thread->frame};
    }
    enum fault_class fault = frame_fault(frame);
    cpu_metric_add(self, METRIC_exceptions, 1);
    return thread_trap(self, thread, fault, frame_fault_address(frame),
                       fault == FAULT_page ? frame_access(frame) : frame->cause);
}

void arch_frame_init(struct trap_frame *frame, uaddr_t pc, uaddr_t sp, uint64_t argument)
{
    *frame = (struct trap_frame){.pc = pc.va, .sp = sp.va, .vector = VECTOR_USER};
    frame->x[0] = argument;
}

static bool is_running_here(const struct thread *thread)
{
    return cpu_self()->current == thread;
}

void arch_registers_get(const struct thread *thread, struct abi_registers *registers)
{
    const struct trap_frame *frame = &thread->frame;
    memcpy(registers->x, frame->x, sizeof(registers->x));
    registers->sp = frame->sp;
    registers->pc = frame->pc;
    registers->pstate = frame->status & STATUS_FLAGS;
    registers->thread_pointer =
        is_running_here(thread) ? sysreg_read("tpidr_el0") : thread->arch.thread_pointer;
}

/*
 * Any `pc` and `sp` will do: user mode can bring itself to each value, which must come back from an
 * export, and what is wrong with them faults there.
 */
error_t arch_registers_set(struct thread *thread, const struct abi_registers *registers)
{
    struct trap_frame *frame = &thread->frame;
    if ((registers->pstate & STATUS_NO_USER) != 0 || registers->pstate >> 32 != 0)
        return ERR_bad_argument;
    memcpy(frame->x, registers->x, sizeof(frame->x));
    frame->sp = registers->sp;
    frame->pc = registers->pc;
    frame->status = registers->pstate & STATUS_FLAGS;
    arch_thread_pointer_set(thread, (uaddr_t){registers->thread_pointer});
    return OK;
}

void arch_thread_pointer_set(struct thread *thread, uaddr_t pointer)
{
    thread->arch.thread_pointer = pointer.va;
    if (is_running_here(thread)) /* no switch will load it */
        sysreg_write("tpidr_el0", pointer.va);
}

/*
 * FPU and SIMD are off until a thread uses them (fpu.c); features_enable lets user mode read the
 * virtual counter. What else reset leaves open is closed: performance counters.
 */
void arch_user_init_cpu(void)
{
    const struct cpu *self = cpu_self();
    assert(self->arch.stack_high != 0 && self->arch.no_frame == 0 && !self->arch.fpu_on);
    assert(self->arch.stack_high == self->arch.stack_low + STACK_SIZE);
    sysreg_write("tpidr_el0", 0);
    sysreg_write("tpidrro_el0", 0);
    uint32_t counters = id_field("id_aa64dfr0_el1", 8);
    if (counters != 0 && counters != 15)
        sysreg_write("pmuserenr_el0", 0);
    mitigations_init_cpu();
}
