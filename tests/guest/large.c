/*
 * Native test: blocks of 2 MiB: when they are shown by one entry, and that whatever is done to a
 * part of one is done to that part alone.
 */
#include "pages.h"
#include <device.h>
#include <state.h>
#include <stdatomic.h>

#define LARGE   512u /* pages */
#define DEVICE  77   /* an identity that no other has */
#define NO_SLOT ((slot_t){0})

static struct state_memory_basic info(slot_t memory)
{
    uint64_t size = 0, next;
    EXPECT(tern_object_info(memory, STATE_memory_basic, 0, &size, &next) == OK);
    return *(const struct state_memory_basic *)sys_page;
}

static uint64_t job_used(slot_t job)
{
    uint64_t size = 0, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    return ((const struct state_job_basic *)sys_page)->memory_used;
}

/* Committed whole, each page holds its number. */
static slot_t committed(uint64_t pages)
{
    slot_t memory = memory_make(pages);
    EXPECT(commit(memory, 0, pages, COMMIT_FILL) == OK);
    for (uint64_t i = 0; i < pages; i++)
        EXPECT(get(memory, i) == 0 && put(memory, i, i + 1) == OK);
    return memory;
}

/* One block, shown at AREA(0) by one entry. */
static slot_t shown(uint64_t flags)
{
    slot_t memory = committed(LARGE);
    EXPECT(map(memory, 0, AREA(0), LARGE, flags) == OK);
    EXPECT(info(memory).large == 1 && info(memory).resident == LARGE);
    return memory;
}

/* Reads what [first, end) hold there: their numbers, and `more`. */
static void look(uint64_t va, uint64_t first, uint64_t end, uint64_t more)
{
    uint64_t wrong = 0;
    for (uint64_t i = first; i < end; i++)
        wrong += *word_at(va + i * PAGE) != i + 1 + more;
    EXPECT(wrong == 0);
}

static void add(uint64_t va, uint64_t first, uint64_t end, uint64_t more)
{
    for (uint64_t i = first; i < end; i++)
        *word_at(va + i * PAGE) += more;
}

static void forget(slot_t memory, uint64_t pages)
{
    EXPECT(unmap(AREA(0), pages) == OK);
    EXPECT(info(memory).large == 0);
    drop(memory);
}

/* Is the address as the caller may write it? */
static bool writable(uint64_t va)
{
    uint64_t word = *word_at(va), done = 0;
    struct space_range range = {{va}, sizeof(word)};
    error_t error = tern_space_write(self_process(), (uaddr_t){(uintptr_t)&range}, 1,
                                     (uaddr_t){(uintptr_t)&word}, &done);
    EXPECT(error == OK || error == ERR_denied);
    return error == OK;
}

TEST(large_as_committed_and_mapped)
{
    slot_t memory = committed(8 * LARGE + 3);
    REQUIRE(map(memory, 0, AREA(0), 8 * LARGE + 3, RW) == OK);
    EXPECT(info(memory).large >= 1); /* the front, when it is mapped; the rest as it is touched */
    look(AREA(0), 0, 8 * LARGE + 3, 0);
    EXPECT(info(memory).large == 8 && info(memory).resident == 8 * LARGE + 3);
    add(AREA(0), 0, 8 * LARGE + 3, 5);
    look(AREA(0), 0, 8 * LARGE + 3, 5);
    EXPECT(get(memory, 5 * LARGE + 7) == 5 * LARGE + 7 + 1 + 5);
    EXPECT(info(memory).large == 8);
    forget(memory, 8 * LARGE + 3);
}

TEST(large_not_where_it_does_not_fit)
{
    slot_t memory = committed(2 * LARGE);
    REQUIRE(map(memory, 0, AREA(0) + PAGE, 2 * LARGE, RW) == OK);
    look(AREA(0) + PAGE, 0, 2 * LARGE, 0);
    EXPECT(info(memory).large == 0);
    EXPECT(unmap(AREA(0) + PAGE, 2 * LARGE) == OK);
    /* A part of one block, and all of the other. */
    REQUIRE(map(memory, 1, AREA(0) + PAGE, 2 * LARGE - 1, RW) == OK);
    look(AREA(0), 1, 2 * LARGE, 0);
    EXPECT(info(memory).large == 1);
    forget(memory, 2 * LARGE);
    /* A page that was there before is where it is. */
    memory = memory_make(LARGE);
    EXPECT(put(memory, 9, 10) == OK && commit(memory, 0, LARGE, COMMIT_FILL) == OK);
    REQUIRE(map(memory, 0, AREA(0), LARGE, RW) == OK);
    look(AREA(0), 9, 10, 0);
    EXPECT(info(memory).large == 0 && info(memory).resident == LARGE);
    forget(memory, LARGE);
}

