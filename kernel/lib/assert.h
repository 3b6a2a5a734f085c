/*
 * Assertions: what the reader must believe.
 *
 * `assert` is in every build; `debug_assert` costs nothing in a release build. Both are for
 * broken invariants of the kernel itself; what a user or a machine does wrong is an error_t.
 */
#pragma once

#include "lib/config.h"

_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define assert(expression)                                                                         \
    ((expression) ? (void)0 : assert_failed(#expression, __FILE_NAME__, __LINE__))

#define debug_assert(expression)                                                                   \
    ((!CONFIG_DEBUG || (expression)) ? (void)0                                                     \
                                     : assert_failed(#expression, __FILE_NAME__, __LINE__))
