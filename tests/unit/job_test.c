/* Jobs: budgets, nested and reserved, undone when they fail, and from many CPUs; the tree. */
#include "caps_model.h"
#include "cpus.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "unit.h"

#define ROUNDS 5000

static struct job *jobs[CPUS_MAX];

static struct job *job_new(struct job *parent, uint64_t limit, uint64_t reserved)
{
    struct job *job = NULL;
    REQUIRE(job_create(parent, &job) == OK);
    job->memory_limit = limit;
    REQUIRE(job_reserve(job, reserved) == OK);
    return job;
}

static uint64_t used(struct job *job)
{
    return job_memory_used(job);
}

TEST(job_charge_goes_up_to_the_first)
{
    caps_start();
    struct job *outer = job_new(job_root, 1000, 0);
    uint64_t base = used(job_root);
    struct job *inner = NULL;
    outer->memory_limit = 1000 + sizeof(*inner);
    REQUIRE(job_create(outer, &inner) == OK);
    uint64_t own = sizeof(*inner);
    EXPECT(job_charge(inner, 600) == OK);
    EXPECT(used(inner) == 600 && used(outer) == own + 600 && used(job_root) == base + own + 600);
    EXPECT(job_charge(inner, 401) == ERR_no_memory);
    EXPECT(used(inner) == 600 && used(outer) == own + 600 && used(job_root) == base + own + 600);
    EXPECT(job_charge(inner, 400) == OK && job_charge(outer, 1) == ERR_no_memory);
    job_uncharge(inner, 1000);
    EXPECT(used(inner) == 0 && used(outer) == own && used(job_root) == base + own);
    EXPECT(job_charge(inner, 0) == OK && job_charge(NULL, 1) == OK);
    EXPECT(job_charge(inner, UINT64_MAX) == ERR_no_memory);
    EXPECT(job_charge(inner, (uint64_t)INT64_MAX + 1) == ERR_no_memory);
    EXPECT(used(job_root) == base + own);
    object_put(&inner->object);
    object_put(&outer->object);
    caps_settle();
    EXPECT(used(job_root) == 0);
}

TEST(job_reservation_is_charged_once)
{
    caps_start();
    job_root->memory_limit = 10000;
    struct job *a = job_new(job_root, 8000, 3000), *b = job_new(job_root, 8000, 0);
    uint64_t own = 2 * sizeof(*a), rest = 10000 - own - 3000;
    EXPECT(used(job_root) == own + 3000 && used(a) == 0);
    /* Others cannot have it. */
    EXPECT(job_charge(b, rest + 1) == ERR_no_memory && job_charge(b, rest) == OK);
    EXPECT(job_charge(a, 3001) == ERR_no_memory && job_charge(a, 3000) == OK);
    EXPECT(used(a) == 3000 && used(job_root) == 10000);
    job_uncharge(b, 1000);
    EXPECT(job_charge(a, 500) == OK && used(job_root) == 9500 && used(a) == 3500);
    /* What goes back is first what was above the reservation. */
    job_uncharge(a, 1000);
    EXPECT(used(a) == 2500 && used(job_root) == 9000);
    job_uncharge(a, 2500);
    EXPECT(used(a) == 0 && used(job_root) == 9000);
    job_uncharge(b, rest - 1000);
    EXPECT(used(job_root) == own + 3000);
    object_put(&a->object);
    object_put(&b->object);
    caps_settle();
    EXPECT(used(job_root) == 0);
}

