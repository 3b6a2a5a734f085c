/*
 * Errors as a type of their own, made from the one list in abi/error.def.
 *
 * A function that can fail through its caller's or the machine's fault returns `error_t`;
 * a broken invariant of the kernel is asserted instead (lib/assert.h).
 */
#pragma once

typedef enum error {
#define ERROR(number, name, text) ERR_##name = (number),
#include <error.def>
#undef ERROR
    ERR_COUNT
} error_t;

#define OK ERR_ok

/* The sentence of `error`, never NULL. */
const char *error_text(error_t error);