/* What is charged is what is there, and a job that cannot pay for a block gets pages. */
TEST(large_charged_by_pages)
{
    slot_t job = object_make(OBJECT_job, NO_SLOT, 0), memory = NO_SLOT;
    struct state_job_basic *set = sys_page;
    REQUIRE(tern_object_create(job, OBJECT_memory, NO_SLOT, 4 * LARGE * PAGE, &memory) == OK);
    EXPECT(put(memory, 4 * LARGE - 1, 1) == OK && put(memory, 0, 1) == OK);
    EXPECT(commit(memory, 0, 4 * LARGE, COMMIT_FILL) == OK);
    uint64_t all = job_used(job);
    EXPECT(commit(memory, LARGE, 2 * LARGE, COMMIT_ZERO) == OK);
    EXPECT(job_used(job) == all - 2 * LARGE * PAGE);
    uint64_t done = 0;
    EXPECT(tern_memory_commit(memory, LARGE * PAGE, 2 * LARGE * PAGE, COMMIT_FILL, &done) == OK);
    EXPECT(done > 0 && done < LARGE * PAGE && info(memory).resident == 2 * LARGE + done / PAGE);
    EXPECT(job_used(job) == all - LARGE * PAGE); /* the block is taken */
    EXPECT(commit(memory, LARGE, 2 * LARGE, COMMIT_ZERO) == OK);
    EXPECT(job_used(job) == all - 2 * LARGE * PAGE);
    uint64_t size = 0, next;
    EXPECT(tern_object_info(job, STATE_job_basic, 0, &size, &next) == OK);
    set->memory_limit = set->memory_used + (LARGE - 2) * PAGE;
    EXPECT(tern_object_set(job, STATE_job_basic, STATE_BIT(job, basic, memory_limit), size,
                           NO_SLOT) == OK);
    EXPECT(commit(memory, LARGE, 2 * LARGE, COMMIT_FILL) == ERR_no_memory);
    EXPECT(info(memory).resident == 3 * LARGE - 2 && job_used(job) == all - (LARGE + 2) * PAGE);
    drop(memory);
    for (uint64_t end = clock_now() + 5000000000; job_used(job) != 0 && clock_now() < end;)
        (void)tern_yield();
    EXPECT(job_used(job) == 0);
    drop(job);
}

TEST(large_protected_in_part)
{
    slot_t memory = shown(RW);
    EXPECT(protect(AREA(0) + 100 * PAGE, 10, RO) == OK && info(memory).large == 0);
    for (uint64_t i = 98; i < 112; i++)
        EXPECT(writable(AREA(0) + i * PAGE) == (i < 100 || i >= 110));
    add(AREA(0), 0, 100, 3);
    add(AREA(0), 110, LARGE, 3);
    look(AREA(0), 0, 100, 3);
    look(AREA(0), 100, 110, 0);
    look(AREA(0), 110, LARGE, 3);
    EXPECT(unmap(AREA(0), LARGE) == OK);
    /* As a whole it stays one. */
    REQUIRE(map(memory, 0, AREA(0), LARGE, RW) == OK && info(memory).large == 1);
    EXPECT(protect(AREA(0), LARGE, RO) == OK && !writable(AREA(0) + 7 * PAGE));
    look(AREA(0), 110, LARGE, 3);
    EXPECT(info(memory).large == 1);
    EXPECT(protect(AREA(0), LARGE, RW) == OK && writable(AREA(0) + 7 * PAGE));
    add(AREA(0), 7, 8, 1);
    EXPECT(info(memory).large == 1);
    forget(memory, LARGE);
}

