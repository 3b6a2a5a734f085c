/*
 * FNV-1a, 64 bit: Fowler, Noll and Vo's public hash (draft-eastlake-fnv).
 *
 * Each byte's multiplication waits for the one before, so all that can be saved is the loop
 * around it: sixteen bytes a turn.
 */
#include "lib/string.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u

uint64_t fnv1a(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = FNV_OFFSET;
#pragma clang loop unroll_count(16)
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    return hash;
}
