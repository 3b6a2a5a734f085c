/* What native benchmarks share: the loop, a JSON line per figure, and why they end early. */
#ifndef BENCH_H
#define BENCH_H

#include "lib/types.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <sys_arch.h>

#define BENCH_CALLS 1000u
#define BENCH_WARM  16u /* turns before: nothing is cold */

/* Counter ticks that `calls` operations took, loop and stubs included. */
static inline void bench_say(const char *name, uint64_t ticks, unsigned calls)
{
    sys_print("{\"bench\":\"%s\",\"value\":%lu,\"unit\":\"ticks\",\"calls\":%u}\n", name,
              (unsigned long)ticks, calls);
}

static inline void bench_need(const char *what, error_t error)
{
    if (error == OK)
        return;
    sys_print("bench: %s: %s\n", what, error_text(error));
    sys_exit(1);
}

/* Whatever `statement` is, unrolled by nobody; `each` operations a turn. */
#define BENCH(bench_name, each, statement)                                                         \
    do {                                                                                           \
        for (unsigned turn = 0; turn < BENCH_WARM; turn++)                                         \
            statement;                                                                             \
        uint64_t before = sys_counter();                                                           \
        _Pragma("clang loop unroll(disable)") for (unsigned turn = 0; turn < BENCH_CALLS; turn++)  \
            statement;                                                                             \
        bench_say(bench_name, sys_counter() - before, BENCH_CALLS * (each));                       \
    } while (0)

#endif
