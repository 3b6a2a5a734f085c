/*
 * Addresses of the server's own space for stores: ranges of 2^n pages, packed, reused by size.
 */
#ifndef LINUX_WINDOW_H
#define LINUX_WINDOW_H

#include <stdint.h>

/* A range of `size` bytes, a power of two of whole pages. 0: none left, or no memory to note it. */
uint64_t window_take(uint64_t size);
void window_give(uint64_t address, uint64_t size);

#endif
