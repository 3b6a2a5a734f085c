/*
 * Formatted output into buffers and sinks: the subset of printf that a kernel needs.
 *
 * %d %i %u %x %c %s %p %% with the flags 0 and -, a width, a precision for %s, and the length
 * modifiers l, ll, z. No floating point. An unknown conversion is printed as it stands.
 */
#pragma once

#include "lib/types.h"
#include <stdarg.h>

/* Takes the next piece of output. */
typedef void (*print_sink)(void *context, const char *text, size_t size);

void print_to(print_sink sink, void *context, const char *format, va_list args);

/* Like snprintf: always ends `buffer` (size > 0) and returns the length that all of it has. */
size_t print_buffer(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t vprint_buffer(char *buffer, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* A text that grows in a buffer: always ended; what does not fit is cut, but counts in `length`. */
struct text {
    char *buffer;
    size_t size, length;
};

struct text text_in(char *buffer, size_t size);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parses an unsigned number, decimal or 0x, of the whole of `text`. */
bool parse_u64(const char *text, uint64_t *value);
