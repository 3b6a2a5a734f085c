/* Programs' memory, memory objects, clocks (fake.h). */
#include "clock.h"
#include "fake.h"
#include "memory_state.h"
#include "store.h"
#include "user.h"

#include <stdlib.h>

uint64_t fake_now = 1000000000;
uint64_t fake_budget = UINT64_C(1) << 40;
uint64_t fake_objects;

uint64_t clock_real(void)
{
    return UINT64_C(1700000000000000000) + fake_now;
}

uint64_t now(void)
{
    return fake_now;
}

void memory_state_read(const struct call *call, struct memory_state *state)
{
    (void)call;
    *state = (struct memory_state){64 * MIB, 32 * MIB, 5000000000};
}

/* --- the server's own memory --- */

unsigned fake_failing;

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);

static bool fails(void)
{
    return fake_failing != 0 && unit_random() % fake_failing == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* --- programs' memory: pieces, each followed by bytes that no program has --- */

#define ARENA (16 * MIB)

static struct piece {
    uint64_t at, size;
} pieces[1000];
static unsigned piece_count;
static uint8_t *arena;
static uint64_t arena_used;

void *fake_memory(uint64_t size)
{
    if (arena == NULL)
        arena = calloc(1, ARENA);
    REQUIRE(piece_count < COUNT_OF(pieces) && size < ARENA - arena_used - 64);
    uint8_t *at = arena + arena_used;
    pieces[piece_count++] = (struct piece){(uintptr_t)at, size};
    arena_used += align_up(size + 16, 16);
    return at;
}

char *fake_text(const char *text)
{
    return strcpy(fake_memory(strlen(text) + 1), text);
}

/* How many of `size` bytes at an address are a program's. */
static uint64_t reachable(uint64_t at, uint64_t size)
{
    for (unsigned i = 0; i < piece_count; i++) {
        if (at >= pieces[i].at && at < pieces[i].at + pieces[i].size)
            return min_u64(size, pieces[i].at + pieces[i].size - at);
    }
    return 0;
}

int64_t user_read_some(struct task *task, void *to, uaddr_t from, uint64_t size)
{
    (void)task;
    uint64_t part = reachable(from.va, size);
    if (part == 0)
        return size != 0 ? -EFAULT : 0;
    memcpy(to, (void *)(uintptr_t)from.va, part);
    return (int64_t)part;
}

int64_t user_write_some(struct task *task, uaddr_t to, const void *from, uint64_t size)
{
    (void)task;
    uint64_t part = reachable(to.va, size);
    if (part == 0)
        return size != 0 ? -EFAULT : 0;
    memcpy((void *)(uintptr_t)to.va, from, part);
    return (int64_t)part;
}

static int64_t all_of(int64_t done, uint64_t size)
{
    return done < 0 ? done : (uint64_t)done == size ? 0 : -EFAULT;
}

int64_t user_read(struct task *task, void *to, uaddr_t from, uint64_t size)
{
    return all_of(user_read_some(task, to, from, size), size);
}

int64_t user_write(struct task *task, uaddr_t to, const void *from, uint64_t size)
{
    return all_of(user_write_some(task, to, from, size), size);
}

int64_t user_string(struct task *task, char *to, uint64_t size, uaddr_t from)
{
    for (uint64_t i = 0; i < size; i++) {
        if (user_read(task, to + i, (uaddr_t){from.va + i}, 1) != 0)
            return -EFAULT;
        if (to[i] == 0)
            return (int64_t)i;
    }
    return -ENAMETOOLONG;
}

int64_t user_word(struct task *task, uaddr_t at, uint32_t *value)
{
    return user_read(task, value, at, sizeof(*value));
}

int64_t user_zero_some(struct task *task, uaddr_t to, uint64_t size)
{
    uint8_t *zeros = __real_calloc(1, size + 1);
    int64_t done = user_write_some(task, to, zeros, size);
    free(zeros);
    return done;
}

/* --- stores: each growth is a move, and takes budget at once --- */

static uint64_t object_next = 1;

void store_start(slot_t job)
{
    (void)job;
}

int64_t store_grow(struct store *store, uint64_t bytes)
{
    bytes = align_up(bytes, PAGE_SIZE);
    if (bytes > STORE_SIZE_MAX)
        return -EFBIG;
    if (bytes <= store->size)
        return 0;
    if (bytes - store->size > fake_budget || bytes > GIB)
        return -ENOSPC;
    uint8_t *base = calloc(1, bytes);
    if (base == NULL)
        return -ENOSPC;
    if (store->size != 0)
        memcpy(base, store->base, store->size);
    else
        fake_objects++;
    free(store->base);
    fake_budget -= bytes - store->size;
    if (store->memory.value == 0)
        store->memory.value = object_next++;
    store->base = base;
    store->size = bytes;
    return 0;
}

void store_cut(struct store *store, uint64_t bytes)
{
    bytes = align_up(bytes, PAGE_SIZE);
    REQUIRE(bytes != 0);
    if (bytes >= store->size)
        return;
    fake_budget += store->size - bytes;
    store->base = __real_realloc(store->base, bytes);
    store->size = bytes;
}

void store_drop(struct store *store)
{
    fake_objects -= store->memory.value != 0 ? 1 : 0;
    fake_budget += store->size;
    free(store->base);
    *store = (struct store){.memory = {0}};
}

int64_t store_write(struct store *store, uint64_t offset, const void *from, uint64_t size)
{
    REQUIRE(offset <= store->size && size <= store->size - offset);
    memcpy(store->base + offset, from, size);
    return 0;
}

int64_t store_read(const struct store *store, uint64_t offset, void *to, uint64_t size)
{
    REQUIRE(offset <= store->size && size <= store->size - offset);
    memcpy(to, store->base + offset, size);
    return 0;
}

int64_t store_zero(struct store *store, uint64_t offset, uint64_t size)
{
    REQUIRE(offset <= store->size && size <= store->size - offset);
    if (size != 0)
        memset(store->base + offset, 0, size);
    return 0;
}

int64_t store_share(const struct store *store, bool writable, slot_t *memory)
{
    *memory = (slot_t){store->memory.value | (uint64_t)writable << 32};
    return 0;
}

int64_t store_copy(const struct store *store, uint64_t offset, uint64_t size, slot_t *memory)
{
    (void)store, (void)offset, (void)size;
    *memory = (slot_t){UINT64_C(1) << 33};
    return 0;
}
