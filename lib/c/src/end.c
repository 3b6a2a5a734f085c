/* The end of a program that is wrong: a fault, which its handler is told of. */
#include "sys/print.h"

_Noreturn void abort(void);
_Noreturn void __assert_fail(const char *expression, const char *file, int line,
                             const char *function);

void abort(void)
{
    __builtin_trap();
}

void __assert_fail(const char *expression, const char *file, int line, const char *function)
{
    sys_print("%s:%d: %s: assertion failed: %s\n", file, line, function, expression);
    abort();
}
