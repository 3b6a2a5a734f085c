/*
 * Self test: the CPU's memory routines against their plain twins, at every alignment of either
 * side and many lengths; what lies around the target stays as it was.
 */
#include "lib/string.h"
#include "selftest/memory_plain.h"
#include "selftest/selftest.h"

#define ALIGNMENTS 16
#define SHORT_MAX  80
#define BUFFER     4400
#define MARGIN     32

static uint8_t source[BUFFER], target[BUFFER], twin[BUFFER];

static const size_t long_sizes[] = {95, 96, 127, 128, 129, 255, 256, 257, 1000, 1024, 4095, 4096};

static void fill(uint8_t *bytes, uint32_t seed)
{
    for (size_t i = 0; i < BUFFER; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

/* By eye, as memcmp is itself under test. */
static bool same(const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 0; i < BUFFER; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* Undoes a round: both are as they were around the bytes that it wrote. */
static void restore(size_t from, size_t size)
{
    for (size_t i = from; i < from + size; i++)
        target[i] = twin[i] = (uint8_t)(i * 7);
}

static bool window_same(size_t at, size_t size)
{
    for (size_t i = at - MARGIN; i < at + size + MARGIN; i++)
        if (target[i] != twin[i])
            return false;
    return true;
}

static bool copy_case(size_t to, size_t from, size_t size)
{
    to += MARGIN;
    void *result = memcpy(target + to, source + from, size);
    plain_memcpy(twin + to, source + from, size);
    bool passed = SELF_EXPECT(result == target + to) && SELF_EXPECT(window_same(to, size));
    restore(to, size);
    return passed;
}

static bool set_case(size_t to, size_t size, int byte)
{
    to += MARGIN;
    void *result = memset(target + to, byte, size);
    plain_memset(twin + to, byte, size);
    bool passed = SELF_EXPECT(result == target + to) && SELF_EXPECT(window_same(to, size));
    restore(to, size);
    return passed;
}

static bool compare_case(size_t at, size_t size)
{
    uint8_t *a = target + MARGIN, *b = twin + MARGIN + at;
    plain_memcpy(a, source, size);
    plain_memcpy(b, source, size);
    bool passed = SELF_EXPECT(memcmp(a, b, size) == 0);
    if (size > 0) {
        a[size - 1] = 0x80;
        b[size - 1] = 0x7f;
        passed &= SELF_EXPECT(memcmp(a, b, size) > 0) && SELF_EXPECT(memcmp(b, a, size) < 0);
    }
    restore(MARGIN, size + ALIGNMENTS);
    return passed;
}

static bool memory_copy(void)
{
    bool passed = true;
    fill(source, 1);
    restore(0, BUFFER);
    for (size_t to = 0; to < ALIGNMENTS && passed; to++)
        for (size_t from = 0; from < ALIGNMENTS && passed; from++) {
            for (size_t size = 0; size <= SHORT_MAX; size++)
                passed &= copy_case(to, from, size);
            for (size_t i = 0; i < COUNT_OF(long_sizes); i++)
                passed &= (to ^ from) % 3 != 0 || copy_case(to, from, long_sizes[i]);
        }
    return passed && SELF_EXPECT(same(target, twin));
}

static bool memory_set(void)
{
    bool passed = true;
    restore(0, BUFFER);
    for (size_t to = 0; to < ALIGNMENTS && passed; to++) {
        for (size_t size = 0; size <= SHORT_MAX; size++)
            passed &= set_case(to, size, (int)(size + 0x1a0)) && compare_case(to, size);
        for (size_t i = 0; i < COUNT_OF(long_sizes); i++)
            passed &= set_case(to, long_sizes[i], 0) && set_case(to, long_sizes[i], 0xc3);
    }
    return passed && SELF_EXPECT(same(target, twin));
}

/* Overlap in either direction, near and far. */
static bool move_case(size_t to, size_t from, size_t size)
{
    fill(target, 3);
    fill(twin, 3);
    void *result = memmove(target + to, target + from, size);
    plain_memmove(twin + to, twin + from, size);
    return SELF_EXPECT(result == target + to) && SELF_EXPECT(same(target, twin));
}

static bool memory_move(void)
{
    static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 31, 33, 64, 100, 300, 4000};
    static const size_t shifts[] = {0, 1, 3, 8, 16, 17, 60};
    bool passed = true;
    for (size_t s = 0; s < COUNT_OF(sizes) && passed; s++)
        for (size_t d = 0; d < COUNT_OF(shifts) && passed; d++)
            passed &= move_case(MARGIN + shifts[d], MARGIN, sizes[s]) &&
                      move_case(MARGIN, MARGIN + shifts[d], sizes[s]);
    return passed;
}

/* The published test vectors of FNV-1a, 64 bit. */
static bool memory_hash(void)
{
    return SELF_EXPECT(fnv1a("", 0) == UINT64_C(0xcbf29ce484222325)) &&
           SELF_EXPECT(fnv1a("a", 1) == UINT64_C(0xaf63dc4c8601ec8c)) &&
           SELF_EXPECT(fnv1a("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

SELF_TEST(memory_copy, memory_copy)
SELF_TEST(memory_set, memory_set)
SELF_TEST(memory_move, memory_move)
SELF_TEST(memory_hash, memory_hash)
