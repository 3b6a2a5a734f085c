/*
 * The memory routines as plain C loops: what the benchmark compares arch/'s optimised ones with,
 * and what the tests compare them against. The compiler must not turn the loops back into calls
 * of memcpy and the like, nor into vectors; hence the attributes.
 */
#include "selftest/memory_plain.h"

#define PLAIN __attribute__((no_builtin))

PLAIN void *plain_memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
#pragma clang loop vectorize(disable) interleave(disable) unroll(disable)
    for (size_t i = 0; i < size; i++)
        out[i] = in[i];
    return to;
}

PLAIN void *plain_memmove(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
#pragma clang loop vectorize(disable) interleave(disable) unroll(disable)
        for (size_t i = 0; i < size; i++)
            out[i] = in[i];
        return to;
    }
#pragma clang loop vectorize(disable) interleave(disable) unroll(disable)
    for (size_t i = size; i > 0; i--)
        out[i - 1] = in[i - 1];
    return to;
}

PLAIN void *plain_memset(void *to, int byte, size_t size)
{
    uint8_t *out = to;
#pragma clang loop vectorize(disable) interleave(disable) unroll(disable)
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)byte;
    return to;
}
