/*
 * x86-64: FPU and vector registers of threads.
 *
 * A thread that never used them runs with CR0.TS set; its first use traps (#NM) and loads its area.
 * From then on it *has* a state: arch_thread_leave saves it when the thread leaves its CPU, before
 * another may take it; a switch to it loads it, unless this CPU's registers still hold it. So
 * the area is current whenever the thread is not, and no CPU ever asks another for registers.
 * The kernel itself uses no such register.
 *
 * The area is what XSAVE writes (SDM 1 13.4, standard form) for x87, SSE, AVX and AVX-512, or what
 * FXSAVE does. Fresh or imported, it is checked once, so that loading it cannot fault.
 */
#include "arch/cpu.h"
#include "arch/user.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mitigations.h"
#include "obj/job.h"
#include "obj/thread.h"
#include "registers.h"
#include "sched/cpu.h"
#include "x86.h"

#define STATE_X87    (1u << 0)
#define STATE_SSE    (1u << 1)
#define STATE_AVX    (1u << 2)
#define STATE_AVX512 (7u << 5)

#define FPU_CONTROL_START 0x37f
#define MXCSR_START       0x1f80
#define MXCSR_MASK_OLD    0xffbf /* where the CPU says 0 (SDM 1 11.6.6) */

/* The parts of an area that are looked at: SDM 1 10.5.1, 13.4.2. */
struct fpu_area {
    uint16_t control;
    uint16_t unused[11];
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[480];
    uint64_t present, compacted, reserved[6]; /* with XSAVE only */
};
_Static_assert(offsetof(struct fpu_area, mxcsr) == 24, "SDM 1 table 10-2");
_Static_assert(offsetof(struct fpu_area, present) == 512, "SDM 1 13.4.2");
_Static_assert(sizeof(struct fpu_area) == 576, "SDM 1 13.4.3: the rest follows the header");

uint32_t fpu_states;

/* The same on all CPUs; set once, by the boot CPU. */
static struct {
    size_t size;     /* 0: not set yet */
    uint32_t states; /* 0: without XSAVE */
    uint32_t mxcsr_mask;
} fpu;

