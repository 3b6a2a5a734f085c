/* Requests between simulated CPUs: calls, shoot-down, stopping, coming online. */
#include "cpus.h"
#include "host.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "mem/shootdown.h"
#include "sched/cpu.h"
#include "selftest/check.h"
#include "unit.h"

#include "frame_model.h"
#include "heap_model.h"
#include <stdlib.h>
#include <string.h>

#define ROUNDS 100

static uint64_t runs[CPUS_MAX]; /* each written by its CPU alone */

static void note_run(void *argument)
{
    EXPECT(argument == runs);
    EXPECT(!arch_irq_enabled());
    runs[cpu_self()->number]++;
}

/* Everybody calls everybody at the same time. */
static void call_all(void *cpu)
{
    (void)cpu;
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++)
        cpu_call_others(note_run, runs);
}

TEST(cpu_calls_among_eight)
{
    cpus_make(8);
    cpus_start(call_all);
    EXPECT(cpu_online_count() == 8);
    for (uint32_t i = 0; i < ROUNDS; i++)
        cpu_call_others(note_run, runs);
    cpus_finish();
    for (uint32_t i = 0; i < 8; i++)
        EXPECT(runs[i] == 7 * ROUNDS);
    EXPECT(metric_total(METRIC_cpu_calls) == 8 * 7 * ROUNDS);
    EXPECT(metric_total(METRIC_ipis_sent) == 8 * 7 * ROUNDS);
    EXPECT(cpu_online_count() == 1);
}

static void serve_only(void *cpu)
{
    (void)cpu;
    cpus_meet();
}

/* More CPUs than fit in one batch of calls. */
TEST(cpu_calls_among_forty)
{
    cpus_make(CPUS_MAX);
    cpus_start(serve_only);
    for (uint32_t i = 0; i < 5; i++)
        cpu_call_others(note_run, runs);
    cpus_finish();
    for (uint32_t i = 1; i < CPUS_MAX; i++)
        EXPECT(runs[i] == 5);
    EXPECT(runs[0] == 0);
}

/* Each calls its neighbour, and sees what that wrote without more ado. */
static uint64_t written[CPUS_MAX];

static void write_argument(void *argument)
{
    written[cpu_self()->number] = *(uint64_t *)argument;
}

static void call_next(void *argument)
{
    struct cpu *cpu = argument, *next = cpu_table[cpu->number % (cpu_count - 1) + 1];
    cpus_meet();
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        uint64_t value = i * 1000 + cpu->number;
        cpu_call(next, write_argument, &value);
        EXPECT(written[next->number] == value);
    }
}

TEST(cpu_call_shows_what_it_wrote)
{
    cpus_make(8);
    cpus_start(call_next);
    cpus_finish();
}

TEST(cpu_call_on_itself_and_on_the_offline)
{
    cpus_make(2);
    cpu_call(cpu_self(), note_run, runs);
    EXPECT(runs[0] == 1 && arch_irq_enabled());
    cpu_call(cpu_table[1], note_run, runs);
    cpu_call_others(note_run, runs);
    EXPECT(runs[1] == 0 && metric_total(METRIC_ipis_sent) == 0);
}

static void shoot(void *cpu)
{
    (void)cpu;
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++)
        shootdown_range(0x1000, PAGE_SIZE);
}

TEST(cpu_shootdown_reaches_all)
{
    cpus_make(5);
    cpus_start(shoot);
    cpus_finish();
    /* Of the boot CPU too; nobody else shoots there. */
    EXPECT(host_tlb_flushes() == 4 * ROUNDS * 5);
    EXPECT(metric_total(METRIC_shootdowns) == 4 * ROUNDS);
    host_tlb_broadcast(true);
    shootdown_range(0, PAGE_SIZE);
    EXPECT(host_tlb_flushes() == 4 * ROUNDS * 5 + 1);
}

static void shoot_with_lock(void *context)
{
    spinlock_lock(context);
    shootdown_range(0, PAGE_SIZE);
}

TEST(cpu_shootdown_refuses_a_held_lock)
{
    struct spinlock lock;
    spinlock_init(&lock, LOCK_RANK_heap);
    EXPECT(unit_panics(shoot_with_lock, &lock) == (CONFIG_DEBUG != 0));
}

static _Atomic(uint32_t) waiting;

static void serve_for_ever(void *cpu)
{
    (void)cpu;
    atomic_fetch_add(&waiting, 1);
    for (;;) {
        arch_cpu_relax();
        cpu_serve();
    }
}

