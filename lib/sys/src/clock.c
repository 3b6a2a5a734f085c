/* The clock page of a job, mapped (sys/clock.h). */
#include "sys/clock.h"
#include <space.h>
#include <state.h>

error_t sys_clock_map(slot_t job, slot_t process, uint64_t va, uint64_t inherit)
{
    slot_t page;
    uint64_t next;
    error_t error = tern_object_open(job, LINK_job_clock, 0, &page, &next);
    if (error != OK)
        return error;
    error = tern_space_map(process, page, 0, (uaddr_t){va}, 4096, SPACE_READ | inherit);
    (void)tern_cap_delete(page);
    return error;
}
