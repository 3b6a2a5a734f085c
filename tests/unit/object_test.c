/* Objects: references, retirement, names of kinds. */
#include "caps_model.h"
#include "cpus.h"
#include "heap_model.h"
#include "mem/heap.h"
#include "obj/reclaim.h"
#include "unit.h"

#include <string.h>

static struct job *job;

TEST(object_dies_with_its_last_reference)
{
    caps_start();
    struct heap_stats before, after;
    heap_stats(-1, &before);
    uint32_t references = job_root->object.references;
    REQUIRE(job_create(job_root, &job) == OK);
    EXPECT(job->object.references == 1 && !object_retiring(&job->object));
    EXPECT(job->object.job == job_root && job_root->object.references == references + 1);
    EXPECT(job_memory_used(job_root) == sizeof(*job) && job->object.charged == sizeof(*job));
    EXPECT(job->object.identity != job_root->object.identity);
    object_get(&job->object);
    EXPECT(object_try_get(&job->object) && job->object.references == 3);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT(!object_retiring(&job->object) && reclaim_waiting() == 0);
        object_put(&job->object);
    }
    EXPECT(object_retiring(&job->object) && !object_try_get(&job->object));
    EXPECT(reclaim_waiting() == 1);
    caps_settle();
    heap_stats(-1, &after);
    EXPECT(after.used_blocks == before.used_blocks && job_memory_used(job_root) == 0);
    EXPECT(job_root->object.references == references);
}

TEST(object_is_refused_without_budget_or_memory)
{
    caps_start();
    struct object *object = NULL;
    job_root->memory_limit = 999;
    EXPECT(object_make(job_root, OBJECT_job, 1000, &object) == ERR_no_memory);
    job_root->memory_limit = JOB_NO_LIMIT;
    EXPECT(object_make(job_root, OBJECT_job, HEAP_MAX, &object) == OK);
    for (uint32_t i = 0; i < HEAP_MODEL_MEMORY / HEAP_MAX; i++)
        (void)kmalloc(HEAP_MAX);
    uint64_t used = job_memory_used(job_root);
    EXPECT(object_make(job_root, OBJECT_job, HEAP_MAX, &object) == ERR_no_memory);
    EXPECT(job_memory_used(job_root) == used);
}

static void put_too_often(void *context)
{
    (void)context;
    object_put(&job->object);
    object_put(&job->object);
}

static void get_the_dead(void *context)
{
    (void)context;
    object_put(&job->object);
    object_get(&job->object);
}

static void make_of_no_kind(void *context)
{
    struct object *object;
    (void)context;
    object_make(job_root, OBJECT_NONE, 1000, &object);
}

TEST(object_misuse_is_asserted)
{
    caps_start();
    REQUIRE(job_create(job_root, &job) == OK);
    EXPECT(unit_panics(put_too_often, NULL));
    EXPECT(unit_panics(get_the_dead, NULL));
    EXPECT(unit_panics(make_of_no_kind, NULL));
}

TEST(object_kinds_have_names)
{
    EXPECT(strcmp(object_kind_name(OBJECT_job), "job") == 0);
    EXPECT(strcmp(object_kind_name(OBJECT_device), "device") == 0);
    EXPECT(strcmp(object_kind_name(OBJECT_NONE), "none") == 0);
    EXPECT(strcmp(object_kind_name(OBJECT_KINDS), "unknown") == 0);
}

/* Of many who try to keep an object that its owner lets go, each has it or is told. */

static _Atomic(uint32_t) kept;

static void keep_and_let_go(void *cpu)
{
    (void)cpu;
    cpus_meet();
    while (object_try_get(&job->object)) {
        atomic_fetch_add(&kept, 1);
        EXPECT(!object_retiring(&job->object));
        object_put(&job->object);
        cpu_serve();
    }
    caps_leave();
}

TEST(object_try_get_and_the_last_put_agree)
{
    cpus_make(5);
    caps_start();
    caps_add_cpus();
    REQUIRE(job_create(job_root, &job) == OK);
    cpus_start(keep_and_let_go);
    while (atomic_load(&kept) < 1000)
        caps_pass();
    object_put(&job->object);
    caps_leave();
    cpus_finish();
    EXPECT(job_memory_used(job_root) == 0 && job_root->object.references == 1);
}
