/*
 * Native test: the C library's allocator (docs/decisions/0023-c-library.md): blocks keep what was
 * written into them while threads on all CPUs take and give back, what is given back is the job's
 * again, and the end of a job's budget is an allocation that fails, never a fault.
 */
#include "guest_thread.h"
#include "pages.h"
#include "sys/child.h"
#include "sys/message.h"
#include "sys/print.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define JOB     root_slot(ROOT_SLOT_JOB)
#define NO_SLOT ((slot_t){0})
#define THREADS 4u
#define BLOCKS  64u
#define STEPS   1500u
#define STACK   16384u
/* What an allocator without blocks may keep of its job: its records, and a group of blocks of each
 * of its 48 sizes that was in use. */
#define KEPT_MAX UINT64_C(0x80000)

struct block {
    uint8_t *bytes;
    size_t size;
    uint8_t mark;
};

static uint8_t stacks[THREADS][STACK] __attribute__((aligned(16)));
static _Atomic(uint32_t) done;

/* A number that follows from the one before (Knuth's MMIX). */
static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* Mostly small ones, some of several pages, a few of more than the allocator keeps in groups. */
static size_t size_draw(uint64_t *seed)
{
    static const uint32_t most[] = {64, 64, 256, 256, 1024, 2048};
    uint32_t kind = draw(seed) % 64;
    return 1 + draw(seed) % (kind == 0 ? 200000 : kind < 4 ? 20000 : most[kind % COUNT_OF(most)]);
}

static bool block_is_whole(const struct block *block)
{
    for (size_t i = 0; i < block->size; i += i < 64 || i + 64 >= block->size ? 1 : 61)
        if (block->bytes[i] != (uint8_t)(block->mark + i))
            return false;
    return true;
}

static void block_fill(struct block *block, uint8_t mark)
{
    block->mark = mark;
    for (size_t i = 0; i < block->size; i++)
        block->bytes[i] = (uint8_t)(mark + i);
}

static void block_take(struct block *block, uint64_t *seed)
{
    size_t size = size_draw(seed), align = (size_t)16 << draw(seed) % 9;
    uint32_t way = draw(seed) % 4;
    block->bytes = way == 0   ? calloc(size, 1)
                   : way == 1 ? aligned_alloc(align, align_up(size, align))
                              : malloc(size);
    REQUIRE(block->bytes != NULL);
    EXPECT(is_aligned((uintptr_t)block->bytes, way == 1 ? align : 16));
    for (size_t i = 0; way == 0 && i < size; i++)
        EXPECT(block->bytes[i] == 0);
    block->size = size;
    block_fill(block, (uint8_t)draw(seed));
}

/* Another size: what fits of the contents stays. */
static void block_resize(struct block *block, uint64_t *seed)
{
    size_t size = size_draw(seed), kept = size < block->size ? size : block->size;
    uint8_t *bytes = realloc(block->bytes, size);
    REQUIRE(bytes != NULL);
    *block = (struct block){bytes, kept, block->mark};
    EXPECT(block_is_whole(block));
    block->size = size;
    block_fill(block, block->mark);
}

static void block_give(struct block *block)
{
    EXPECT(block_is_whole(block));
    free(block->bytes);
    *block = (struct block){0};
}

