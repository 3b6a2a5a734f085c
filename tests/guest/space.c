/* Native test: address spaces: mappings, their rights, clones of processes, copies between them. */
#include "pages.h"
#include <stdatomic.h>

static uint64_t listed(uint64_t va, struct mapping_info *infos, uint64_t count)
{
    uint64_t found = 0;
    EXPECT(tern_space_list(self_process(), (uaddr_t){va}, (uaddr_t){(uintptr_t)infos}, count,
                           &found) == OK);
    return found;
}

/* Mappings of an area. */
static uint64_t pieces(unsigned area)
{
    struct mapping_info infos[16];
    uint64_t count = 0, found = listed(AREA(area), infos, 16);
    for (uint64_t i = 0; i < found; i++)
        count += infos[i].va < AREA(area + 1);
    return count;
}

TEST(space_map_and_unmap)
{
    slot_t memory = memory_make(16);
    struct mapping_info info = {0};
    REQUIRE(map(memory, 4, AREA(0), 8, RW) == OK);
    *word_at(AREA(0) + PAGE) = 5;
    EXPECT(get(memory, 5) == 5);
    EXPECT(put(memory, 6, 6) == OK && *word_at(AREA(0) + 2 * PAGE) == 6);
    EXPECT(map(memory, 0, AREA(0) + 7 * PAGE, 2, RW) == ERR_exists);
    EXPECT(map(memory, 0, AREA(0) - PAGE, 2, RW) == ERR_exists);
    EXPECT(listed(AREA(0), &info, 1) == 1);
    EXPECT(info.va == AREA(0) && info.size == 8 * PAGE && info.offset == 4 * PAGE);
    EXPECT(info.flags == (RW | 7u << SPACE_MAY_SHIFT) && info.memory != 0);
    EXPECT(unmap(AREA(0) + 2 * PAGE, 4) == OK && pieces(0) == 2);
    EXPECT(map(memory, 6, AREA(0) + 2 * PAGE, 4, RW) == OK && pieces(0) == 1);
    EXPECT(*word_at(AREA(0) + 2 * PAGE) == 6);
    EXPECT(unmap(AREA(0), 512) == OK && pieces(0) == 0);
    drop(memory);
}

TEST(space_bad_arguments)
{
    slot_t memory = memory_make(4), self = self_process();
    uint64_t done = 0, whole = UINT64_MAX & ~(PAGE - 1);
    EXPECT(map(memory, 0, 0, 1, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, SPACE_END, 1, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, SPACE_END - PAGE, 2, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, UINT64_C(0xffff800000000000), 1, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, AREA(0) + 1, 1, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, AREA(0), 0, RW) == ERR_bad_argument);
    EXPECT(map(memory, 0, AREA(0), 1, RW | SPACE_INHERIT) == ERR_bad_argument);
    EXPECT(map(memory, 0, AREA(0), 1, UINT64_C(1) << 40) == ERR_bad_argument);
    EXPECT(tern_space_map(self, memory, whole, (uaddr_t){AREA(0)}, PAGE, RW) == ERR_bad_argument);
    EXPECT(tern_space_map(self, self, 0, (uaddr_t){AREA(0)}, PAGE, RW) == ERR_denied);
    EXPECT(tern_space_unmap(self, (uaddr_t){AREA(0)}, whole, &done) == ERR_bad_argument);
    EXPECT(tern_space_protect(self, (uaddr_t){AREA(0)}, PAGE, RW, &done) == ERR_bad_address);
    EXPECT(tern_space_clone(self, self, 0, &done) == ERR_bad_argument);
    EXPECT(tern_space_move(self, (uaddr_t){AREA(0)}, (uaddr_t){AREA(0) + PAGE}, 2 * PAGE, &done) ==
           ERR_bad_argument);
    drop(memory);
}

