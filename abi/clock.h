/*
 * The clock page of a job: what a program needs to read its job's clock without a call, as the
 * kernel itself reads it, to the nanosecond (docs/decisions/0018-clock-page.md).
 *
 *   machine's time = (counter - base) * factor / 2^32    the product with all its bits
 *   job's clock    = machine's time + offset             sums modulo 2^64
 *   wall clock     = job's clock + wall                  what who controls the job says it is
 *
 * One page of memory per job: opened by LINK_job_clock, to be read and mapped; nobody can write it
 * but the kernel, whenever the job's clock is set. `sequence` is odd meanwhile, and never again
 * what it was, also in a job that was made again from its state (clock_changes): so a reader that
 * was stopped in the middle, even in another machine, finds out.
 */
#ifndef ABI_CLOCK_H
#define ABI_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SHIFT 32

struct clock_page {
    uint64_t sequence; /* odd: being written */
    uint64_t base;     /* the counter at the machine's time 0 */
    uint64_t factor;   /* nanoseconds per count, 32.32 */
    uint64_t offset, wall;
};

static inline uint64_t clock_scale(uint64_t value, uint64_t factor)
{
    return (uint64_t)((unsigned __int128)value * factor >> CLOCK_SHIFT);
}

/*
 * Reads the job's clock and its wall clock. False: the page is being written, or was meanwhile;
 * then the kernel's word (clock_read) is as good and as short. `counter` reads the CPU's counter
 * after all earlier loads. The result holds for an instant between begin and end, by what was set
 * at such one.
 *
 * Acquire pairs with the release of the writer; the fence keeps the fields' loads before the second
 * look at `sequence`.
 */
static inline __attribute__((always_inline)) bool clock_page_read(const struct clock_page *page,
                                                                  uint64_t (*counter)(void),
                                                                  uint64_t *time, uint64_t *wall)
{
    uint64_t sequence = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
    uint64_t base = __atomic_load_n(&page->base, __ATOMIC_RELAXED);
    uint64_t factor = __atomic_load_n(&page->factor, __ATOMIC_RELAXED);
    if ((sequence & 1) != 0)
        return false;
    *time =
        clock_scale(counter() - base, factor) + __atomic_load_n(&page->offset, __ATOMIC_RELAXED);
    *wall = *time + __atomic_load_n(&page->wall, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&page->sequence, __ATOMIC_RELAXED) == sequence;
}

#endif
