/* What native benchmarks print: a JSON line per figure, and why they end early. */
#ifndef BENCH_H
#define BENCH_H

#include "lib/types.h"
#include "sys/print.h"
#include "sys/thread.h"

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

#endif