TEST(large_unmapped_and_moved_in_part)
{
    slot_t memory = shown(RW);
    EXPECT(unmap(AREA(0) + 50 * PAGE, 1) == OK && info(memory).large == 0);
    uint64_t word = 0, done = 0;
    struct space_range range = {{AREA(0) + 50 * PAGE}, sizeof(word)};
    EXPECT(tern_space_read(self_process(), (uaddr_t){(uintptr_t)&range}, 1,
                           (uaddr_t){(uintptr_t)&word}, &done) == ERR_bad_address);
    look(AREA(0), 0, 50, 0);
    look(AREA(0), 51, LARGE, 0);
    EXPECT(unmap(AREA(0), LARGE) == OK);
    REQUIRE(map(memory, 0, AREA(0), LARGE, RW) == OK && info(memory).large == 1);
    EXPECT(tern_space_move(self_process(), (uaddr_t){AREA(0) + 8 * PAGE},
                           (uaddr_t){AREA(1) + 8 * PAGE}, 8 * PAGE, &done) == OK);
    EXPECT(done == 8 * PAGE && info(memory).large == 0);
    look(AREA(0), 0, 8, 0);
    look(AREA(1), 8, 16, 0);
    look(AREA(0), 16, LARGE, 0);
    EXPECT(unmap(AREA(1), LARGE) == OK && unmap(AREA(0), LARGE) == OK);
    /* As a whole it is one there too. */
    REQUIRE(map(memory, 0, AREA(0), LARGE, RW) == OK && info(memory).large == 1);
    EXPECT(tern_space_move(self_process(), (uaddr_t){AREA(0)}, (uaddr_t){AREA(1)}, LARGE * PAGE,
                           &done) == OK);
    look(AREA(1), 0, LARGE, 0);
    EXPECT(done == LARGE * PAGE && info(memory).large == 1);
    EXPECT(unmap(AREA(1), LARGE) == OK);
    forget(memory, LARGE);
}

/* One that both show is read as one, and written page by page. */
TEST(large_cloned)
{
    slot_t memory = shown(RW), part = memory_make(LARGE), all = memory_make(LARGE);
    EXPECT(clone(memory, 20, part, 20, 5) == OK && clone(memory, 0, all, 0, LARGE) == OK);
    REQUIRE(map(all, 0, AREA(1), LARGE, RW) == OK);
    look(AREA(0), 0, LARGE, 0);
    look(AREA(1), 0, LARGE, 0);
    EXPECT(info(memory).large == 1 && info(all).large == 1 && info(all).resident == LARGE);
    add(AREA(0), 22, 30, 4);
    add(AREA(1), 300, 310, 9);
    EXPECT(info(memory).large == 0 && info(all).large == 0);
    look(AREA(0), 0, 22, 0);
    look(AREA(0), 22, 30, 4);
    look(AREA(0), 30, LARGE, 0);
    look(AREA(1), 0, 300, 0);
    look(AREA(1), 300, 310, 9);
    look(AREA(1), 310, LARGE, 0);
    for (uint64_t i = 20; i < 25; i++)
        EXPECT(get(part, i) == i + 1);
    EXPECT(get(part, 19) == 0 && get(part, 25) == 0);
    EXPECT(unmap(AREA(1), LARGE) == OK);
    drop(part), drop(all);
    forget(memory, LARGE);
}

/* When nobody else shows it any more, it can be written as one again. */
TEST(large_alone_again)
{
    slot_t memory = shown(RW), all = memory_make(LARGE);
    EXPECT(clone(memory, 0, all, 0, LARGE) == OK && commit(all, 0, LARGE, COMMIT_ZERO) == OK);
    add(AREA(0), 0, LARGE, 8);
    look(AREA(0), 0, LARGE, 8);
    EXPECT(info(memory).large == 1);
    drop(all);
    forget(memory, LARGE);
}

static void child_body(uint64_t argument)
{
    volatile uint64_t *out = (volatile uint64_t *)argument;
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < LARGE; i++) {
        wrong += *word_at(AREA(0) + i * PAGE) != i + 1;
        *word_at(AREA(0) + i * PAGE) = 0;
    }
    out[0] = wrong + 1;
    (void)tern_thread_exit(0);
}

TEST(large_in_a_clone_of_the_process)
{
    slot_t memory = shown(RW), out = memory_make(1);
    REQUIRE(map(out, 0, AREA(1), 1, RW | SPACE_SHARED) == OK);
    slot_t child = process_clone(), thread = child_start(child, 0, child_body, AREA(1));
    EXPECT(word_becomes(word_at(AREA(1)), 1));
    look(AREA(0), 0, LARGE, 0);
    add(AREA(0), 0, LARGE, 1);
    look(AREA(0), 0, LARGE, 1);
    drop(thread), drop(child);
    EXPECT(unmap(AREA(1), 1) == OK);
    drop(out);
    forget(memory, LARGE);
}

