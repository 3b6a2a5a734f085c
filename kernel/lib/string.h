/* Memory and string routines. The memory routines are the CPU's optimised ones (arch/). */
#pragma once

#include "lib/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strchr(const char *s, int byte);

/* Length of `s`, at most `size`: for strings that firmware may not have ended. */
size_t string_length(const char *s, size_t size);

/* Copies at most size - 1 bytes of `from` and always ends `to`. False if it was cut. */
bool string_copy(char *to, size_t size, const char *from);

/* FNV-1a, 64 bit (the public hash of Fowler, Noll and Vo). */
uint64_t fnv1a(const void *data, size_t size);
