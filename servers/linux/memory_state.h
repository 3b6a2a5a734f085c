/* How much memory and CPU time the programs' job has and has used, for /proc and statfs. */
#ifndef LINUX_MEMORY_STATE_H
#define LINUX_MEMORY_STATE_H

#include "call.h"

struct memory_state {
    uint64_t total, left; /* bytes */
    uint64_t cpu;         /* nanoseconds */
};

/* By the worker that makes the call. All 0 if the kernel does not tell. */
void memory_state_read(const struct call *call, struct memory_state *state);

#endif