TEST(large_tracked_page_by_page)
{
    slot_t memory = shown(RW);
    uint64_t bits[2] = {0}, round = 0, next = 0;
    uaddr_t to = {(uintptr_t)bits};
    EXPECT(tern_memory_dirty(memory, 0, 0, 128, to, &round) == OK && info(memory).large == 0);
    EXPECT(bits[0] == UINT64_MAX && bits[1] == UINT64_MAX);
    add(AREA(0), 7, 9, 1);
    look(AREA(0), 60, 70, 0);
    EXPECT(tern_memory_dirty(memory, round, 0, 128, to, &next) == OK);
    EXPECT(bits[0] == (UINT64_C(3) << 7) && bits[1] == 0 && next > round);
    look(AREA(0), 7, 9, 1);
    look(AREA(0), 9, LARGE, 0);
    EXPECT(info(memory).large == 0);
    forget(memory, LARGE);
}

TEST(large_given_back_in_part)
{
    slot_t memory = shown(RW);
    EXPECT(commit(memory, 40, 2, COMMIT_ZERO) == OK && info(memory).large == 0);
    look(AREA(0), 0, 40, 0);
    EXPECT(*word_at(AREA(0) + 40 * PAGE) == 0 && *word_at(AREA(0) + 41 * PAGE) == 0);
    look(AREA(0), 42, LARGE, 0);
    forget(memory, LARGE);
    memory = shown(RW);
    EXPECT(tern_memory_resize(memory, (LARGE - 3) * PAGE) == OK && info(memory).large == 0);
    look(AREA(0), 0, LARGE - 3, 0);
    EXPECT(info(memory).resident == LARGE - 3 && !info(memory).large);
    EXPECT(tern_memory_resize(memory, LARGE * PAGE) == OK);
    EXPECT(*word_at(AREA(0) + (LARGE - 1) * PAGE) == 0);
    forget(memory, LARGE);
}

/* The frames go over, and are shown as one there. */
TEST(large_supplied)
{
    slot_t memory = shown(RW), to = memory_make(2 * LARGE);
    EXPECT(supply(to, LARGE, memory, 0, 5) == OK && info(memory).large == 0);
    for (uint64_t i = 0; i < 5; i++)
        EXPECT(*word_at(AREA(0) + i * PAGE) == 0 && get(to, LARGE + i) == i + 1);
    EXPECT(commit(memory, 0, 5, COMMIT_ZERO) == OK);
    EXPECT(supply(to, LARGE + 5, memory, 5, LARGE - 5) == OK);
    REQUIRE(map(to, LARGE, AREA(1), LARGE, RW) == OK);
    look(AREA(1), 0, LARGE, 0);
    EXPECT(info(to).large == 1 && info(memory).resident == 0);
    EXPECT(unmap(AREA(1), LARGE) == OK);
    drop(to);
    forget(memory, LARGE);
}

static slot_t device_make(uint64_t base, uint64_t size)
{
    slot_t device = NO_SLOT;
    *(struct abi_device *)sys_page =
        (struct abi_device){.identity = DEVICE, .dma_end = UINT64_MAX, .ranges = {{base, size, 0}}};
    EXPECT(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_device, NO_SLOT, 0, &device) == OK);
    return device;
}

/* A page that a device may write stays where it is, and is no part of clones. */
TEST(large_pinned_in_part)
{
    slot_t memory = shown(RW), copy = memory_make(LARGE), device = device_make(0, 0);
    EXPECT(tern_dma_map(device, memory, 33 * PAGE, 2 * PAGE) == OK);
    uint64_t frame = *(const uint64_t *)sys_page;
    add(AREA(0), 0, LARGE, 1);
    EXPECT(info(memory).large == 1);
    EXPECT(clone(memory, 0, copy, 0, LARGE) == OK);
    add(AREA(0), 0, LARGE, 1);
    look(AREA(0), 0, LARGE, 2);
    for (uint64_t i = 30; i < 40; i++)
        EXPECT(get(copy, i) == i + 2);
    EXPECT(commit(memory, 33, 1, COMMIT_ZERO) == ERR_busy);
    uint64_t bits[2], round = 0; /* devices write without being seen */
    uaddr_t to = {(uintptr_t)bits};
    EXPECT(tern_memory_dirty(memory, 0, 0, 128, to, &round) == OK);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(tern_memory_dirty(memory, round, 0, 128, to, &round) == OK);
        EXPECT(bits[0] == (UINT64_C(3) << 33) && bits[1] == 0);
    }
    EXPECT(tern_dma_map(device, memory, 33 * PAGE, PAGE) == OK);
    EXPECT(*(const uint64_t *)sys_page == frame);
    EXPECT(tern_device_reset(device) == OK);
    drop(device), drop(copy);
    forget(memory, LARGE);
}

