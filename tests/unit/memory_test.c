/*
 * The plain memory routines against a byte array, bytes beside included, and the public test
 * vectors of FNV-1a.
 */
#include "lib/string.h"
#include "selftest/memory_plain.h"
#include "unit.h"

#define BUFFER 256

static uint8_t buffer[BUFFER], model[BUFFER];

static void buffer_fill(void)
{
    for (size_t i = 0; i < BUFFER; i++)
        model[i] = buffer[i] = (uint8_t)unit_random();
}

/* What a byte-wise copy through a second array makes of the model. */
static void model_move(size_t to, size_t from, size_t size)
{
    uint8_t copy[BUFFER];
    for (size_t i = 0; i < size; i++)
        copy[i] = model[from + i];
    for (size_t i = 0; i < size; i++)
        model[to + i] = copy[i];
}

static bool buffer_is_model(void)
{
    for (size_t i = 0; i < BUFFER; i++)
        if (buffer[i] != model[i])
            return false;
    return true;
}

TEST(memory_plain_memmove_moves_both_ways)
{
    for (uint32_t round = 0; round < 20000; round++) {
        buffer_fill();
        size_t size = unit_random() % 100, to = unit_random() % 150, from = unit_random() % 150;
        EXPECT(plain_memmove(buffer + to, buffer + from, size) == buffer + to);
        model_move(to, from, size);
        REQUIRE(buffer_is_model());
    }
}

TEST(memory_plain_memcpy_copies_just_that)
{
    for (uint32_t round = 0; round < 20000; round++) {
        buffer_fill();
        size_t size = unit_random() % 100, to = unit_random() % 28, from = 128 + unit_random() % 28;
        EXPECT(plain_memcpy(buffer + to, buffer + from, size) == buffer + to);
        model_move(to, from, size);
        REQUIRE(buffer_is_model());
    }
}

TEST(memory_plain_memset_fills_just_that)
{
    for (uint32_t round = 0; round < 20000; round++) {
        buffer_fill();
        size_t size = unit_random() % 100, to = unit_random() % 150;
        int byte = (int)(unit_random() % 512);
        EXPECT(plain_memset(buffer + to, byte, size) == buffer + to);
        for (size_t i = 0; i < size; i++)
            model[to + i] = (uint8_t)byte;
        REQUIRE(buffer_is_model());
    }
}

TEST(memory_fnv1a_gives_the_published_values)
{
    EXPECT(fnv1a("", 0) == 0xcbf29ce484222325u);
    EXPECT(fnv1a("a", 1) == 0xaf63dc4c8601ec8cu);
    EXPECT(fnv1a("foobar", 6) == 0x85944171f73967e8u);
}
