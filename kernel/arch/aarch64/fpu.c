/*
 * AArch64: FPU and SIMD registers of threads.
 *
 * Life cycle: a thread starts without (`fpu_live` false, its area zero). Its first use traps
 * (fpu_use), and from then on the registers are on (CPACR_EL1) whenever it runs. When it leaves the
 * CPU (thread_arch_leave) they are saved into the area; what is still in the registers stays good
 * until somebody else's are loaded, so that a thread that comes back to a CPU where nobody else
 * used them loads nothing. They stay on until one runs that has none.
 *
 * Rules: a CPU's `arch.fpu` is compared, not followed, unless its running thread has them on: that
 * thread may be gone. A CPU writes its own fields, a thread's owner those of the thread.
 */
#include "fpu.h"
#include "arch_layout.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "obj/job.h"
#include "obj/thread.h"
#include "registers.h"
#include <abi_arch.h>

#define CPACR_FPEN ((uint64_t)3 << 20) /* EL0 and EL1 may use FPU and SIMD (D19.2.30) */

/* What is not reserved (C5.2.8, C5.2.9). */
#define FPCR_BITS 0x07ff9f00u
#define FPSR_BITS 0xf800009fu

_Static_assert(sizeof(struct abi_fpu) == FPU_SIZE, "fpu.S relies on it");
_Static_assert(offsetof(struct abi_fpu, fpsr) == FPU_STATUS, "fpu.S relies on it");
_Static_assert(offsetof(struct abi_fpu, fpcr) == FPU_STATUS + 4, "fpu.S relies on it");

void fpu_switch(struct cpu *self, struct arch_thread *state)
{
    if (self->arch.fpu_on != state->fpu_live) {
        sysreg_write("cpacr_el1", state->fpu_live ? CPACR_FPEN : 0);
        barrier_isb(); /* user mode comes behind an eret, fpu_load does not */
        self->arch.fpu_on = state->fpu_live;
    }
    if (!state->fpu_live || (self->arch.fpu == state && state->fpu_cpu == self))
        return;
    fpu_load(state->fpu);
    self->arch.fpu = state;
    state->fpu_cpu = self;
}

void fpu_use(struct cpu *self, struct arch_thread *state)
{
    assert(!self->arch.fpu_on && !state->fpu_live);
    state->fpu_live = true;
    fpu_switch(self, state);
}

error_t arch_thread_init(struct thread *thread, struct job *job)
{
    assert(is_aligned((uintptr_t)&thread->frame, 16)); /* it is SP while the thread runs */
    thread->arch = (struct arch_thread){.fpu = job_alloc(job, sizeof(struct abi_fpu))};
    return thread->arch.fpu != NULL ? OK : ERR_no_memory;
}

/* Also of one whose area could not be had. */
void arch_thread_free(struct thread *thread, struct job *job)
{
    if (thread->arch.fpu != NULL)
        job_release(job, thread->arch.fpu, sizeof(struct abi_fpu));
    thread->arch.fpu = NULL;
}

size_t arch_fpu_size(void)
{
    return sizeof(struct abi_fpu);
}

void arch_fpu_save(struct cpu *self, struct thread *thread)
{
    if (self->current == thread)
        arch_thread_leave(self, thread);
}

void arch_fpu_get(struct thread *thread, void *area)
{
    arch_fpu_save(cpu_self(), thread);
    memcpy(area, thread->arch.fpu, sizeof(struct abi_fpu));
}

error_t arch_fpu_set(struct thread *thread, const void *area)
{
    struct abi_fpu *fpu = thread->arch.fpu;
    memcpy(fpu, area, sizeof(*fpu));
    fpu->fpsr &= FPSR_BITS;
    fpu->fpcr &= FPCR_BITS;
    fpu->reserved = 0;
    thread->arch.fpu_live = true;
    thread->arch.fpu_cpu = NULL; /* no CPU's registers are the thread's */
    if (cpu_self()->current == thread)
        fpu_switch(cpu_self(), &thread->arch);
    return OK;
}
