/*
 * Self test: calls between CPUs, TLB shoot-down, and locks that all CPUs want at once.
 *
 * Functions run by cpu_call take no lock; so contention is made by deadlines, which fire on each
 * CPU in its timer interrupt, where no lock is held.
 */
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/phys.h"
#include "mem/ptab.h"
#include "mem/shootdown.h"
#include "mem/vmap.h"
#include "sched/clock.h"
#include "sched/cpu.h"
#include "selftest/selftest.h"

#define ROUNDS      200
#define TURNS       200 /* of all CPUs together: an emulator's CPUs wait for real ones */
#define TURN_LENGTH 20
#define PATIENCE_NS UINT64_C(60000000000)

static _Atomic(uint32_t) seen[CONFIG_CPU_MAX]; /* by CPU number; reset by the boot CPU */

static void seen_clear(void)
{
    for (uint32_t i = 0; i < CONFIG_CPU_MAX; i++)
        atomic_store(&seen[i], 0);
}

static void cpu_note(void *argument)
{
    (void)argument;
    atomic_fetch_add(&seen[cpu_self()->number], 1);
}

static bool cpu_calls(void)
{
    bool passed = true;
    uint32_t online = cpu_online_count(), answered = 0;
    seen_clear();
    for (uint32_t i = 0; i < ROUNDS; i++)
        cpu_call_others(cpu_note, NULL);
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint32_t calls = atomic_load(&seen[i]);
        answered += calls != 0;
        passed &= SELF_EXPECT(calls == 0 || calls == ROUNDS);
    }
    passed &= SELF_EXPECT(answered == online - 1);
    passed &= SELF_EXPECT(atomic_load(&seen[cpu_self()->number]) == 0);
    return passed;
}

static bool cpu_call_each(void)
{
    bool passed = true;
    seen_clear();
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpu_table[i] != cpu_self() && atomic_load(&cpu_table[i]->online))
            cpu_call(cpu_table[i], cpu_note, NULL);
    for (uint32_t i = 0; i < cpu_count; i++) {
        bool called = cpu_table[i] != cpu_self() && atomic_load(&cpu_table[i]->online);
        passed &= SELF_EXPECT(atomic_load(&seen[i]) == called);
    }
    return passed;
}

/* A page that is remapped under the eyes of all CPUs. */
struct view {
    volatile uint32_t *word;
    uint32_t expected;
    _Atomic(uint32_t) stale; /* CPUs that still saw the old page */
};

static void view_look(void *argument)
{
    struct view *view = argument;
    if (*view->word != view->expected)
        atomic_fetch_add(&view->stale, 1);
}

static error_t table_refuse(struct ptab *ptab, phys_t *table)
{
    (void)ptab;
    (void)table;
    return ERR_no_memory;
}

/* The tables down to this page exist, so that nothing is allocated. */
static bool page_remap(uintptr_t va, phys_t page)
{
    struct ptab ptab = {.root = vmap_root(), .table_alloc = table_refuse};
    bool passed = SELF_EXPECT(ptab_unmap_page(&ptab, va));
    passed &= SELF_EXPECT(ptab_map(&ptab, va, page, PAGE_SIZE, MAP_WRITE | MAP_GLOBAL, 0) == OK);
    shootdown_range(va, PAGE_SIZE);
    return passed;
}

static bool view_check(struct view *view, uint32_t expected)
{
    view->expected = expected;
    atomic_store(&view->stale, 0);
    view_look(view);
    cpu_call_others(view_look, view);
    return SELF_EXPECT(atomic_load(&view->stale) == 0);
}

/* Between two pages, often enough that every CPU has each in its TLB. */
static bool remap_rounds(uintptr_t va, phys_t first, phys_t second)
{
    struct view view = {.word = (volatile uint32_t *)va};
    *(volatile uint32_t *)phys_to_virt(first) = 1;
    *(volatile uint32_t *)phys_to_virt(second) = 2;
    bool passed = view_check(&view, 1);
    for (int i = 0; i < ROUNDS / 2 && passed; i++) {
        passed &= page_remap(va, second) && view_check(&view, 2);
        passed &= page_remap(va, first) && view_check(&view, 1);
    }
    return passed;
}

static bool tlb_shootdown(void)
{
    static uintptr_t low, high; /* the window is for ever; made once */
    phys_t first, second;
    uint32_t flags;
    uint64_t page_size;
    if (low == 0 && !SELF_EXPECT(vmap_stack(PAGE_SIZE, 0, &low, &high) == OK))
        return false;
    if (!SELF_EXPECT(vmap_lookup(low, &first, &flags, &page_size)))
        return false;
    if (!SELF_EXPECT(frame_alloc(0, 0, FRAME_ZERO, &second) == OK))
        return false;
    bool passed = remap_rounds(low, first, second);
    frame_free(second, 0);
    return passed;
}

/* What all CPUs fight for. */
static struct {
    struct spinlock lock;
    uint64_t turns;           /* lock */
    volatile uint32_t inside; /* lock */
    uint32_t share;           /* turns of each CPU; constant during a fight */
    _Atomic(uint32_t) done;   /* CPUs that have ended */
    _Atomic(uint32_t) mixed;  /* times that two were inside */
} arena = {.lock = SPINLOCK_INIT(device)};

static struct deadline starters[CONFIG_CPU_MAX]; /* each CPU its own */

static void arena_fight(struct deadline *deadline)
{
    (void)deadline;
    for (uint32_t i = 0; i < arena.share; i++) {
        irq_state_t state = spinlock_lock(&arena.lock);
        if (++arena.inside != 1)
            atomic_fetch_add(&arena.mixed, 1);
        /* Long enough that a lock that does not lock is seen. */
        for (volatile int turn = 0; turn < TURN_LENGTH; turn++)
            continue;
        arena.turns++;
        arena.inside--;
        spinlock_unlock(&arena.lock, state);
    }
    atomic_fetch_add(&arena.done, 1);
}

static void arena_enter(void *start_ns)
{
    struct deadline *starter = &starters[cpu_self()->number];
    deadline_init(starter, arena_fight);
    clock_arm(starter, *(uint64_t *)start_ns);
}

static bool lock_contention(void)
{
    uint32_t online = cpu_online_count();
    uint64_t start = clock_now() + UINT64_C(2000000), end = start + PATIENCE_NS;
    arena.turns = 0;
    arena.share = 1 + TURNS / online;
    atomic_store(&arena.done, 0);
    atomic_store(&arena.mixed, 0);
    cpu_call_others(arena_enter, &start);
    uint64_t state = arch_irq_save();
    arena_enter(&start);
    /* First our own fight, in our timer's interrupt; then we wait for the others. */
    while (starters[cpu_self()->number].queued && clock_now() < end)
        arch_idle();
    while (atomic_load(&arena.done) < online && clock_now() < end)
        cpu_serve();
    arch_irq_restore(state);
    return SELF_EXPECT(atomic_load(&arena.done) == online) &&
           SELF_EXPECT(atomic_load(&arena.mixed) == 0) &&
           SELF_EXPECT(arena.turns == (uint64_t)online * arena.share) &&
           SELF_EXPECT(arena.inside == 0);
}

SELF_TEST(cpu_calls, cpu_calls)
SELF_TEST(cpu_call_each, cpu_call_each)
SELF_TEST(tlb_shootdown, tlb_shootdown)
SELF_TEST(lock_contention, lock_contention)
