/* x86-64: address spaces of processes: switching, forgetting, tags (arch_space.h). */
#include "arch/space.h"
#include "arch/mmu.h"
#include "entry_area.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/phys.h"
#include "mem/space.h"
#include "mem/vmap.h"
#include "mitigations.h"
#include "obj/job.h"
#include "registers.h"
#include "sched/cpu.h"
#include "x86.h"

#define TABLE_HALF      (PAGE_SIZE / 2) /* the kernel's part of a root */
#define FLUSH_PAGES_MAX 32              /* above, forgetting the whole half is cheaper */

/* What a flush tells the CPUs. */
struct space_flush {
    const struct arch_space *space;
    uintptr_t va;
    uint64_t size;
    uint64_t before, version; /* of the space */
};

/* Never given twice: each CPU counts for itself. */
static uint64_t version_next(struct cpu *self)
{
    return (uint64_t)(self->number + 1) << 48 | ++self->arch.versions;
}

void arch_space_init(struct arch_space *space, phys_t root)
{
    struct cpu *self = cpu_self();
    assert(is_aligned(root.pa, PAGE_SIZE));
    uint64_t version = version_next(self);
    bool tagged = features.pcid || mitigated(REMEDY_pti | REMEDY_ibpb);
    space->tag = tagged ? 1 + (uint32_t)(version % SPACE_TAGS) : 0;
    space->cr3 = root.pa | (features.pcid ? space->tag : 0);
    const struct job *job = CONTAINER_OF(space, struct space, arch)->job;
    space->job = job != NULL ? job->object.identity : 0; /* a self test's has none */
    atomic_init(&space->version, version);
    memcpy((char *)phys_to_virt(root) + TABLE_HALF,
           (const char *)phys_to_virt(entry_root()) + TABLE_HALF, TABLE_HALF);
}

/* Nothing that another job taught the predictors is left. */
static void job_barrier(struct cpu *cpu, const struct arch_space *space)
{
    if (cpu->arch.barrier_job != space->job)
        predictor_barrier();
    cpu->arch.barrier_job = space->job;
}

/*
 * With REMEDY_pti the kernel stays on its own root, and the space's is loaded on the way out: by
 * its tag as it is, or forgetting that once. A way out that never came has forgotten nothing.
 */
static void user_root_set(struct cpu *cpu, uint64_t cr3, bool keep)
{
    struct entry_area *area = cpu->arch.area;
    if (keep)
        cr3 |= area->keep;
    area->user_cr3 = cr3;
}

static void user_root_leave(struct cpu *cpu)
{
    uint64_t before = cpu->arch.area->user_cr3;
    if ((before & CR3_KEEP) == 0)
        cpu->arch.tag_version[before % PAGE_SIZE] = 0;
}

/* What arch_space_switch_tagged does on CPUs with vulnerabilities. */
static void switch_guarded(struct cpu *cpu, struct arch_space *space)
{
    if (mitigated(REMEDY_ibpb))
        job_barrier(cpu, space);
    if (mitigated(REMEDY_pti))
        user_root_leave(cpu);
    uint64_t *held = &cpu->arch.tag_version[space->tag];
    uint64_t version = atomic_load_explicit(&space->version, memory_order_relaxed);
    bool keep = features.pcid && *held == version;
    *held = version;
    if (mitigated(REMEDY_pti))
        user_root_set(cpu, space->cr3, keep);
    else
        cr3_write(space->cr3 | (keep ? CR3_KEEP : 0));
}

