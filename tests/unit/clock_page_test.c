/* Clock pages: the kernel's own time to the nanosecond, read while it is set; one per job, charged,
 * and gone without a trace. */
#include "caps_model.h"
#include "cpus.h"
#include "host.h"
#include "mem/frame.h"
#include "mem/memory.h"
#include "mem/phys.h"
#include "sched/clock.h"
#include "unit.h"

#define ROUNDS 3000
#define LEAP   40 /* the simulated clock stays below 2^LEAP */

static struct job *job;
static struct memory *page;

static const struct clock_page *shown(const struct memory *memory)
{
    return phys_to_virt(memory->base);
}

static void start(void)
{
    caps_start();
    host_time_set(1000);
    REQUIRE(clock_init() == OK);
    clock_start();
    REQUIRE(job_create(job_root, &job) == OK);
}

static void end(void)
{
    object_put(&job->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

TEST(clock_page_shows_what_the_kernel_reads)
{
    uint64_t time, wall, changes = 0;
    start();
    REQUIRE(job_clock_page(job, &page) == OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t offset = unit_random(), wall_offset = unit_random();
        if (i % 3 == 0) {
            job_clock_set(job, &offset, &wall_offset, NULL);
            changes++;
        }
        host_time_set(1000 + (unit_random() >> (i % 60)));
        REQUIRE(clock_page_read(shown(page), host_counter, &time, &wall));
        EXPECT(time == job_clock(job) && wall == time + job->wall_offset);
    }
    EXPECT(job->clock_changes == changes && shown(page)->sequence == 2 * changes);
    object_put(&page->object);
    end();
}

TEST(clock_page_is_set_in_parts)
{
    uint64_t three = 3, nine = 9, far = UINT64_MAX;
    start();
    job_clock_set(job, NULL, NULL, NULL);
    EXPECT(job->clock_changes == 0);
    job_clock_set(job, &three, NULL, NULL);
    job_clock_set(job, NULL, &nine, NULL);
    EXPECT(job->clock_offset == 3 && job->wall_offset == 9 && job->clock_changes == 2);
    REQUIRE(job_clock_page(job, &page) == OK);
    EXPECT(shown(page)->offset == 3 && shown(page)->wall == 9 && shown(page)->sequence == 4);
    job_clock_set(job, NULL, NULL, &nine);
    EXPECT(job->clock_changes == 9 && shown(page)->sequence == 18 && shown(page)->offset == 3);
    job_clock_set(job, NULL, NULL, &far);
    EXPECT(shown(page)->sequence % 2 == 0);
    struct job *child;
    REQUIRE(job_create(job, &child) == OK);
    EXPECT(child->clock_offset == 3 && child->wall_offset == 9 && child->clock_changes == 0);
    object_put(&child->object);
    object_put(&page->object);
    end();
}

/* A reader that was stopped in the middle, and whose job was made again elsewhere meanwhile. */
static const struct clock_page *stopped;

static uint64_t counter_after_a_move(void)
{
    uint64_t changes = stopped->sequence / 2 + 1;
    job_clock_set(job, NULL, NULL, &changes);
    return host_counter();
}

TEST(clock_page_tells_a_reader_that_was_moved)
{
    uint64_t time, wall;
    start();
    REQUIRE(job_clock_page(job, &page) == OK);
    stopped = shown(page);
    EXPECT(!clock_page_read(stopped, counter_after_a_move, &time, &wall));
    EXPECT(clock_page_read(stopped, host_counter, &time, &wall));
    object_put(&page->object);
    end();
}

TEST(clock_page_is_one_and_made_anew)
{
    struct memory *again;
    start();
    REQUIRE(job_clock_page(job, &page) == OK && job_clock_page(job, &again) == OK);
    uint64_t identity = page->object.identity;
    EXPECT(page == again && page->clock && page->physical && page->object.references == 2);
    EXPECT(job_memory_used(job) == sizeof(*page) + PAGE_SIZE);
    object_put(&page->object);
    object_put(&again->object);
    /* It retires; who asks meanwhile gets another, which is not taken for it later. */
    EXPECT(job->clock_page == page && job_clock_page(job, &again) == OK);
    EXPECT(again != page && again->object.identity != identity && job->clock_page == again);
    caps_settle();
    EXPECT(job->clock_page == again && job_memory_used(job) == sizeof(*page) + PAGE_SIZE);
    object_put(&again->object);
    caps_settle();
    EXPECT(job->clock_page == NULL && job_memory_used(job) == 0);
    end();
}

static uint64_t frames_free(void)
{
    struct frame_stats stats;
    frame_cache_drain();
    frame_stats(0, &stats);
    return stats.free;
}

/* The budget ends at each byte, then the machine's memory. */
TEST(clock_page_fails_without_a_trace)
{
    start();
    uint64_t need = sizeof(*page) + PAGE_SIZE, before = frames_free();
    for (job->memory_limit = 0; job->memory_limit < need; job->memory_limit += 16) {
        EXPECT(job_clock_page(job, &page) == ERR_no_memory);
        EXPECT(job_memory_used(job) == 0 && job->clock_page == NULL);
    }
    EXPECT(frames_free() == before);
    job->memory_limit = JOB_NO_LIMIT;
    phys_t frame;
    while (frame_alloc(0, 0, 0, &frame) == OK)
        ;
    EXPECT(job_clock_page(job, &page) == ERR_no_memory && job_memory_used(job) == 0);
}

/* --- from all CPUs --- */

static _Atomic(bool) stop;
static _Atomic(uint32_t) readers;

/* Upper bits of the offset, and of the wall clock's negated, are the number of the setting. */
static void set_or_read(void *argument)
{
    const struct cpu *cpu = argument;
    cpus_meet();
    for (uint64_t i = 0; cpu->number <= 2 && !atomic_load(&stop); i++) {
        uint64_t offset = (i * 2 + cpu->number) << LEAP, wall = 0 - offset;
        job_clock_set(job, &offset, &wall, NULL);
    }
    for (uint32_t i = 0; cpu->number > 2 && i < 10 * ROUNDS; i++) {
        uint64_t time, wall;
        if (clock_page_read(shown(page), host_counter, &time, &wall))
            EXPECT(wall >> LEAP == 0 && (time & (((uint64_t)1 << LEAP) - 1)) == wall);
        if (i + 1 == 10 * ROUNDS && atomic_fetch_sub(&readers, 1) == 1)
            atomic_store(&stop, true);
    }
}

TEST(clock_page_is_read_whole_by_all_cpus)
{
    cpus_make(6);
    start();
    readers = 3;
    REQUIRE(job_clock_page(job, &page) == OK);
    cpus_start(set_or_read);
    cpus_finish();
    EXPECT(shown(page)->sequence == job->clock_changes * 2);
}

/* All open, set and close: there is one at a time, and nothing is left. */
static void open_and_close(void *argument)
{
    struct cpu *cpu = argument;
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        struct memory *first = NULL, *second = NULL;
        uint64_t offset = i, time, wall;
        REQUIRE(job_clock_page(job, &first) == OK && job_clock_page(job, &second) == OK);
        EXPECT(first == second);
        if (i % 4 == cpu->number % 4)
            job_clock_set(job, &offset, NULL, NULL);
        (void)clock_page_read(shown(first), host_counter, &time, &wall);
        object_put(&first->object);
        object_put(&second->object);
        caps_pass();
    }
    caps_leave();
}

TEST(clock_page_is_opened_by_all_cpus)
{
    cpus_make(5);
    start();
    caps_add_cpus();
    cpus_start(open_and_close);
    caps_leave();
    cpus_finish();
    EXPECT(job->clock_page == NULL && job_memory_used(job) == 0);
}
