/* Address spaces: made, cleared, freed (space.h). */
#include "mem/space.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/mapping.h"
#include "mem/space_cut.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define MAPPING_COST 8 /* of unmapping one, as so many pages of it */

/* Tables are charged to the job of the space. */
static error_t space_table_alloc(struct ptab *ptab, phys_t *table)
{
    const struct space *space = CONTAINER_OF(ptab, struct space, ptab);
    return job_frame_alloc(space->job, cpu_self()->node, table);
}

error_t space_init(struct space *space, struct job *job)
{
    spinlock_init(&space->lock, LOCK_RANK_space);
    space->job = job;
    space->mappings = NULL;
    space->found = NULL;
    space->mapping_count = 0;
    space->ptab.root = PHYS(0);
    space->ptab.table_alloc = space_table_alloc;
    phys_t root;
    error_t error = space_table_alloc(&space->ptab, &root);
    if (error != OK)
        return error;
    space->ptab.root = root;
    ptab_count(&space->ptab);
    arch_space_init(&space->arch, root);
    return OK;
}

/* A space of zeroes, or one whose space_init failed, has nothing to clear or free. */
static bool space_made(const struct space *space)
{
    return space->ptab.root.pa != 0;
}

bool space_clear(struct space *space, uint32_t budget)
{
    if (!space_made(space))
        return true;
    arch_space_vacate(&space->arch); /* CPUs that are not in it need not forget */
    while (budget > 0) {
        spinlock_enter(&space->lock);
        struct mapping *first = mapping_at_locked(space, SPACE_START);
        space->found = first;
        uint64_t va = first != NULL ? first->va : 0, size = first != NULL ? first->size : 0;
        spinlock_exit(&space->lock);
        if (size == 0)
            return true;
        /* Cutting from the front takes no memory, so it cannot fail. */
        uint64_t done;
        error_t error = space_unmap(space, (uaddr_t){va}, size, &done);
        assert(error == OK);
        uint64_t cost = MAPPING_COST + min_u64(done >> PAGE_SHIFT, SPACE_CUT_LEAVES);
        budget -= (uint32_t)min_u64(budget, cost);
    }
    return false;
}

void space_free(struct space *space)
{
    assert(space->mappings == NULL && space->mapping_count == 0);
    if (!space_made(space))
        return;
    space_prune(space, SPACE_START, SPACE_END);
    arch_space_end(&space->arch);
    frame_free_zero(space->ptab.root);
    job_uncharge(space->job, PAGE_SIZE);
    space->ptab.root = PHYS(0);
}