/* What a capability does not allow is never allowed to its mappings; W^X. */
TEST(space_rights)
{
    slot_t memory = memory_make(4);
    slot_t reader = derive(memory, RIGHT_map | RIGHT_read);
    slot_t runner = derive(memory, RIGHT_map | RIGHT_read | RIGHT_execute);
    slot_t unmapped = derive(memory, RIGHT_read | RIGHT_write);
    EXPECT(map(unmapped, 0, AREA(0), 1, RO) == ERR_denied);
    EXPECT(map(reader, 0, AREA(0), 1, RW) == ERR_denied);
    EXPECT(map(reader, 0, AREA(0), 1, RX) == ERR_denied);
    EXPECT(map(memory, 0, AREA(0), 1, RW | SPACE_EXECUTE) == ERR_denied);
    EXPECT(map(reader, 0, AREA(0), 4, RO) == OK);
    EXPECT(protect(AREA(0), 1, RW) == ERR_denied && protect(AREA(0), 1, RX) == ERR_denied);
    EXPECT(protect(AREA(0), 1, 0) == OK && protect(AREA(0), 1, RO) == OK);
    uint64_t done = 0;
    slot_t self = self_process();
    EXPECT(tern_space_move(self, (uaddr_t){AREA(0)}, (uaddr_t){AREA(1)}, 4 * PAGE, &done) == OK);
    EXPECT(protect(AREA(1), 1, RW) == ERR_denied && unmap(AREA(1), 4) == OK);
    EXPECT(map(runner, 0, AREA(0), 4, RX) == OK && protect(AREA(0), 4, RW) == ERR_denied);
    EXPECT(unmap(AREA(0), 4) == OK);
    EXPECT(map(memory, 0, AREA(0), 4, RW) == OK);
    EXPECT(protect(AREA(0), 4, RW | SPACE_EXECUTE) == ERR_denied);
    EXPECT(protect(AREA(0), 4, RX) == OK && unmap(AREA(0), 4) == OK);
    drop(reader), drop(runner), drop(unmapped), drop(memory);
}

/* The kernel copies with the rights of the mapping. */
TEST(space_protect_and_copies)
{
    slot_t memory = memory_make(16), self = self_process();
    uint64_t done = 0, word = 7, old = 0;
    uaddr_t buffer = {(uintptr_t)&word}, list;
    REQUIRE(map(memory, 0, AREA(0), 16, RW) == OK);
    for (uint64_t i = 0; i < 16; i++)
        *word_at(AREA(0) + i * PAGE) = i;
    EXPECT(protect(AREA(0) + 4 * PAGE, 4, RO) == OK && pieces(0) == 3);
    EXPECT(protect(AREA(0) + 8 * PAGE, 1, 0) == OK && pieces(0) == 4);
    for (uint64_t i = 0; i < 16; i++) {
        struct space_range range = {{AREA(0) + i * PAGE}, 8};
        list.va = (uintptr_t)&range;
        EXPECT(tern_space_read(self, list, 1, buffer, &done) == (i == 8 ? ERR_denied : OK));
        EXPECT(i == 8 || word == i);
        EXPECT(tern_space_write(self, list, 1, buffer, &done) ==
               (i >= 4 && i <= 8 ? ERR_denied : OK));
    }
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0)}, 0, 9, 8, &old) == OK && old == 0);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0)}, 8, 10, 8, &old) == OK && old == 9);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0)}, 9, 11, 4, &old) == OK && old == 9);
    EXPECT(*word_at(AREA(0)) == 11);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0) + 4 * PAGE}, 4, 1, 8, &old) == ERR_denied);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0) + 1}, 4, 1, 8, &old) == ERR_bad_argument);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(0)}, 4, 1, 2, &old) == ERR_bad_argument);
    EXPECT(tern_space_cas(self, (uaddr_t){AREA(1)}, 4, 1, 8, &old) == ERR_bad_address);
    EXPECT(protect(AREA(0), 16, RW) == OK && pieces(0) == 1);
    *word_at(AREA(0) + 8 * PAGE) = 80;
    EXPECT(unmap(AREA(0), 16) == OK);
    drop(memory);
}

