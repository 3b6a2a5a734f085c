/* Times of programs: clocks, and deadlines from what they pass (time(7)). */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include "call.h"
#include <time.h>

#define SECOND UINT64_C(1000000000)

/* Nanoseconds of the job's clock (worker.c). */
uint64_t now(void);

/* Nanoseconds since 1970: the job's clock and what the start-up was told. */
uint64_t clock_real(void);
void clock_real_set(uint64_t now_real);

/* -EINVAL: not a time. Too long ones are DEADLINE_NEVER - 1. */
int64_t timespec_read(struct task *task, uaddr_t at, uint64_t *nanoseconds);

/* Sets the call's deadline: so long from now (first run only). */
int64_t wait_for_timespec(struct call *call, uaddr_t at);
void wait_for(struct call *call, uint64_t nanoseconds);

#endif