/* A block of device memory: the firmware of a PC, or the PCI configuration of the first bridge. */
TEST(large_device_memory)
{
    slot_t ports = NO_SLOT, memory = NO_SLOT;
    bool pc = tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_ioport, NO_SLOT, 1 << 16 | 0x80,
                                 &ports) == OK;
    uint64_t base = pc ? UINT64_C(0xffe00000) : UINT64_C(0x4010000000);
    uint64_t at = pc ? 0x1ffff0 : 0; /* the first jump; the maker */
    slot_t device = device_make(base, LARGE * PAGE);
    REQUIRE(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, device, 0, &memory) == OK);
    REQUIRE(map(memory, 0, AREA(0), LARGE, RO) == OK && info(memory).large == 1);
    uint32_t word = *(volatile uint32_t *)(AREA(0) + at);
    EXPECT(pc ? (word & 0xff) == 0xea : (word & 0xffff) == 0x1b36);
    EXPECT(unmap(AREA(0) + 5 * PAGE, 1) == OK && info(memory).large == 0);
    EXPECT(*(volatile uint32_t *)(AREA(0) + at) == word);
    EXPECT(unmap(AREA(0), LARGE) == OK);
    drop(memory), drop(device);
    if (pc)
        drop(ports);
}

/* --- threads that write all of it while it is split and joined --- */

#define THREADS 2

static struct {
    uint8_t stacks[THREADS][8192] __attribute__((aligned(16)));
    _Atomic(uint32_t) stop, running;
    _Atomic(uint64_t) wrong;
} crowd;

/* Counts up in pages of its own, each THREADS-th: nobody else changes them. */
static uint64_t count_up(void *argument, void *page)
{
    (void)page;
    for (uint64_t turn = 0; !atomic_load(&crowd.stop); turn++)
        for (uint64_t i = (uintptr_t)argument; i < LARGE; i += THREADS) {
            volatile uint64_t *word = word_at(AREA(0) + i * PAGE) + 1;
            if (*word != turn)
                atomic_fetch_add(&crowd.wrong, 1);
            *word = turn + 1;
        }
    atomic_fetch_sub(&crowd.running, 1);
    return 0;
}

/* What takes the block apart, another way in each round. */
static void disturb(slot_t memory, uint64_t round, uint64_t turn)
{
    uint64_t at = turn * 37 % (LARGE - 16), out = 0, done = 0, dirty = 0;
    static uint64_t bits[2];
    slot_t copy = memory_make(LARGE);
    if (round % 4 == 0) {
        EXPECT(clone(memory, at, copy, at, 3) == OK);
        EXPECT(tern_memory_read(copy, at * PAGE, (uaddr_t){(uintptr_t)&out}, 8, &done) == OK);
        EXPECT(out == at + 1);
    } else if (round % 4 == 1) {
        EXPECT(tern_memory_dirty(memory, 0, 0, 128, (uaddr_t){(uintptr_t)bits}, &dirty) == OK);
        EXPECT(bits[0] == UINT64_MAX && bits[1] == UINT64_MAX);
    } else {
        EXPECT(map(memory, 0, AREA(1), LARGE, RW) == OK);
        look(AREA(1), at, at + 16, 0);
        EXPECT(round % 4 == 2 ? protect(AREA(1) + at * PAGE, 16, RO) == OK
                              : commit(memory, at, 1, COMMIT_FILL) == OK);
        EXPECT(unmap(AREA(1) + at * PAGE, 9) == OK && unmap(AREA(1), LARGE) == OK);
    }
    drop(copy);
    (void)tern_yield();
}

static void disturb_round(uint64_t round)
{
    slot_t memory = shown(RW);
    atomic_store(&crowd.stop, 0);
    atomic_store(&crowd.running, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        slot_t thread = NO_SLOT;
        EXPECT(sys_thread_start(count_up, (void *)i, crowd.stacks[i], sizeof(crowd.stacks[i]),
                                &thread) == OK);
        drop(thread);
    }
    for (uint64_t turn = 0, end = clock_now() + 30000000; turn < 2 || clock_now() < end; turn++)
        disturb(memory, round, turn);
    atomic_store(&crowd.stop, 1);
    while (atomic_load(&crowd.running) != 0)
        (void)tern_yield();
    EXPECT(atomic_load(&crowd.wrong) == 0);
    look(AREA(0), 0, LARGE, 0);
    forget(memory, LARGE);
}

TEST(large_disturbed_while_threads_write)
{
    for (uint64_t round = 0; round < 4; round++)
        disturb_round(round);
}