static uint64_t hammer(void *argument, void *page)
{
    struct block blocks[BLOCKS] = {0};
    uint64_t seed = (uint64_t)argument + 1;
    (void)page;
    for (unsigned i = 0; i < STEPS; i++) {
        struct block *block = &blocks[draw(&seed) % BLOCKS];
        if (block->bytes == NULL)
            block_take(block, &seed);
        else if (draw(&seed) % 4 == 0)
            block_resize(block, &seed);
        else
            block_give(block);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        if (blocks[i].bytes != NULL)
            block_give(&blocks[i]);
    atomic_fetch_add(&done, 1);
    return 0;
}

static uint64_t used_by(slot_t job)
{
    uint64_t size = 0, more;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &more) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* What ended, the kernel lets go of by and by. */
static uint64_t used_at_rest(slot_t job)
{
    uint64_t used = used_by(job), before;
    do {
        before = used;
        sleep_for(5000000);
        used = used_by(job);
    } while (used < before);
    return used;
}

static void hammer_all(void)
{
    slot_t thread = {0};
    atomic_store(&done, 0);
    for (uint64_t i = 0; i < THREADS; i++) {
        REQUIRE(sys_thread_start(hammer, (void *)i, stacks[i], STACK, &thread) == OK);
        drop(thread);
    }
    while (atomic_load(&done) != THREADS)
        sleep_for(1000000);
}

TEST(heap_threads_hammer_it)
{
    uint64_t before = used_at_rest(JOB);
    hammer_all();
    uint64_t after = used_at_rest(JOB);
    sys_print("heap: %lu bytes more in use after it than before\n", after - before);
    EXPECT(after - before <= KEPT_MAX);
    hammer_all(); /* and that is all: it does not grow */
    EXPECT(used_at_rest(JOB) <= after + KEPT_MAX / 4);
}

/* Large blocks are the job's again at once, and at an address that was in use before. */
TEST(heap_large_blocks_go_back)
{
    uint64_t before = used_at_rest(JOB);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t *bytes = malloc(5 * MIB + i * 7919);
        REQUIRE(bytes != NULL);
        EXPECT(used_by(JOB) >= before + 5 * MIB);
        bytes[0] = bytes[5 * MIB - 1] = 1;
        EXPECT(bytes[MIB] == 0);
        free(bytes);
    }
    EXPECT(used_at_rest(JOB) <= before + 8 * PAGE);
    EXPECT(malloc(SIZE_MAX / 4) == NULL && errno == ENOMEM);
    EXPECT(malloc(SIZE_MAX) == NULL && calloc(SIZE_MAX / 2, 3) == NULL);
}

/* --- in a small job of its own: a clone of this process --- */

/* Between it and this one, on a page that both see. */
struct meeting {
    _Atomic(bool) ready;     /* all that it has besides blocks was touched */
    _Atomic(bool) go;        /* its budget is set */
    _Atomic(uint64_t) count; /* of blocks that it was given */
};
static struct meeting *const meeting = (struct meeting *)AREA(0);

/* Some of all that is needed: the allocator's records, its lock's and errno's pages, the stack. */
static void warm_up(void)
{
    volatile uint8_t deep[2 * PAGE];
    deep[0] = deep[PAGE] = 0;
    free(malloc(1));
    errno = 0;
    atomic_store(&meeting->ready, true);
    while (!atomic_load(&meeting->go))
        (void)tern_yield();
}

/* Blocks in a chain; all of each is written. Up to `limit`, or until there is no more. */
static uint64_t chain_take(void **chain, size_t size, uint64_t limit)
{
    uint64_t count = 0;
    for (void **block; count < limit && (block = malloc(size)) != NULL; count++) {
        memset(block, (int)count, size);
        *block = *chain;
        *chain = (void *)block;
    }
    return count;
}

static void chain_give(void **chain)
{
    while (*chain != NULL) {
        void **block = *chain;
        *chain = *block;
        free(block);
    }
}

/* Takes all that there is, gives it back, and can have it again. */
static uint64_t exhaust(void *argument, void *page)
{
    size_t size = (size_t)argument;
    void *chain = NULL;
    (void)page;
    warm_up();
    uint64_t count = chain_take(&chain, size, UINT64_MAX);
    if (errno != ENOMEM)
        return 1;
    chain_give(&chain);
    if (chain_take(&chain, size, count / 2) != count / 2)
        return 2;
    chain_give(&chain);
    atomic_store(&meeting->count, count);
    return 0;
}

static slot_t job_make(void)
{
    slot_t job = NO_SLOT;
    EXPECT(tern_object_create(JOB, OBJECT_job, NO_SLOT, 0, &job) == OK);
    return job;
}