TEST(job_reservation_grows_over_what_is_used)
{
    caps_start();
    struct job *a = job_new(job_root, 5000, 1000);
    uint64_t own = sizeof(*a);
    EXPECT(job_charge(a, 2500) == OK && used(job_root) == own + 2500);
    EXPECT(job_reserve(a, 1000) == OK);
    EXPECT(used(a) == 2500 && used(job_root) == own + 2500);
    EXPECT(job_reserve(a, 1000) == OK);
    EXPECT(used(a) == 2500 && used(job_root) == own + 3000);
    EXPECT(job_reserve(a, 2001) == ERR_bad_argument);
    EXPECT(job_reserve(a, UINT64_MAX) == ERR_bad_argument);
    EXPECT(job_reserve(job_root, 1) == ERR_bad_argument);
    job_root->memory_limit = used(job_root);
    EXPECT(job_reserve(a, 1) == ERR_no_memory && a->memory_reserved == 3000);
    EXPECT(job_charge(a, 500) == OK && job_charge(a, 1) == ERR_no_memory);
    /* A limit below what is used stops charges, and nothing else. */
    a->memory_limit = 100;
    EXPECT(job_charge(a, 1) == ERR_no_memory);
    job_uncharge(a, 2950);
    EXPECT(used(a) == 50 && job_charge(a, 51) == ERR_no_memory && job_charge(a, 50) == OK);
    job_uncharge(a, 100);
    object_put(&a->object);
    caps_settle();
    EXPECT(used(job_root) == 0);
}

TEST(job_allocations_fail_without_a_trace)
{
    caps_start();
    struct job *job = job_new(job_root, 3 * PAGE_SIZE, 0);
    uint64_t before = used(job_root);
    phys_t frames[3], more;
    EXPECT(job_alloc(job, 3 * PAGE_SIZE + 1) == NULL && used(job) == 0);
    for (uint32_t i = 0; i < 3; i++)
        REQUIRE(job_frame_alloc(job, 0, &frames[i]) == OK);
    EXPECT(job_frame_alloc(job, 0, &more) == ERR_no_memory && job_alloc(job, 1) == NULL);
    for (uint32_t i = 0; i < 3; i++)
        job_frame_free(job, frames[i]);
    char *block = job_alloc(job, 100);
    REQUIRE(block != NULL);
    EXPECT(used(job) == 100 && block[0] == 0 && block[99] == 0);
    job_release(job, block, 100);
    /* The machine's memory ends before the budget. */
    job->memory_limit = JOB_NO_LIMIT;
    while (job_frame_alloc(job, 0, &more) == OK)
        ;
    uint64_t full = used(job);
    EXPECT(job_frame_alloc(job, 0, &more) == ERR_no_memory && used(job) == full);
    EXPECT(job_alloc(job, HEAP_MAX) == NULL && used(job) == full);
    EXPECT(used(job_root) == before + full);
}

TEST(job_tree_has_a_depth_and_inherits)
{
    caps_start();
    struct job *deep = job_root, *more = NULL;
    job_root->memory_limit = 1 << 20;
    job_root->cpu_share = 700;
    job_root->clock_offset = -5;
    job_root->wx = true;
    uint32_t depth = 1;
    for (error_t error; (error = job_create(deep, &more)) == OK; depth++) {
        EXPECT(more->parent == deep && !job_frozen(more) && !job_dying(more) && !more->wx);
        EXPECT(more->memory_limit == 1 << 20 && more->cpu_share == 700);
        EXPECT(more->clock_offset == -5 && !list_empty(&deep->children));
        if (deep != job_root)
            object_put(&deep->object); /* the child's reference keeps it */
        deep = more;
    }
    EXPECT(depth == JOB_DEPTH_MAX && job_create(deep, &more) == ERR_full);
    caps_settle();
    EXPECT(!list_empty(&job_root->children));
    EXPECT(job_charge(deep, 1000) == OK);
    job_uncharge(deep, 1000);
    object_put(&deep->object);
    caps_settle();
    EXPECT(list_empty(&job_root->children) && used(job_root) == 0);
}

TEST(job_of_a_dying_parent_is_refused)
{
    caps_start();
    struct job *parent = job_new(job_root, JOB_NO_LIMIT, 0), *child = NULL;
    uint64_t before = used(job_root);
    parent->dying = true;
    EXPECT(job_create(parent, &child) == ERR_dead);
    caps_settle();
    EXPECT(used(job_root) == before && parent->object.references == 1);
    parent->dying = false;
    parent->frozen = true;
    EXPECT(job_create(parent, &child) == OK && job_frozen(child) && !child->frozen);
}

/* Budgets of a tree that all CPUs charge at once: no limit is ever passed, nothing is lost. */

