/* Bounded strings and numbers in text: what the C library does not have. */
#include "lib/print.h"
#include "lib/string.h"

size_t string_length(const char *s, size_t size)
{
    size_t length = 0;
    while (length < size && s[length] != 0)
        length++;
    return length;
}

bool string_copy(char *to, size_t size, const char *from)
{
    size_t length = string_length(from, size);
    bool fits = length < size;
    if (!fits)
        length = size - 1;
    memcpy(to, from, length);
    to[length] = 0;
    return fits;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

bool parse_u64(const char *text, uint64_t *value)
{
    unsigned base = 10;
    uint64_t sum = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == 0)
        return false;
    for (; *text != 0; text++) {
        unsigned digit = (unsigned)digit_value(*text);
        if (digit >= base || sum > (UINT64_MAX - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}