TEST(space_move)
{
    slot_t memory = memory_make(600), self = self_process();
    uint64_t done = 0;
    REQUIRE(map(memory, 0, AREA(0), 600, RW) == OK && map(memory, 0, AREA(1), 1, RO) == OK);
    for (uint64_t i = 0; i < 600; i++)
        *word_at(AREA(0) + i * PAGE) = i;
    EXPECT(tern_space_move(self, (uaddr_t){AREA(0)}, (uaddr_t){AREA(1)}, 600 * PAGE, &done) ==
           ERR_exists);
    for (uint64_t at = 0; at < 600 * PAGE; at += done)
        REQUIRE(tern_space_move(self, (uaddr_t){AREA(0) + at}, (uaddr_t){AREA(2) + at},
                                600 * PAGE - at, &done) == OK);
    EXPECT(pieces(0) == 0 && pieces(2) == 1);
    for (uint64_t i = 0; i < 600; i++)
        EXPECT(*word_at(AREA(2) + i * PAGE) == i);
    EXPECT(unmap(AREA(1), 1) == OK && unmap(AREA(2), 600) == OK);
    drop(memory);
}

/* --- another process --- */

#define SHARED  AREA(10)
#define PRIVATE AREA(11)
#define OMITTED AREA(12)

static void child_writes(uint64_t argument)
{
    *word_at(SHARED + PAGE) = *word_at(PRIVATE + PAGE);
    *word_at(PRIVATE + PAGE) = argument;
    *word_at(SHARED + 2 * PAGE) = *word_at(PRIVATE + PAGE);
    *word_at(SHARED) = 1;
    *word_at(OMITTED) = 1; /* its end */
    *word_at(SHARED) = 2;
    (void)tern_thread_exit(0);
}

/* Eight ranges, the last of which is not there: what was before it is done. */
static void copies_of(slot_t child)
{
    static uint8_t buffer[8 * 600];
    struct space_range ranges[9];
    uaddr_t list = {(uintptr_t)ranges}, bytes = {(uintptr_t)buffer};
    uint64_t done = 0;
    for (unsigned i = 0; i < 9; i++)
        ranges[i] = (struct space_range){{PRIVATE + (i + 1) * PAGE - 300}, 600};
    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = (uint8_t)(i % 251);
    EXPECT(tern_space_write(child, list, 8, bytes, &done) == OK && done == sizeof(buffer));
    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = 0;
    EXPECT(tern_space_read(child, list, 8, bytes, &done) == OK && done == sizeof(buffer));
    for (unsigned i = 0; i < sizeof(buffer); i++)
        EXPECT(buffer[i] == i % 251);
    EXPECT(tern_space_read(child, list, 9, bytes, &done) == ERR_bad_argument);
    ranges[7].va.va = PRIVATE + 16 * PAGE - 100;
    EXPECT(tern_space_read(child, list, 8, bytes, &done) == OK && done == 7 * 600 + 100);
    ranges[0].va.va = OMITTED;
    EXPECT(tern_space_read(child, list, 8, bytes, &done) == ERR_bad_address);
    EXPECT(tern_space_read(child, (uaddr_t){OMITTED + (1 << 20)}, 1, bytes, &done) ==
           ERR_bad_address);
    ranges[0] = (struct space_range){{PRIVATE}, UINT64_MAX};
    EXPECT(tern_space_read(child, list, 1, (uaddr_t){OMITTED + (1 << 20)}, &done) ==
           ERR_bad_address);
}

TEST(space_clone_private_shared_omitted)
{
    slot_t shared = memory_make(4), private = memory_make(16), omitted = memory_make(1);
    REQUIRE(map(shared, 0, SHARED, 4, RW | SPACE_SHARED) == OK);
    REQUIRE(map(private, 0, PRIVATE, 16, RW | SPACE_PRIVATE) == OK);
    REQUIRE(map(omitted, 0, OMITTED, 1, RW | SPACE_OMIT) == OK);
    *word_at(PRIVATE + PAGE) = 55;
    slot_t child = process_clone();
    *word_at(PRIVATE + PAGE) = 66;
    slot_t thread = child_start(child, 0, child_writes, 77);
    EXPECT(word_becomes(word_at(SHARED), 1));
    EXPECT(*word_at(SHARED + PAGE) == 55 && *word_at(SHARED + 2 * PAGE) == 77);
    EXPECT(*word_at(PRIVATE + PAGE) == 66 && get(private, 1) == 66);
    for (unsigned i = 0; i < 100; i++)
        (void)tern_yield();
    EXPECT(*word_at(SHARED) == 1 && *word_at(OMITTED) == 0);
    slot_t other = process_clone();
    copies_of(other);
    EXPECT(*word_at(PRIVATE + PAGE) == 66);
    drop(thread), drop(child), drop(other);
    EXPECT(unmap(SHARED, 4) == OK && unmap(PRIVATE, 16) == OK && unmap(OMITTED, 1) == OK);
    drop(shared), drop(private), drop(omitted);
}

