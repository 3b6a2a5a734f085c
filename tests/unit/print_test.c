/* lib/print.c against the C library's printf, and lib/text.c. */
#include "lib/print.h"
#include "lib/string.h"
#include "unit.h"

#include <stdio.h>

#define SAME(format, ...)                                                                          \
    do {                                                                                           \
        char ours[200], theirs[200];                                                               \
        size_t our_length = print_buffer(ours, sizeof(ours), format, __VA_ARGS__);                 \
        int their_length = snprintf(theirs, sizeof(theirs), format, __VA_ARGS__);                  \
        EXPECT(strcmp(ours, theirs) == 0);                                                         \
        EXPECT(our_length == (size_t)their_length);                                                \
    } while (0)

TEST(print_numbers)
{
    SAME("%d %d %d", 0, -1, 2147483647);
    SAME("%ld %lu", INT64_MIN, UINT64_MAX);
    SAME("%x %08x %8x %-8x|", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeefu);
    SAME("%5d|%-5d|%05d", -42, -42, -42);
    SAME("%zu %llu", (size_t)12345678901u, 1ull << 63);
    SAME("%016lx", 0xffffffff80200000ul);
}

TEST(print_random_numbers_like_printf)
{
    for (int i = 0; i < 2000; i++) {
        uint64_t value = unit_random() >> (unit_random() % 64);
        SAME("%ld|%lu|%lx|%20ld|%-20lu|%020lx", (int64_t)value, value, value, (int64_t)value, value,
             value);
    }
}

TEST(print_strings)
{
    const char open[3] = {'a', 'b', 'c'}; /* has no end */
    char text[16];
    SAME("%s|%10s|%-10s|%.2s|%c", "tern", "tern", "tern", "tern", 'x');
    EXPECT(print_buffer(text, sizeof(text), "%.3s", open) == 3 && strcmp(text, "abc") == 0);
    EXPECT(print_buffer(text, sizeof(text), "%.*s|", 2, open) == 3 && strcmp(text, "ab|") == 0);
    EXPECT(print_buffer(text, sizeof(text), "100%%") == 4 && strcmp(text, "100%") == 0);
}

TEST(print_cuts_and_ends)
{
    char text[8];
    memset(text, 'x', sizeof(text));
    EXPECT(print_buffer(text, 5, "%s", "abcdefgh") == 8);
    EXPECT(strcmp(text, "abcd") == 0 && text[5] == 'x');
    EXPECT(print_buffer(text, 1, "%d", 77) == 2 && text[0] == 0);
}

TEST(text_parse_u64)
{
    uint64_t value = 7;
    EXPECT(parse_u64("0", &value) && value == 0);
    EXPECT(parse_u64("18446744073709551615", &value) && value == UINT64_MAX);
    EXPECT(!parse_u64("18446744073709551616", &value) && value == UINT64_MAX);
    EXPECT(parse_u64("0xFFffFFffFFffFFff", &value) && value == UINT64_MAX);
    EXPECT(!parse_u64("0x10000000000000000", &value));
    EXPECT(!parse_u64("", &value) && !parse_u64("0x", &value) && !parse_u64("12a", &value));
    EXPECT(!parse_u64("-1", &value) && !parse_u64(" 1", &value));
}

TEST(text_string_copy)
{
    char to[5];
    EXPECT(string_copy(to, sizeof(to), "tern") && strcmp(to, "tern") == 0);
    EXPECT(!string_copy(to, sizeof(to), "terns") && strcmp(to, "tern") == 0);
    EXPECT(string_copy(to, sizeof(to), "") && to[0] == 0);
    EXPECT(string_length("abc", 2) == 2 && string_length("abc", 9) == 3);
}
