/*
 * Jobs: their tree and their budgets of memory (job.h).
 *
 * What a job costs its parent is max(used, reserved). So the one number that a charge has to change
 * is the balance, used - reserved: while it is negative, part of the reservation is free and the
 * parent knows nothing of the charge; of what lifts it above 0, the parent is charged as much.
 *
 * A charge is made at the parent first, then here; a return is made here first. So at every instant
 * a parent is charged at least for what its children have, and no limit is ever passed, whatever
 * other CPUs do meanwhile. If the balance changed between the two, the parent's part is corrected.
 * These are numbers only, and nothing else is read because of them but `memory_reserved`.
 */
#include "obj/job.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "obj/process.h"
#include "sched/cpu.h"

struct job *job_root;

static struct spinlock tree_lock = SPINLOCK_INIT(job);

irq_state_t job_tree_lock(void)
{
    return spinlock_lock(&tree_lock);
}

void job_tree_unlock(irq_state_t state)
{
    spinlock_unlock(&tree_lock, state);
}

bool job_tree_locked(void)
{
    return spinlock_held(&tree_lock);
}

/* The part of a balance that the parent is charged for, besides the reservation. */
static uint64_t balance_above(int64_t balance)
{
    return balance > 0 ? (uint64_t)balance : 0;
}

/*
 * Would `bytes` more pass the limit? Read after the balance, `reserved` may already be more (see
 * job_reserve) but not less than what went into it: that errs on the safe side.
 */
static bool job_fits(struct job *job, int64_t balance, uint64_t bytes)
{
    uint64_t limit = atomic_load_explicit(&job->memory_limit, memory_order_relaxed);
    uint64_t reserved = atomic_load_explicit(&job->memory_reserved, memory_order_relaxed);
    assert(limit <= JOB_NO_LIMIT && reserved <= JOB_NO_LIMIT);
    int64_t room = (int64_t)limit - (int64_t)reserved;
    /* balance >= -reserved, so neither difference leaves its range. */
    return balance <= room && bytes <= (uint64_t)room - (uint64_t)balance;
}

/* Recursion: at most JOB_DEPTH_MAX deep. */
__attribute__((noinline)) static error_t charge_limited(struct job *job, uint64_t bytes)
{
    error_t error = OK;
    uint64_t above = 0; /* charged to the parent so far */
    /* Acquire: meets the release in job_reserve, for job_fits. */
    int64_t balance = atomic_load_explicit(&job->memory_balance, memory_order_acquire);
    do {
        if (!job_fits(job, balance, bytes)) {
            error = ERR_no_memory;
            break;
        }
        uint64_t want = balance_above(balance + (int64_t)bytes) - balance_above(balance);
        if (want > above)
            error = job_charge(job->parent, want - above);
        if (error != OK)
            break;
        if (want < above)
            job_uncharge(job->parent, above - want);
        above = want;
    } while (!atomic_compare_exchange_weak_explicit(&job->memory_balance, &balance,
                                                    balance + (int64_t)bytes, memory_order_relaxed,
                                                    memory_order_acquire));
    if (error != OK)
        job_uncharge(job->parent, above);
    return error;
}

error_t job_charge(struct job *job, uint64_t bytes)
{
    if (job == NULL || bytes == 0)
        return OK;
    if (job->parent != NULL ||
        atomic_load_explicit(&job->memory_limit, memory_order_relaxed) != JOB_NO_LIMIT)
        return charge_limited(job, bytes);
    /* The first job: frames run out first. */
    atomic_fetch_add_explicit(&job->memory_balance, (int64_t)bytes, memory_order_relaxed);
    return OK;
}

void job_uncharge(struct job *job, uint64_t bytes)
{
    while (job != NULL && bytes != 0) {
        int64_t balance =
            atomic_fetch_sub_explicit(&job->memory_balance, (int64_t)bytes, memory_order_acquire);
        debug_assert(balance - (int64_t)bytes >= -(int64_t)job->memory_reserved);
        bytes = balance_above(balance) - balance_above(balance - (int64_t)bytes);
        job = job->parent;
    }
}

uint64_t job_memory_used(struct job *job)
{
    /* Two numbers at two instants: exact while nothing is being reserved. */
    int64_t balance = atomic_load_explicit(&job->memory_balance, memory_order_acquire);
    uint64_t reserved = atomic_load_explicit(&job->memory_reserved, memory_order_relaxed);
    return reserved + (uint64_t)balance;
}

/*
 * What is used above the old reservation was charged to the parent by itself, and is now part of
 * the reservation: as far as it fits in there, it is given back.
 */
error_t job_reserve(struct job *job, uint64_t bytes)
{
    if (job->parent == NULL)
        return ERR_bad_argument;
    irq_state_t state = job_tree_lock();
    uint64_t reserved = job->memory_reserved;
    error_t error = bytes > job->memory_limit || reserved > job->memory_limit - bytes
                        ? ERR_bad_argument
                        : job_charge(job->parent, bytes);
    if (error == OK) {
        atomic_store_explicit(&job->memory_reserved, reserved + bytes, memory_order_relaxed);
        /* Release: who sees the new balance sees the new reservation. */
        int64_t balance =
            atomic_fetch_sub_explicit(&job->memory_balance, (int64_t)bytes, memory_order_release);
        job_uncharge(job->parent, balance_above(balance) - balance_above(balance - (int64_t)bytes));
    }
    job_tree_unlock(state);
    return error;
}

