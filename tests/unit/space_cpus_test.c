/*
 * Spaces and objects used by several CPUs at once: the locks, busy pages and waits for flushes. A
 * shared object is written, cloned, given back, mapped and unmapped everywhere; at the end the
 * invariants hold and nothing is missing.
 */
#include "caps_model.h"
#include "cpus.h"
#include "mem/frame.h"
#include "obj/job.h"
#include "selftest/check.h"
#include "unit.h"
#include "user_model.h"

#define CPUS  4
#define PAGES 12
#define STEPS 3000

static struct space spaces[2]; /* each used by several CPUs */
static struct memory *objects[3];
static _Atomic(uint64_t) seeds;

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void step(uint64_t *state)
{
    struct space *space = &spaces[next(state) % 2];
    struct memory *memory = objects[next(state) % 3], *other = objects[next(state) % 3];
    uint64_t page = next(state) % PAGES, count = 1 + next(state) % (PAGES - page);
    uint64_t va = user_va(next(state) % 40), done, value = 0, round = 0;
    uint64_t offset = page * PAGE_SIZE, size = count * PAGE_SIZE;
    bool write = next(state) % 2 != 0;
    switch (next(state) % 12) {
    case 0:
        (void)space_map(space, memory, offset, (uaddr_t){va}, size, SPACE_READ | SPACE_WRITE);
        break;
    case 1:
        (void)space_unmap(space, (uaddr_t){va}, size, &done);
        break;
    case 2:
        (void)space_protect(space, (uaddr_t){va}, size, write ? SPACE_WRITE : SPACE_READ, &done);
        break;
    case 3:
        (void)memory_commit(memory, offset, size, write ? COMMIT_FILL : COMMIT_ZERO, NULL, &done);
        break;
    case 4:
        (void)memory_clone(memory, offset, other, 0, PAGE_SIZE, 0, NULL, &done);
        break;
    case 5:
        (void)memory_supply(other, 0, memory, offset, PAGE_SIZE, NULL, &done);
        break;
    case 6:
        (void)memory_dirty(memory, 0, 0, PAGES, &value, &round);
        break;
    case 7:
        (void)space_copy_out(space, (uaddr_t){va}, &value, 8, &done);
        break;
    case 8:
        (void)memory_write(memory, offset, &value, 8, NULL, &done);
        break;
    default:
        (void)space_fault(space, (uaddr_t){va}, write ? SPACE_WRITE : SPACE_READ, NULL);
        break;
    }
}

static void run(void *cpu)
{
    uint64_t state = atomic_fetch_add(&seeds, 0x9e3779b97f4a7c15);
    (void)cpu;
    cpus_meet();
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&state);
        caps_pass();
    }
    caps_leave();
}

TEST(space_serves_several_cpus)
{
    user_start();
    cpus_make(CPUS);
    caps_add_cpus();
    atomic_store(&seeds, unit_random());
    for (uint32_t i = 0; i < COUNT_OF(objects); i++)
        REQUIRE(memory_create(job_root, PAGES * PAGE_SIZE, &objects[i]) == OK);
    for (uint32_t i = 0; i < COUNT_OF(spaces); i++)
        REQUIRE(space_init(&spaces[i], job_root) == OK);
    cpus_start(run);
    caps_leave();
    cpus_finish();
    for (uint32_t i = 0; i < COUNT_OF(objects); i++) {
        memory_check(objects[i]);
        EXPECT(objects[i]->flushing == 0);
    }
    for (uint32_t i = 0; i < COUNT_OF(spaces); i++) {
        space_check(&spaces[i]);
        user_space_end(&spaces[i]);
    }
    for (uint32_t i = 0; i < COUNT_OF(objects); i++)
        object_put(&objects[i]->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}
