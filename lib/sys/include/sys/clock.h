/*
 * A job's clock without a call, by its clock page (clock.h).
 *
 * Map the page of the job that the process is in: what is asked of the kernel instead, in the
 * instant in which the clock is being set, is the caller's job's clock.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "sys/call.h"
#include <clock.h>
#include <sys_arch.h>

/* Maps the clock page of `job` (right read) in `process`, at `va`, for clones to have or not
 * (`inherit`: SPACE_SHARED, SPACE_OMIT). Errors of object_open and space_map. */
error_t sys_clock_map(slot_t job, slot_t process, uint64_t va, uint64_t inherit);

/* What the clock shows, nanoseconds. */
static inline uint64_t sys_clock_read(const struct clock_page *page)
{
    uint64_t time, wall;
    if (!clock_page_read(page, sys_counter, &time, &wall))
        (void)tern_clock_read(&time);
    return time;
}

/* What the wall clock shows, nanoseconds; waits while it is being set. */
static inline uint64_t sys_clock_wall(const struct clock_page *page)
{
    uint64_t time, wall;
    while (!clock_page_read(page, sys_counter, &time, &wall))
        ;
    return wall;
}

#endif
