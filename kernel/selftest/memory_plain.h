/* The memory routines as plain C: what tests and benchmark hold the optimised ones against. */
#pragma once

#include "lib/types.h"

void *plain_memcpy(void *restrict to, const void *restrict from, size_t size);
void *plain_memmove(void *to, const void *from, size_t size);
void *plain_memset(void *to, int byte, size_t size);