void *job_alloc(struct job *job, size_t size)
{
    if (job_charge(job, size) != OK)
        return NULL;
    void *block = kmalloc_zero(size);
    if (block == NULL)
        job_uncharge(job, size);
    return block;
}

void job_release(struct job *job, void *block, size_t size)
{
    kfree(block);
    job_uncharge(job, size);
}

error_t job_frame_alloc(struct job *job, uint32_t node, phys_t *frame)
{
    error_t error = job_charge(job, PAGE_SIZE);
    if (error != OK)
        return error;
    error = frame_alloc(0, node, FRAME_ZERO, frame);
    if (error != OK)
        job_uncharge(job, PAGE_SIZE);
    return error;
}

void job_frame_free(struct job *job, phys_t frame)
{
    frame_free(frame, 0);
    job_uncharge(job, PAGE_SIZE);
}

/* What a child has from its parent. */
static void job_inherit_locked(struct job *job, struct job *parent)
{
    assert(job_tree_locked());
    job->depth = parent->depth + 1;
    atomic_init(&job->memory_limit, parent->memory_limit);
    atomic_init(&job->cpu_share, parent->cpu_share);
    atomic_init(&job->clock_offset, parent->clock_offset);
    atomic_init(&job->wall_offset, parent->wall_offset);
}

/* Into its parent's list, unless that is dying. */
static error_t job_join(struct job *job, struct job *parent)
{
    error_t error = OK;
    irq_state_t state = job_tree_lock();
    job_inherit_locked(job, parent);
    if (job_dying(parent))
        error = ERR_dead;
    else
        list_add_last(&parent->children, &job->sibling);
    job_tree_unlock(state);
    return error;
}

static error_t job_make(struct job *parent, struct job **result)
{
    struct object *object;
    error_t error = object_make(parent, OBJECT_job, sizeof(struct job), &object);
    if (error != OK)
        return error;
    struct job *job = CONTAINER_OF(object, struct job, object);
    job->parent = parent;
    list_init(&job->children);
    list_init(&job->sibling);
    list_init(&job->processes);
    *result = job;
    return OK;
}

error_t job_create(struct job *parent, struct job **result)
{
    if (parent != NULL && parent->depth + 1 >= JOB_DEPTH_MAX)
        return ERR_full;
    struct job *job;
    error_t error = job_make(parent, &job);
    if (error != OK)
        return error;
    if (parent != NULL) {
        error = job_join(job, parent);
    } else {
        atomic_init(&job->memory_limit, JOB_NO_LIMIT);
        atomic_init(&job->cpu_share, 1000 * atomic_load(&cpu_count));
        atomic_init(&job->debug, true);
    }
    if (error != OK)
        object_put(&job->object);
    else
        *result = job;
    return error;
}

bool job_inside(const struct job *job, const struct job *top)
{
    while (job != NULL && job != top)
        job = job->parent;
    return job != NULL;
}

bool job_frozen(const struct job *job)
{
    for (; job != NULL; job = job->parent)
        if (atomic_load(&job->frozen))
            return true;
    return false;
}

bool job_dying(const struct job *job)
{
    for (; job != NULL; job = job->parent)
        if (atomic_load(&job->dying))
            return true;
    return false;
}

/* The job that follows `job` in the tree below `top`: first one's children, then one's siblings. */
static struct job *tree_next_locked(const struct job *top, struct job *job)
{
    assert(job_tree_locked());
    if (!list_empty(&job->children))
        return CONTAINER_OF(job->children.next, struct job, sibling);
    while (job != top && job->sibling.next == &job->parent->children)
        job = job->parent;
    return job == top ? NULL : CONTAINER_OF(job->sibling.next, struct job, sibling);
}

struct process *job_next_process(struct job *top, uint64_t after, bool below)
{
    struct process *best = NULL;
    irq_state_t state = job_tree_lock();
    for (struct job *job = top; job != NULL; job = below ? tree_next_locked(top, job) : NULL) {
        LIST_EACH(node, &job->processes)
        {
            struct process *process = CONTAINER_OF(node, struct process, sibling);
            uint64_t identity = process->object.identity;
            if (identity > after && (best == NULL || identity < best->object.identity))
                best = process;
        }
    }
    if (best != NULL)
        object_get(&best->object); /* while it is in the list, that has one */
    job_tree_unlock(state);
    return best;
}

struct job *job_next_child(struct job *job, uint64_t after)
{
    struct job *best = NULL;
    irq_state_t state = job_tree_lock();
    LIST_EACH(node, &job->children)
    {
        struct job *child = CONTAINER_OF(node, struct job, sibling);
        uint64_t identity = child->object.identity;
        if (identity > after && (best == NULL || identity < best->object.identity) &&
            !object_retiring(&child->object))
            best = child;
    }
    if (best != NULL && !object_try_get(&best->object))
        best = NULL;
    job_tree_unlock(state);
    return best;
}

static bool job_retire(struct object *object)
{
    struct job *job = CONTAINER_OF(object, struct job, object);
    assert(list_empty(&job->children) && list_empty(&job->processes));
    if (job->parent == NULL)
        return true;
    irq_state_t state = job_tree_lock();
    list_remove(&job->sibling);
    job_tree_unlock(state);
    return true;
}

static void job_free(struct object *object)
{
    struct job *job = CONTAINER_OF(object, struct job, object);
    assert(job_memory_used(job) == 0);
    job_uncharge(job->parent, job->memory_reserved);
    object_free(object);
}

const struct object_ops job_ops = {.name = "job", .retire = job_retire, .free = job_free};
