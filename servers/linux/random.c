/* Random bytes (random.h). */
#include "random.h"
#include <string.h>

#define BLOCK 64 /* bytes of output of one key and counter */

static uint32_t key[8];

static inline uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32 - by);
}

static void quarter(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

static void block_make(uint32_t counter, uint32_t out[16])
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(in + 4, key, sizeof(key));
    in[12] = counter;
    memcpy(out, in, sizeof(in));
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            quarter(out, i, 4 + i, 8 + i, 12 + i);
        for (unsigned i = 0; i < 4; i++)
            quarter(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (unsigned i = 0; i < 16; i++)
        out[i] += in[i];
}

/* The first half of block 0 is the next key. */
static void key_renew(void)
{
    uint32_t block[16];
    block_make(0, block);
    memcpy(key, block, sizeof(key));
    memset(block, 0, sizeof(block));
}

void random_seed(const void *secret, uint64_t size)
{
    const uint8_t *bytes = secret;
    for (uint64_t at = 0; at < size; at += sizeof(key)) {
        uint8_t *mixed = (uint8_t *)key;
        for (uint64_t i = 0; i < sizeof(key) && at + i < size; i++)
            mixed[i] ^= bytes[at + i];
        key_renew();
    }
}

/* Counters are 32 bits: a request of more than 2^38 bytes is made of several keys. */
void random_bytes(void *to, uint64_t size)
{
    uint32_t counter = 1, block[16];
    uint8_t *bytes = to;
    for (uint64_t at = 0; at < size; at += BLOCK) {
        block_make(counter++, block);
        memcpy(bytes + at, block, size - at < BLOCK ? size - at : BLOCK);
        if (counter == 0)
            key_renew();
    }
    key_renew();
    memset(block, 0, sizeof(block));
}