TEST(cpu_stop_others_stops_them)
{
    cpus_make(5);
    cpus_start(serve_for_ever);
    EXPECT(cpu_online_count() == 5);
    EXPECT(cpu_stop_others() == 0);
    EXPECT(cpu_online_count() == 1);
    EXPECT(cpu_stop_others() == 0);
    cpus_dismiss();
    cpu_call_others(note_run, runs);
    EXPECT(runs[1] == 0);
}

static _Atomic(uint32_t) winners;

static void stop_all(void *cpu)
{
    (void)cpu;
    cpus_meet();
    cpu_stop_others();
    atomic_fetch_add(&winners, 1);
}

TEST(cpu_of_many_that_stop_each_other_one_is_left)
{
    cpus_make(6);
    atomic_store(&boot_cpu.online, false); /* it only looks on */
    cpus_start(stop_all);
    for (uint32_t i = 0; i < 1000000 && cpu_online_count() != 1; i++)
        arch_cpu_relax();
    while (atomic_load(&winners) == 0)
        arch_cpu_relax();
    EXPECT(atomic_load(&winners) == 1 && cpu_online_count() == 1);
    cpus_dismiss();
}

/* A CPU that was being started when all were stopped: it must not go on. */
static void start_late(void *context)
{
    (void)context;
    cpu_stop_others();
    host_cpu_self = cpu_table[1];
    cpu_set_online();
    abort();
}

TEST(cpu_that_comes_late_is_stopped)
{
    cpus_make(2);
    EXPECT(!unit_panics(start_late, NULL));
}

TEST(cpu_table_has_an_end)
{
    static struct cpu many[CONFIG_CPU_MAX];
    for (uint32_t i = 1; i < CONFIG_CPU_MAX; i++)
        REQUIRE(cpu_add(&many[i]) == OK && many[i].number == i && cpu_table[i] == &many[i]);
    EXPECT(cpu_add(&many[0]) == ERR_full && cpu_count == CONFIG_CPU_MAX);
}

/* Allocators from all CPUs at once: nothing is handed out twice, all comes back. */

#define HELD 64

static _Atomic(uint8_t) taken[FRAME_MODEL_FRAMES];

static void allocate_frames(void *argument)
{
    struct cpu *cpu = argument;
    phys_t held[HELD];
    uint32_t count = 0, state = cpu->number * 2654435761u + 1;
    cpus_meet();
    for (uint32_t i = 0; i < 4000; i++) {
        state = state * 1664525u + 1013904223u;
        if (count < HELD && (state >> 30) != 0 &&
            frame_alloc(0, (state >> 29) & 1, 0, &held[count]) == OK) {
            EXPECT(atomic_fetch_add(&taken[held[count].pa >> PAGE_SHIFT], 1) == 0);
            count++;
        } else if (count != 0) {
            count--;
            atomic_fetch_sub(&taken[held[count].pa >> PAGE_SHIFT], 1);
            frame_free(held[count], 0);
        }
    }
    while (count-- > 0) {
        atomic_fetch_sub(&taken[held[count].pa >> PAGE_SHIFT], 1);
        frame_free(held[count], 0);
    }
    frame_cache_drain();
}

TEST(cpu_frames_from_all_at_once)
{
    cpus_make(5);
    frame_model_start();
    frame_model_region(64, 64 + 512, 0);
    frame_model_region(1024, 1024 + 300, 1);
    for (uint32_t i = 0; i < 5; i++)
        cpu_table[i]->node = i & 1;
    cpus_start(allocate_frames);
    cpus_finish();
    frame_model_end();
}

static void allocate_blocks(void *argument)
{
    struct cpu *cpu = argument;
    unsigned char *held[HELD];
    size_t sizes[HELD];
    uint32_t count = 0, state = cpu->number * 2654435761u + 1;
    cpus_meet();
    for (uint32_t i = 0; i < 2000; i++) {
        state = state * 1664525u + 1013904223u;
        size_t size = 1 + (state >> 12) % (state >> 31 != 0 ? 300 : 20000);
        if (count < HELD && (state >> 30) != 0 && (held[count] = kmalloc(size)) != NULL) {
            memset(held[count], (int)cpu->number, size);
            sizes[count++] = size;
        } else if (count != 0) {
            count--;
            EXPECT(held[count][0] == cpu->number && held[count][sizes[count] - 1] == cpu->number);
            kfree(held[count]);
        }
    }
    while (count-- > 0)
        kfree(held[count]);
    frame_cache_drain();
}

TEST(cpu_heap_from_all_at_once)
{
    cpus_make(5);
    heap_model_start();
    cpus_start(allocate_blocks);
    cpus_finish();
    heap_check();
    frame_check();
    struct heap_stats stats;
    heap_stats(-1, &stats);
    EXPECT(stats.used_blocks == 0 && stats.allocated != 0);
}