/* The fence pairs with the one in arch_space_flush. */
void arch_space_switch_tagged(struct cpu *cpu, struct arch_space *space)
{
    uint64_t *held = &cpu->arch.tag_version[space->tag];
    atomic_store_explicit(&cpu->arch.space, space, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (mitigated(REMEDY_pti | REMEDY_ibpb)) {
        switch_guarded(cpu, space);
        return;
    }
    uint64_t version = atomic_load_explicit(&space->version, memory_order_relaxed);
    debug_assert(space->tag <= SPACE_TAGS && version != 0);
    if (*held == version) {
        cr3_write(space->cr3 | CR3_KEEP);
        return;
    }
    *held = version;
    cr3_write(space->cr3);
}

/* By the kernel's own root and tag 0, by which no user half is ever seen. */
void arch_space_leave(struct cpu *self)
{
    debug_assert(self == cpu_self());
    cr3_write(vmap_root().pa);
    atomic_store_explicit(&self->arch.space, NULL, memory_order_release);
}

static void leave_if_current(void *argument)
{
    struct cpu *self = cpu_self();
    if (atomic_load_explicit(&self->arch.space, memory_order_relaxed) == argument)
        arch_space_leave(self);
}

static bool space_on(const struct cpu *cpu, const struct arch_space *space)
{
    return atomic_load_explicit(&cpu->arch.space, memory_order_relaxed) == space;
}

/* Runs `function` on the CPUs that are in `space`, one after the other. */
static void space_call(const struct arch_space *space, void (*function)(void *), void *argument)
{
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (space_on(cpu_table[i], space))
            cpu_call(cpu_table[i], function, argument);
}

/* A CPU stays in the space of the last thread that it ran. */
void arch_space_vacate(struct arch_space *space)
{
    debug_assert(cpu_self()->held_count == 0);
    space_call(space, leave_if_current, space);
}

void arch_space_end(struct arch_space *space)
{
    arch_space_vacate(space);
    memset((char *)phys_to_virt(PHYS(align_down(space->cr3, PAGE_SIZE))) + TABLE_HALF, 0,
           TABLE_HALF);
}

/* Entries of user halves are never global, so that loading CR3 forgets them all; with REMEDY_pti
 * the way out does so, and the kernel itself has none. */
static void flush_all(struct cpu *self, const struct arch_space *space)
{
    if (mitigated(REMEDY_pti))
        user_root_set(self, space->cr3, false);
    else
        cr3_write(space->cr3);
}

static void flush_range(struct cpu *self, const struct space_flush *flush)
{
    if (mitigated(REMEDY_pti) || flush->size / PAGE_SIZE > FLUSH_PAGES_MAX) {
        flush_all(self, flush->space);
        return;
    }
    for (uint64_t at = 0; at < flush->size; at += PAGE_SIZE)
        __asm__ volatile("invlpg (%0)" ::"r"(flush->va + at) : "memory");
}

/*
 * On a CPU in the space. The TLB has seen all changes up to the version that it stands for; if that
 * is the one before, and none came after, forgetting the range brings it up to date.
 */
static void flush_tagged(struct cpu *self, const struct space_flush *flush)
{
    uint64_t *held = &self->arch.tag_version[flush->space->tag];
    uint64_t version = atomic_load_explicit(&flush->space->version, memory_order_acquire);
    if (*held == version)
        return;
    if (*held == flush->before && version == flush->version)
        flush_range(self, flush);
    else
        flush_all(self, flush->space);
    *held = version;
}

static void flush_local(void *argument)
{
    const struct space_flush *flush = argument;
    struct cpu *self = cpu_self();
    if (!space_on(self, flush->space))
        return;
    if (flush->space->tag != 0)
        flush_tagged(self, flush);
    else
        flush_range(self, flush);
}

/* The exchange is the full barrier between the tables and the CPUs' `space`. */
void arch_space_flush(struct arch_space *space, uintptr_t va, uint64_t size)
{
    struct cpu *self = cpu_self();
    debug_assert(self->held_count == 0 && is_aligned(va | size, PAGE_SIZE));
    struct space_flush flush = {
        .space = space, .va = va, .size = size, .version = version_next(self)};
    flush.before = atomic_exchange(&space->version, flush.version);
    space_call(space, flush_local, &flush);
}
