/* Address spaces: made, cleared, freed (space.h). */
#include "mem/space.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/space_cut.h"
#include "obj/job.h"
#include "sched/cpu.h"

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
    space->mapping_count = 0;
    space->ptab.root = PHYS(0);
    space->ptab.table_alloc = space_table_alloc;
    phys_t root;
    error_t error = space_table_alloc(&space->ptab, &root);
    if (error != OK)
        return error;
    space->ptab.root = root;
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
    while (budget > 0) {
        irq_state_t irq = spinlock_lock(&space->lock);
        bool empty = space->mappings == NULL;
        spinlock_unlock(&space->lock, irq);
        if (empty)
            return true;
        /* Cutting from the front takes no memory, so it cannot fail. */
        uint64_t done;
        error_t error = space_unmap(space, (uaddr_t){SPACE_START}, SPACE_END - SPACE_START, &done);
        assert(error == OK);
        budget -= (uint32_t)min_u64(budget, SPACE_CUT_LEAVES);
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
    job_frame_free(space->job, space->ptab.root);
    space->ptab.root = PHYS(0);
}