/* --- code --- */

#define CODE_BYTES 64

static __attribute__((noinline, aligned(64))) uint64_t seven(void)
{
    return 7;
}

static __attribute__((noinline, aligned(64))) uint64_t eight(void)
{
    return 8;
}

static uint64_t run_at(uint64_t va)
{
    return ((uint64_t (*)(void))(uintptr_t)va)();
}

static void code_write(slot_t memory, uint64_t (*code)(void))
{
    uint64_t done = 0;
    EXPECT(tern_memory_write(memory, 0, (uaddr_t){(uintptr_t)code}, CODE_BYTES, &done) == OK &&
           done == CODE_BYTES);
}

/* Each way in which a page becomes executable shows the code that is there then. */
TEST(space_code_is_what_was_written)
{
    slot_t memory = memory_make(1), other = memory_make(1);
    code_write(memory, seven);
    REQUIRE(map(memory, 0, AREA(0), 1, RX) == OK); /* entered with the mapping */
    EXPECT(run_at(AREA(0)) == 7);
    EXPECT(protect(AREA(0), 1, RW) == OK);
    for (unsigned i = 0; i < CODE_BYTES / 8; i++)
        word_at(AREA(0))[i] = ((const uint64_t *)(uintptr_t)eight)[i];
    EXPECT(protect(AREA(0), 1, RX) == OK); /* by a fault */
    EXPECT(run_at(AREA(0)) == 8);
    EXPECT(clone(memory, 0, other, 0, 1) == OK);
    code_write(memory, seven); /* a copy, and the page comes anew */
    EXPECT(run_at(AREA(0)) == 7);
    EXPECT(commit(memory, 0, 1, COMMIT_ZERO) == OK && supply(memory, 0, other, 0, 1) == OK);
    EXPECT(run_at(AREA(0)) == 8);
    EXPECT(unmap(AREA(0), 1) == OK);
    drop(other), drop(memory);
}

/* --- several threads --- */

#define THREADS 4

static struct {
    uint8_t stacks[THREADS][8192] __attribute__((aligned(16)));
    _Atomic(uint32_t) running;
    slot_t memory;
    uint64_t count; /* by space_cas */
    uint64_t turns[THREADS];
} crowd;

/* Each in an area of its own, all with the same pages. */
static uint64_t map_and_unmap(void *argument, void *page)
{
    (void)page;
    uint64_t number = (uintptr_t)argument, base = AREA(20 + number), old = 0;
    for (uint64_t i = 1, end = clock_now() + 500000000; clock_now() < end; i++) {
        crowd.turns[number] = i;
        EXPECT(map(crowd.memory, 0, base, THREADS, RW) == OK);
        EXPECT(*word_at(base + number * PAGE) == i - 1);
        *word_at(base + number * PAGE) = i;
        EXPECT(protect(base, 2, RO) == OK);
        EXPECT(unmap(base + PAGE, 2) == OK && unmap(base, THREADS) == OK);
        uint64_t seen = crowd.count;
        do {
            old = seen;
            EXPECT(tern_space_cas(self_process(), (uaddr_t){(uintptr_t)&crowd.count}, old, old + 1,
                                  8, &seen) == OK);
        } while (seen != old);
    }
    atomic_fetch_sub(&crowd.running, 1);
    return 0;
}

TEST(space_changes_of_several_threads)
{
    crowd.memory = memory_make(THREADS);
    atomic_store(&crowd.running, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        slot_t thread = {0};
        EXPECT(sys_thread_start(map_and_unmap, (void *)i, crowd.stacks[i], sizeof(crowd.stacks[i]),
                                &thread) == OK);
        drop(thread);
    }
    while (atomic_load(&crowd.running) != 0)
        (void)tern_yield();
    for (uint64_t i = 0; i < THREADS; i++) {
        EXPECT(get(crowd.memory, i) == crowd.turns[i] && crowd.turns[i] != 0);
        crowd.count -= crowd.turns[i];
    }
    EXPECT(crowd.count == 0);
    drop(crowd.memory);
}
