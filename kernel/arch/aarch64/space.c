/*
 * AArch64: address spaces of processes: their tags (ASIDs), and forgetting translations.
 *
 * Life cycle of a tag: free -> a space's, from arch_space_init to arch_space_end, which makes all
 * CPUs leave the space and forget what they have of the tag before it is free again. A space that
 * finds none free bears the shared tag; a CPU forgets that one's translations whenever it goes to a
 * space that bears it. Locks: none; a tag is taken and freed by one atomic operation on its bit.
 *
 * Translations are forgotten by the hardware's broadcast, as in mmu.c.
 */
#include "arch/space.h"
#include "arch_layout.h"
#include "early_map.h"
#include "features.h"
#include "lib/assert.h"
#include "mem/image.h"
#include "mem/space.h"
#include "mitigations.h"
#include "obj/job.h"
#include "registers.h"
#include <stdatomic.h>

#define TAG_WORD  64
#define TAGS_MOST 65536
#define TAGS_FEW  256

/* Above this many pages one flush of the whole tag is cheaper. */
#define FLUSH_MOST 512

#define FLUSH_PAGE ((uint64_t)0xfffffffffff) /* TLBI's operand (C5.5): address bits 55 to 12 */

_Static_assert(offsetof(struct cpu, arch.space) == CPU_SPACE, "guarded.S relies on it");
_Static_assert(offsetof(struct cpu, arch.barrier_job) == CPU_BARRIER_JOB, "guarded.S relies on it");
_Static_assert(offsetof(struct arch_space, user) == SPACE_USER, "guarded.S relies on it");
_Static_assert(offsetof(struct arch_space, job) == SPACE_JOB, "guarded.S relies on it");

static _Atomic(uint64_t) tags_used[TAGS_MOST / TAG_WORD] = {(uint64_t)1 << SPACE_TAG_SHARED |
                                                            (uint64_t)1 << SPACE_TAG_KERNEL};
static _Atomic(uint32_t) tag_hint; /* a word to begin with; any value is right */

static uint32_t tag_words(void)
{
    return (features.asid16 ? TAGS_MOST : TAGS_FEW) / TAG_WORD;
}

/* Takes a bit of a word: its number, or -1 if all are used. */
static int tag_take_in(_Atomic(uint64_t) *word)
{
    uint64_t used = atomic_load_explicit(word, memory_order_relaxed);
    while (~used != 0) {
        int bit = __builtin_ctzll(~used);
        if (atomic_compare_exchange_weak_explicit(word, &used, used | (uint64_t)1 << bit,
                                                  memory_order_acquire, memory_order_relaxed))
            return bit;
    }
    return -1;
}

static uint64_t tag_take(void)
{
    uint32_t words = tag_words();
    uint32_t start = atomic_load_explicit(&tag_hint, memory_order_relaxed);
    for (uint32_t i = 0; i < words; i++) {
        uint32_t word = (start + i) % words;
        int bit = tag_take_in(&tags_used[word]);
        if (bit >= 0) {
            atomic_store_explicit(&tag_hint, word, memory_order_relaxed);
            return word * TAG_WORD + (uint32_t)bit;
        }
    }
    return SPACE_TAG_SHARED;
}

/* Release: who takes it next comes after the flush. */
static void tag_free(uint64_t tag)
{
    uint64_t bit = (uint64_t)1 << tag % TAG_WORD;
    uint64_t before =
        atomic_fetch_and_explicit(&tags_used[tag / TAG_WORD], ~bit, memory_order_release);
    assert((before & bit) != 0);
}

static uint64_t space_tag(const struct arch_space *space)
{
    return space->base >> SPACE_TAG_SHIFT;
}

static void flush_tag(uint64_t tag)
{
    __asm__ volatile("tlbi aside1is, %0" ::"r"(tag << SPACE_TAG_SHIFT) : "memory");
}

/* The table's entries must be seen by its first walk. */
void arch_space_init(struct arch_space *space, phys_t root)
{
    assert(root.pa != 0 && (root.pa & ~PTE_ADDRESS) == 0);
    barrier_dsb("ishst");
    const struct job *job = CONTAINER_OF(space, struct space, arch)->job;
    uint64_t tag = tag_take() << SPACE_TAG_SHIFT;
    space->user = tag | root.pa;
    space->base =
        mitigated(REMEDY_isolation) ? tag | image_to_phys(early_tables.empty).pa : space->user;
    space->job = job != NULL ? job->object.identity : 0; /* a self test's has none */
}

static bool is_in(const struct cpu *cpu, const struct arch_space *space)
{
    return atomic_load_explicit(&cpu->arch.space, memory_order_relaxed) == space;
}

static void leave_if_in(void *space)
{
    if (is_in(cpu_self(), space))
        arch_space_leave(cpu_self());
}

/* A CPU stays in the space of the last thread that it ran, even if it idles. */
void arch_space_vacate(struct arch_space *space)
{
    uint32_t count = atomic_load_explicit(&cpu_count, memory_order_acquire);
    atomic_thread_fence(memory_order_seq_cst); /* who switched to it did so before us */
    for (uint32_t i = 0; i < count; i++)
        if (is_in(cpu_table[i], space))
            cpu_call(cpu_table[i], leave_if_in, space);
}

/* The flush comes behind the leaving: a CPU in the space could bring in translations again. */
void arch_space_end(struct arch_space *space)
{
    uint64_t tag = space_tag(space);
    assert(space->base != 0);
    arch_space_vacate(space);
    flush_tag(tag);
    barrier_dsb("ish");
    if (tag != SPACE_TAG_SHARED)
        tag_free(tag);
    space->base = 0;
}

/* The order is D8.13.5's; that the own CPU fetches nothing old is eret's part. */
void arch_space_flush(struct arch_space *space, uintptr_t va, uint64_t size)
{
    uint64_t tag = space_tag(space);
    assert(is_aligned(va, PAGE_SIZE) && va + size >= va);
    barrier_dsb("ishst");
    if (size > FLUSH_MOST * PAGE_SIZE)
        flush_tag(tag);
    else
        for (uintptr_t page = va; page < va + size; page += PAGE_SIZE)
            __asm__ volatile(
                "tlbi vae1is, %0" ::"r"(tag << SPACE_TAG_SHIFT | (page >> PAGE_SHIFT & FLUSH_PAGE))
                : "memory");
    barrier_dsb("ish");
}

/* The isb before: no walk by the old tables comes behind the flush. */
void space_forget_shared(void)
{
    uint64_t tag = (uint64_t)SPACE_TAG_SHARED << SPACE_TAG_SHIFT;
    barrier_isb();
    __asm__ volatile("tlbi aside1, %0\n\tdsb nsh\n\tisb" ::"r"(tag) : "memory");
}

void arch_space_leave(struct cpu *self)
{
    debug_assert(self == cpu_self() && !arch_irq_enabled());
    atomic_store_explicit(&self->arch.space, NULL, memory_order_relaxed);
    space_load(image_to_phys(early_tables.empty).pa);
}