/* On a CPU without XSAVEOPT. */
void fpu_leave(struct arch_thread *thread)
{
    if (fpu.states != 0)
        __asm__ volatile("xsave64 (%0)" ::"r"(thread->fpu), "a"(fpu.states), "d"(0) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" ::"r"(thread->fpu) : "memory");
}

static void area_load(const void *area)
{
    if (fpu.states != 0)
        __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(fpu.states), "d"(0) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

static void fpu_allow(struct cpu *cpu)
{
    if ((cpu->arch.extra & EXTRA_FPU) != 0)
        return;
    __asm__ volatile("clts");
    cpu->arch.extra |= EXTRA_FPU;
}

static void fpu_forbid(struct cpu *cpu)
{
    if ((cpu->arch.extra & EXTRA_FPU) == 0)
        return;
    cr0_write(cr0_read() | CR0_TS);
    cpu->arch.extra &= (uint8_t)~EXTRA_FPU;
}

static void fpu_load(struct cpu *cpu, struct arch_thread *thread)
{
    debug_assert((thread->extra & EXTRA_FPU) != 0);
    fpu_allow(cpu);
    if (cpu->arch.fpu == thread && thread->fpu_cpu == cpu->number + 1)
        return;
    area_load(thread->fpu);
    cpu->arch.fpu = thread;
    thread->fpu_cpu = cpu->number + 1;
}

void fpu_switch(struct cpu *cpu, struct arch_thread *to)
{
    if ((to->extra & EXTRA_FPU) != 0)
        fpu_load(cpu, to);
    else
        fpu_forbid(cpu);
}

void fpu_first_use(struct cpu *cpu, struct arch_thread *thread)
{
    assert((thread->extra & EXTRA_FPU) == 0);
    thread->extra |= EXTRA_FPU;
    fpu_load(cpu, thread);
}

void arch_fpu_save(struct cpu *self, struct thread *thread)
{
    if (self->current == thread)
        arch_thread_leave(self, thread);
}

size_t arch_fpu_size(void)
{
    return fpu.size;
}

/* One of zeroes. */
static void area_start(struct fpu_area *area)
{
    area->control = FPU_CONTROL_START;
    area->mxcsr = MXCSR_START;
}

/* An eager thread has a state from the start, so that CR0.TS never hides somebody else's. */
static uint8_t extra_at_start(void)
{
    return mitigated(REMEDY_eager_fpu) ? EXTRA_FPU : 0;
}

error_t arch_thread_init(struct thread *thread, struct job *job)
{
    assert(fpu.size != 0);
    void *area = job_alloc(job, fpu.size);
    if (area == NULL)
        return ERR_no_memory;
    assert(is_aligned((uintptr_t)area, 64));
    area_start(area);
    thread->arch = (struct arch_thread){.extra = extra_at_start(), .fpu = area};
    return OK;
}

/* Also of one whose area could not be had. */
void arch_thread_free(struct thread *thread, struct job *job)
{
    if (thread->arch.fpu != NULL)
        job_release(job, thread->arch.fpu, fpu.size);
    thread->arch.fpu = NULL;
}

void arch_fpu_get(struct thread *thread, void *area)
{
    arch_fpu_save(cpu_self(), thread);
    memcpy(area, thread->arch.fpu, fpu.size);
}

/* What FXRSTOR or XRSTOR would raise #GP for (SDM 1 13.8.1, 10.5.1.2). */
static bool area_valid(const struct fpu_area *area)
{
    if ((area->mxcsr & ~fpu.mxcsr_mask) != 0)
        return false;
    if (fpu.states == 0)
        return true;
    uint64_t reserved = area->compacted;
    for (size_t i = 0; i < COUNT_OF(area->reserved); i++)
        reserved |= area->reserved[i];
    return reserved == 0 && (area->present & ~(uint64_t)fpu.states) == 0;
}

/* As if the FPU had never been used: the thread stays without a state. */
static bool area_is_start(const struct fpu_area *area)
{
    return fpu.states != 0 && area->present == 0 && area->mxcsr == MXCSR_START;
}

/* `area` is kernel memory: nobody else changes it. */
error_t arch_fpu_set(struct thread *thread, const void *area)
{
    struct cpu *self = cpu_self();
    struct arch_thread *arch = &thread->arch;
    if (!area_valid(area))
        return ERR_bad_argument;
    memcpy(arch->fpu, area, fpu.size);
    arch->fpu_cpu = 0;
    if (!area_is_start(area))
        arch->extra |= EXTRA_FPU;
    else
        arch->extra = (uint8_t)((arch->extra & ~EXTRA_FPU) | extra_at_start());
    if (self->current == thread)
        fpu_switch(self, arch);
    return OK;
}

/* Only states that are saved may be used: no PKRU, AMX or bounds. */
static uint32_t states_wanted(void)
{
    struct cpuid leaf = cpuid_read(0xd, 0);
    uint32_t states = STATE_X87 | STATE_SSE | (leaf.a & STATE_AVX);
    if ((states & STATE_AVX) != 0 && (leaf.a & STATE_AVX512) == STATE_AVX512)
        states |= STATE_AVX512;
    return states;
}

static void xcr0_write(uint32_t states)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"(states), "d"(0));
}

/* FXSAVE says which bits of MXCSR there are (SDM 1 11.6.6). */
static uint32_t mxcsr_mask_read(void)
{
    static struct fpu_area probe __attribute__((aligned(64)));
    __asm__ volatile("clts; fninit; fxsave64 %0" : "=m"(probe));
    return probe.mxcsr_mask == 0 ? MXCSR_MASK_OLD : probe.mxcsr_mask;
}

static void fpu_choose(void)
{
    fpu.mxcsr_mask = mxcsr_mask_read();
    fpu.size = offsetof(struct fpu_area, present);
    if (!features.xsave)
        return;
    fpu.states = states_wanted();
    xcr0_write(fpu.states);
    fpu.size = cpuid_read(0xd, 0).b; /* for what XCR0 enables */
    fpu_states = (cpuid_read(0xd, 1).a & 1) != 0 ? fpu.states : 0;
    assert(fpu.size >= sizeof(struct fpu_area));
}

void fpu_init_cpu(struct cpu *cpu)
{
    if (features.xsave)
        cr4_write(cr4_read() | CR4_XSAVE);
    if (fpu.size == 0)
        fpu_choose();
    else if (features.xsave)
        xcr0_write(fpu.states);
    cr0_write(cr0_read() | CR0_TS);
    cpu->arch.extra = 0;
    cpu->arch.fpu = NULL;
}
