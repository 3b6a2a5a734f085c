/*
 * Native benchmark: mapping, and faults that the kernel serves, as counter ticks over a range of
 * pages, loop and stub included; one JSON line each, as in bench_ipc.c.
 */
#include "bench.h"
#include "sys/call.h"
#include <root.h>
#include <space.h>
#include <sys_arch.h>

#define PAGES 1000u
#define PAGE  UINT64_C(4096)
#define BASE  UINT64_C(0x10000000000)
#define RW    (SPACE_READ | SPACE_WRITE)

static slot_t process, job, warm;

static slot_t memory_make(uint64_t pages)
{
    slot_t memory = {0};
    bench_need("memory",
               tern_object_create(job, OBJECT_memory, (slot_t){0}, pages * PAGE, &memory));
    return memory;
}

static void commit(slot_t memory, uint64_t pages)
{
    uint64_t done = 0;
    for (uint64_t at = 0; at < pages * PAGE; at += done)
        bench_need("commit", tern_memory_commit(memory, at, pages * PAGE - at, COMMIT_FILL, &done));
}

static void map(slot_t memory, uint64_t offset, uint64_t va, uint64_t pages)
{
    bench_need("map", tern_space_map(process, memory, offset, (uaddr_t){va}, pages * PAGE, RW));
}

static void unmap(uint64_t va, uint64_t pages)
{
    uint64_t done = 0, end = va + pages * PAGE;
    for (; va < end; va += done)
        bench_need("unmap", tern_space_unmap(process, (uaddr_t){va}, end - va, &done));
}

/* One word of each page. */
static __attribute__((noinline)) uint64_t touch(uint64_t va, unsigned pages)
{
    uint64_t before = sys_counter();
    _Pragma("clang loop unroll(disable)") for (unsigned i = 0; i < pages; i++) *
        (volatile uint64_t *)(va + i * PAGE) = i;
    return sys_counter() - before;
}

#define ROUNDS 16u
#define MAPS   64u
#define LARGE  512u
#define FAR    (BASE + 0x40000000)

/* Every `step` pages, so that with 1 each mapping continues the one before. */
static uint64_t map_each(slot_t memory, uint64_t step)
{
    uint64_t ticks = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t before = sys_counter();
        _Pragma("clang loop unroll(disable)") for (unsigned i = 0; i < MAPS; i++)(void)
            tern_space_map(process, memory, i * PAGE, (uaddr_t){BASE + i * step * PAGE}, PAGE, RW);
        ticks += sys_counter() - before;
        unmap(BASE, MAPS * step);
    }
    return ticks;
}

/* Tables are kept by the mapping `warm` behind, so that they are not made anew. */
static void bench_map(void)
{
    slot_t memory = memory_make(MAPS);
    uint64_t done = 0;
    commit(memory, MAPS);
    map(warm, 0, BASE + 511 * PAGE, 1);
    (void)map_each(memory, 2);
    bench_say("mem.map.apart", map_each(memory, 2), MAPS * ROUNDS);
    bench_say("mem.map", map_each(memory, 1), MAPS * ROUNDS);
    uint64_t before = sys_counter();
    for (unsigned i = 0; i < PAGES; i++) {
        (void)tern_space_map(process, memory, 0, (uaddr_t){BASE}, PAGE, RW);
        (void)tern_space_unmap(process, (uaddr_t){BASE}, PAGE, &done);
    }
    bench_say("mem.map_unmap", sys_counter() - before, PAGES);
    unmap(BASE, 512);
    bench_need("delete", tern_cap_delete(memory));
}

/* A block of 2 MiB, committed: where one entry fits, and where it does not. */
static void bench_large(void)
{
    slot_t memory = memory_make(LARGE);
    commit(memory, LARGE);
    map(memory, 0, FAR + PAGE, LARGE);
    bench_say("mem.touch.small", touch(FAR + PAGE, LARGE), LARGE);
    unmap(FAR + PAGE, LARGE);
    map(memory, 0, FAR, LARGE);
    bench_say("mem.touch.large", touch(FAR, LARGE), LARGE);
    unmap(FAR, LARGE);
    bench_need("delete", tern_cap_delete(memory));
}

/* What was deleted before is gone: the reaper works at ways out, here at these and not the counted
 * ones. */
static void settle(void)
{
    for (unsigned turn = 0; turn < LARGE; turn++)
        (void)tern_yield();
}

static void bench_faults(void)
{
    slot_t memory = memory_make(PAGES), clone = memory_make(PAGES);
    map(memory, 0, BASE, PAGES);
    settle();
    bench_say("fault.anon", touch(BASE, PAGES), PAGES);
    uint64_t done = 0, before = sys_counter();
    for (uint64_t at = 0; at < PAGES * PAGE; at += done)
        bench_need("clone", tern_memory_clone(memory, at, clone, at, PAGES * PAGE - at, 0, &done));
    bench_say("mem.clone", sys_counter() - before, PAGES);
    map(clone, 0, BASE + (1 << 30), PAGES);
    bench_say("fault.cow", touch(BASE + (1 << 30), PAGES), PAGES);
    bench_say("fault.unshared", touch(BASE, PAGES), PAGES);
    unmap(BASE + (1 << 30), PAGES);
    bench_need("delete", tern_cap_delete(clone));
    clone = memory_make(PAGES);
    for (uint64_t at = 0; at < PAGES * PAGE; at += done)
        bench_need("clone", tern_memory_clone(memory, at, clone, at, PAGES * PAGE - at, 0, &done));
    bench_say("fault.cow.source", touch(BASE, PAGES), PAGES);
    before = sys_counter();
    unmap(BASE, PAGES);
    bench_say("mem.unmap", sys_counter() - before, PAGES);
}

int main(void)
{
    process = root_slot(ROOT_SLOT_PROCESS);
    job = root_slot(ROOT_SLOT_JOB);
    warm = memory_make(1);
    bench_map();
    bench_large();
    bench_faults();
    return 0;
}
