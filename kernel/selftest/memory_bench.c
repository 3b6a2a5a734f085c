/*
 * Benchmark as a self test: the memory routines beside plain C, in ticks of arch_counter() for
 * BENCH_CALLS calls, one JSON line each. It measures; what is fast enough is judged elsewhere.
 */
#include "arch/cpu.h"
#include "lib/string.h"
#include "selftest/memory_plain.h"
#include "selftest/selftest.h"
#include "trace/console.h"

#define BENCH_CALLS 1000u
#define BENCH_MAX   4096u

static uint8_t source[BENCH_MAX + 64] __attribute__((aligned(64)));
static uint8_t target[BENCH_MAX + 64] __attribute__((aligned(64)));
static volatile uint64_t hash_sink; /* keeps the hashes from being left out */

static void bench_memcpy(size_t size)
{
    memcpy(target, source, size);
}

static void bench_plain_memcpy(size_t size)
{
    plain_memcpy(target, source, size);
}

static void bench_memmove(size_t size)
{
    memmove(target + 16, target, size);
}

static void bench_plain_memmove(size_t size)
{
    plain_memmove(target + 16, target, size);
}

static void bench_memset(size_t size)
{
    memset(target, 0x5a, size);
}

static void bench_plain_memset(size_t size)
{
    plain_memset(target, 0x5a, size);
}

static void bench_fnv1a(size_t size)
{
    hash_sink = fnv1a(source, size);
}

/* FNV-1a as its authors write it. */
static void bench_plain_fnv1a(size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ source[i]) * UINT64_C(0x100000001b3);
    hash_sink = hash;
}

static const struct {
    const char *name;
    void (*run)(size_t size);
    void (*plain)(size_t size);
} benches[] = {
    {"memcpy", bench_memcpy, bench_plain_memcpy},
    {"memmove", bench_memmove, bench_plain_memmove},
    {"memset", bench_memset, bench_plain_memset},
    {"fnv1a", bench_fnv1a, bench_plain_fnv1a},
};

/* Interrupts off; one call before, so that neither caches nor translation are cold. */
static uint64_t bench_ticks(void (*run)(size_t size), size_t size)
{
    uint64_t state = arch_irq_save();
    run(size);
    uint64_t before = arch_counter();
    for (uint32_t i = 0; i < BENCH_CALLS; i++)
        run(size);
    uint64_t ticks = arch_counter() - before;
    arch_irq_restore(state);
    return ticks;
}

static bool memory_bench(void)
{
    for (size_t i = 0; i < COUNT_OF(benches); i++)
        for (size_t size = 16; size <= BENCH_MAX; size *= 2) {
            uint64_t ticks = bench_ticks(benches[i].run, size);
            uint64_t plain = bench_ticks(benches[i].plain, size);
            console_print("{\"bench\":\"mem.%s.%lu\",\"arch\":\"%s\",\"value\":%lu,"
                          "\"unit\":\"ticks\",\"plain\":%lu,\"calls\":%u}\n",
                          benches[i].name, (unsigned long)size, arch_name, (unsigned long)ticks,
                          (unsigned long)plain, BENCH_CALLS);
        }
    return true;
}

SELF_TEST(memory_bench, memory_bench)
