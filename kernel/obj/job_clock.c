/*
 * The clock of a job (job.h), and its clock page, by which user space reads it (abi/clock.h).
 *
 * The page is a memory object of one frame, charged to the job, made when it is first asked for. It
 * refers to the job, so the job has no reference on it: it lives as long as capabilities for it and
 * mappings of it, and who asks later gets a new one. Nobody writes it but this file: it is opened
 * with the rights of LINK_job_clock only, and being `physical` it has no pages to be moved, cloned,
 * given back or written by call.
 *
 * Locks: the job's (rank object), for who sets. Who reads takes none. The page is odd before the
 * offset changes and even after, and the offset is read with acquire: who has seen a new offset by
 * a call sees no old page, nor the other way round.
 */
#include "lib/assert.h"
#include "mem/memory.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/clock.h"
#include "sched/cpu.h"

uint64_t job_clock(const struct job *job)
{
    return clock_now() + (uint64_t)atomic_load_explicit(&job->clock_offset, memory_order_acquire);
}

static struct clock_page *page_of_locked(const struct job *job)
{
    debug_assert(spinlock_held(&job->object.lock));
    return job->clock_page != NULL ? phys_to_virt(job->clock_page->base) : NULL;
}

/* All but what is constant; the sequence last. */
static void page_write_locked(const struct job *job, struct clock_page *page)
{
    uint64_t offset = (uint64_t)atomic_load_explicit(&job->clock_offset, memory_order_relaxed);
    uint64_t wall = atomic_load_explicit(&job->wall_offset, memory_order_relaxed);
    uint64_t changes = atomic_load_explicit(&job->clock_changes, memory_order_relaxed);
    __atomic_store_n(&page->offset, offset, __ATOMIC_RELAXED);
    __atomic_store_n(&page->wall, wall, __ATOMIC_RELAXED);
    __atomic_store_n(&page->sequence, changes * 2, __ATOMIC_RELEASE);
}

void job_clock_set(struct job *job, const uint64_t *offset, const uint64_t *wall,
                   const uint64_t *changes)
{
    if (offset == NULL && wall == NULL && changes == NULL)
        return;
    irq_state_t irq = spinlock_lock(&job->object.lock);
    struct clock_page *page = page_of_locked(job);
    uint64_t before = atomic_load_explicit(&job->clock_changes, memory_order_relaxed);
    if (page != NULL)
        __atomic_store_n(&page->sequence, before * 2 + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release); /* odd before anything changes */
    atomic_store_explicit(&job->clock_changes, changes != NULL ? *changes : before + 1,
                          memory_order_relaxed);
    if (offset != NULL)
        atomic_store_explicit(&job->clock_offset, (int64_t)*offset, memory_order_relaxed);
    if (wall != NULL)
        atomic_store_explicit(&job->wall_offset, *wall, memory_order_relaxed);
    if (page != NULL)
        page_write_locked(job, page);
    spinlock_unlock(&job->object.lock, irq);
}

static error_t page_make(struct job *job, struct memory **result)
{
    phys_t frame;
    error_t error = job_frame_alloc(job, cpu_self()->node, &frame);
    if (error != OK)
        return error;
    error = memory_create_physical(job, frame, PAGE_SIZE, 0, result);
    if (error != OK) {
        job_frame_free(job, frame);
        return error;
    }
    (*result)->clock = true;
    (*result)->resident = 1;
    return OK;
}

/* The page that is there, with a reference; else `made`, if any, becomes that. */
static struct memory *page_get(struct job *job, struct memory *made)
{
    irq_state_t irq = spinlock_lock(&job->object.lock);
    struct memory *page = job->clock_page;
    if (page == NULL || !object_try_get(&page->object)) {
        page = made;
        if (made != NULL) {
            job->clock_page = made;
            clock_describe(page_of_locked(job));
            page_write_locked(job, page_of_locked(job));
        }
    }
    spinlock_unlock(&job->object.lock, irq);
    return page;
}

error_t job_clock_page(struct job *job, struct memory **result)
{
    struct memory *made;
    *result = page_get(job, NULL);
    if (*result != NULL)
        return OK;
    error_t error = page_make(job, &made);
    if (error != OK)
        return error;
    *result = page_get(job, made);
    if (*result != made)
        object_put(&made->object);
    return OK;
}

void job_clock_page_free(struct memory *memory)
{
    struct job *job = memory->object.job;
    assert(memory->clock && memory->resident == 1);
    irq_state_t irq = spinlock_lock(&job->object.lock);
    if (job->clock_page == memory)
        job->clock_page = NULL;
    spinlock_unlock(&job->object.lock, irq);
    job_frame_free(job, memory->base);
}