static void job_limit(slot_t job, uint64_t bytes)
{
    struct state_job_basic *state = sys_page;
    *state = (struct state_job_basic){.memory_limit = bytes};
    EXPECT(tern_object_set(job, STATE_job_basic, STATE_BIT(job, basic, memory_limit),
                           sizeof(*state), NO_SLOT) == OK);
}

/* As a program finds them that was not cloned. */
static void give_as_root(slot_t process, slot_t job)
{
    slot_t placed;
    EXPECT(tern_cap_place(process, root_slot(ROOT_SLOT_PROCESS), NO_SLOT, process,
                          (rights_t){RIGHTS_ALL}, 0, &placed) == OK);
    EXPECT(tern_cap_place(process, root_slot(ROOT_SLOT_JOB), NO_SLOT, job, (rights_t){RIGHTS_ALL},
                          0, &placed) == OK);
}

/* How the child's thread ended: its value, or UINT64_MAX for a fault of any kind. */
static uint64_t wait_for_end(slot_t port, slot_t reply)
{
    struct message message = {0};
    EXPECT(tern_port_receive(port, reply, &message, clock_now() + UINT64_C(20000000000)) == OK);
    bool ended = message.kind == MESSAGE_exit && message.word[0] == EXIT_exited;
    if (!ended)
        sys_print("heap: the child sent kind %u, 0x%lx at 0x%lx\n", message.kind, message.word[0],
                  message.word[1]);
    return ended ? message.word[1] : UINT64_MAX;
}

/* A child that has `pages` more than what it has touched: it must get to its end by itself. */
static uint64_t exhaust_in_job(uint64_t pages, size_t size, slot_t port, slot_t reply)
{
    slot_t job = job_make(), process = NO_SLOT, thread = NO_SLOT;
    atomic_store(&meeting->ready, false);
    atomic_store(&meeting->go, false);
    EXPECT(sys_child_create(job, &process) == OK);
    give_as_root(process, job);
    EXPECT(sys_child_thread_make(job, process, 0, exhaust, (void *)size, &thread) == OK);
    EXPECT(thread_route(thread, NO_SLOT, 0, port, 1) == OK && sys_child_start(thread, 0) == OK);
    while (!atomic_load(&meeting->ready))
        sleep_for(1000000);
    job_limit(job, used_by(job) + pages * PAGE);
    atomic_store(&meeting->go, true);
    uint64_t value = wait_for_end(port, reply);
    EXPECT(tern_object_kill(process) == OK);
    drop(thread), drop(process), drop(job);
    return value;
}

/* Budgets from `first` on, one page more each time; says how many bytes at most a child had. */
static uint64_t exhaust_budgets(uint64_t first, uint64_t count, size_t size)
{
    slot_t port, reply, shared = memory_make(1);
    uint64_t most = 0;
    EXPECT(sys_port_create(0, &port) == OK && sys_reply_create(&reply) == OK);
    EXPECT(tern_space_map(self_process(), shared, 0, (uaddr_t){AREA(0)}, PAGE, RW | SPACE_SHARED) ==
           OK);
    for (uint64_t pages = first; pages < first + count; pages++) {
        EXPECT(exhaust_in_job(pages, size, port, reply) == 0);
        uint64_t bytes = atomic_load(&meeting->count) * size;
        most = bytes > most ? bytes : most;
    }
    EXPECT(unmap(AREA(0), 1) == OK);
    drop(shared), drop(port), drop(reply);
    return most;
}

TEST(heap_end_of_a_budget)
{
    static const size_t sizes[] = {24, 1000, 5000, 40000, 150000};
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t most = exhaust_budgets(40 * (uint64_t)i + 8, 8, sizes[i]);
        sys_print("heap: %lu bytes at most in blocks of %lu\n", most, (uint64_t)sizes[i]);
        EXPECT(i == 0 || most >= sizes[i]);
    }
}

/* A block is there with the page tables that it needs, or not at all. */
TEST(heap_end_of_a_budget_among_tables)
{
    const size_t size = 2 * MIB + 5;
    EXPECT(exhaust_budgets(505, 28, size) == size);
}