static void watch(struct job *job)
{
    for (; job != NULL; job = job->parent) {
        int64_t balance = atomic_load(&job->memory_balance);
        EXPECT(balance <= (int64_t)(job->memory_limit - job->memory_reserved));
    }
}

static void charge_and_return(void *argument)
{
    struct cpu *cpu = argument;
    uint32_t state = cpu->number * 2654435761u;
    uint64_t held[8] = {0};
    struct job *job = jobs[cpu->number];
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        state = state * 1664525u + 1013904223u;
        uint64_t *place = &held[state >> 29], bytes = state >> 8 & 1023;
        if (*place != 0) {
            job_uncharge(job, *place);
            *place = 0;
        } else if (job_charge(job, bytes) == OK) {
            *place = bytes;
        }
        watch(job);
    }
    for (uint32_t i = 0; i < 8; i++)
        job_uncharge(job, held[i]);
}

TEST(job_budgets_from_all_cpus_at_once)
{
    cpus_make(9);
    caps_start();
    struct job *outer[2] = {job_new(job_root, 9000, 3000), job_new(job_root, 20000, 0)};
    for (uint32_t i = 1; i < 9; i++)
        jobs[i] = job_new(outer[i % 2], 2000 + i * 300, i % 3 * 400);
    uint64_t before[3] = {used(job_root), used(outer[0]), used(outer[1])};
    job_root->memory_limit = before[0] + 9000;
    cpus_start(charge_and_return);
    cpus_finish();
    for (uint32_t i = 1; i < 9; i++)
        EXPECT(used(jobs[i]) == 0);
    EXPECT(used(job_root) == before[0]);
    EXPECT(used(outer[0]) == before[1] && used(outer[1]) == before[2]);
}

/* Many charge one job, above and below its reservation, with too little room at its parent. */
static void hammer(void *argument)
{
    struct cpu *cpu = argument;
    cpus_meet();
    for (uint32_t i = 0; i < 10 * ROUNDS; i++) {
        uint64_t bytes = (i + 31 * cpu->number) % 97;
        if (job_charge(jobs[0], bytes) == OK)
            job_uncharge(jobs[0], bytes);
    }
}

TEST(job_reservation_is_crossed_by_all_cpus_at_once)
{
    cpus_make(5);
    caps_start();
    /* A long way up, so that others come in between. */
    jobs[0] = job_root;
    for (uint32_t i = 0; i < JOB_DEPTH_MAX - 2; i++)
        jobs[0] = job_new(jobs[0], 1 << 20, 0);
    jobs[0] = job_new(jobs[0], 1 << 20, 60);
    uint64_t before = used(job_root);
    job_root->memory_limit = before + 100;
    cpus_start(hammer);
    cpus_finish();
    EXPECT(used(jobs[0]) == 0 && used(job_root) == before);
}

/* Two that together have no room: their reservations grow while they are charged. */
static void reserve_and_charge(void *argument)
{
    struct cpu *cpu = argument;
    struct job *job = jobs[cpu->number % 2];
    cpus_meet();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t bytes = i % 97;
        if (cpu->number <= 2 && i % 50 == 0)
            (void)job_reserve(job, 3);
        if (job_charge(job, bytes) == OK)
            job_uncharge(job, bytes);
        watch(job);
    }
}

TEST(job_reservations_grow_while_others_charge)
{
    cpus_make(7);
    caps_start();
    for (uint32_t i = 0; i < 2; i++)
        jobs[i] = job_new(job_root, 1 << 20, 0);
    uint64_t own = used(job_root);
    job_root->memory_limit = own + 400;
    cpus_start(reserve_and_charge);
    cpus_finish();
    EXPECT(used(jobs[0]) == 0 && used(jobs[1]) == 0);
    EXPECT(used(job_root) == own + jobs[0]->memory_reserved + jobs[1]->memory_reserved);
    EXPECT(jobs[0]->memory_reserved + jobs[1]->memory_reserved > 90);
    object_put(&jobs[0]->object);
    object_put(&jobs[1]->object);
    caps_settle();
    EXPECT(used(job_root) == 0);
}
