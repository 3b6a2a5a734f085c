/* Grace periods: nothing is freed while a CPU may look at it, and all is freed in the end. */
#include "caps_model.h"
#include "cpus.h"
#include "obj/reclaim.h"
#include "unit.h"

#include <stdlib.h>

#define MAGIC  UINT64_C(0x1234567890abcdef)
#define PLACES 4
#define ROUNDS 1500

/* In the process's own memory, so that the sanitizers see a use after free. */
struct item {
    struct reclaim reclaim;
    uint64_t magic;
    uint64_t stays[CPUS_MAX]; /* what `stay` was when the item was taken out */
};

static _Atomic(struct item *) places[PLACES];
static _Atomic(uint64_t) stay[CPUS_MAX]; /* odd while the CPU is in the kernel */
static _Atomic(uint32_t) freed, made;

static struct item *item_new(void)
{
    struct item *item = calloc(1, sizeof(*item));
    REQUIRE(item != NULL);
    item->magic = MAGIC;
    atomic_fetch_add(&made, 1);
    return item;
}

static void item_free(struct reclaim *reclaim)
{
    struct item *item = CONTAINER_OF(reclaim, struct item, reclaim);
    EXPECT(cpu_self()->held_count == 0 && item->magic == MAGIC);
    for (uint32_t i = 0; i < cpu_count; i++)
        EXPECT(item->stays[i] % 2 == 0 || atomic_load(&stay[i]) != item->stays[i]);
    item->magic = 0;
    free(item);
    atomic_fetch_add(&freed, 1);
}

static void item_retire(struct item *item)
{
    for (uint32_t i = 0; i < cpu_count; i++)
        item->stays[i] = atomic_load(&stay[i]);
    reclaim_after(&item->reclaim, item_free);
}

/* A stay in the kernel: looks at what it found again and again, serving as spin loops do. */
static void look(struct cpu *cpu, uint32_t i)
{
    atomic_fetch_add(&stay[cpu->number], 1);
    struct item *item = atomic_load_explicit(&places[i % PLACES], memory_order_acquire);
    for (uint32_t turn = 0; turn < i % 7; turn++) {
        EXPECT(item->magic == MAGIC);
        cpu_serve();
        arch_cpu_relax();
    }
    if (i % 3 == 0)
        item_retire(atomic_exchange(&places[i % PLACES], item_new()));
    EXPECT(item->magic == MAGIC);
    atomic_fetch_add(&stay[cpu->number], 1);
}

static void look_and_retire(void *argument)
{
    struct cpu *cpu = argument;
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        look(cpu, i + cpu->number);
        caps_pass();
    }
    caps_leave();
}

TEST(reclaim_waits_for_all_who_look)
{
    cpus_make(6);
    caps_start();
    caps_add_cpus();
    for (uint32_t i = 0; i < PLACES; i++)
        atomic_store(&places[i], item_new());
    cpus_start(look_and_retire);
    caps_leave();
    cpus_finish();
    EXPECT(reclaim_waiting() == 0 && atomic_load(&freed) == atomic_load(&made) - PLACES);
    for (uint32_t i = 0; i < PLACES; i++)
        free(atomic_load(&places[i]));
}

TEST(reclaim_alone_frees_at_the_next_poll)
{
    caps_start();
    EXPECT(!reclaim_poll(cpu_self()) && !cpu_self()->reclaiming);
    struct item *item = item_new();
    item_retire(item);
    EXPECT(cpu_self()->reclaiming && reclaim_waiting() == 1 && atomic_load(&freed) == 0);
    EXPECT(reclaim_poll(cpu_self()) && atomic_load(&freed) == 1);
    EXPECT(!cpu_self()->reclaiming && !reclaim_poll(cpu_self()) && reclaim_waiting() == 0);
}

/* One CPU in the kernel, until it is told to leave. */
static _Atomic(uint32_t) phase;

static void wait_for_phase(uint32_t value)
{
    while (atomic_load(&phase) < value) {
        cpu_serve();
        arch_cpu_relax();
    }
}

static void stay_then_leave(void *argument)
{
    atomic_fetch_add(&phase, 1);
    wait_for_phase(2);
    reclaim_quiescent(argument);
    atomic_fetch_add(&phase, 1);
}

TEST(reclaim_serving_in_a_spin_loop_is_no_answer)
{
    cpus_make(2);
    caps_start();
    caps_add_cpus();
    cpus_start(stay_then_leave);
    wait_for_phase(1);
    item_retire(item_new());
    for (uint32_t i = 0; i < 1000; i++) {
        EXPECT(!reclaim_poll(cpu_self()) && atomic_load(&freed) == 0);
        arch_cpu_relax();
    }
    EXPECT((atomic_load(&cpu_table[1]->requests) & CPU_REQUEST_QUIET) != 0);
    /* What comes later goes with the next batch: this one's answer is not meant for it. */
    item_retire(item_new());
    atomic_fetch_add(&phase, 1);
    wait_for_phase(3);
    EXPECT((atomic_load(&cpu_self()->requests) & CPU_REQUEST_LOOK) != 0 || reclaim_waiting() == 2);
    EXPECT(reclaim_poll(cpu_self()) && atomic_load(&freed) == 1 && cpu_self()->reclaiming);
    /* The other CPU does not answer any more; but it goes. */
    EXPECT(!reclaim_poll(cpu_self()) && atomic_load(&freed) == 1);
    cpus_finish();
    EXPECT(reclaim_poll(cpu_self()) && atomic_load(&freed) == 2 && reclaim_waiting() == 0);
}

/* Callbacks that queue themselves again do not keep the CPU. */
static uint32_t turns;

static void again(struct reclaim *reclaim)
{
    if (++turns < 1000)
        reclaim_after(reclaim, again);
}

TEST(reclaim_poll_is_bounded)
{
    caps_start();
    static struct reclaim one, many[500];
    reclaim_after(&one, again);
    uint32_t polls = 0;
    for (; reclaim_poll(cpu_self()); polls++)
        continue;
    EXPECT(turns == 1000 && polls == 1000);
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        reclaim_after(&many[i], again);
    for (polls = 0; reclaim_poll(cpu_self()); polls++)
        continue;
    EXPECT(turns == 1500 && polls >= 500 / 20);
}

static void poll_with_a_lock(void *context)
{
    struct spinlock lock;
    (void)context;
    spinlock_init(&lock, LOCK_RANK_object);
    spinlock_lock(&lock);
    reclaim_quiescent(cpu_self());
}

TEST(reclaim_misuse_is_asserted)
{
    caps_start();
    EXPECT(unit_panics(poll_with_a_lock, NULL) == (CONFIG_DEBUG != 0));
}
