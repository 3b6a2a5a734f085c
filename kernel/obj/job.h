/*
 * Jobs: groups of processes with one budget, in a tree.
 *
 * Memory: `limit` bounds what the job and its children use; `reserved` is taken from the parent at
 * once and for good, so that nobody else can use it up. A charge goes up the tree: through a job
 * as far as its own reservation covers, then to its parent. Every kernel byte that a job causes is
 * charged: objects, slots, page tables, pages.
 *
 * Life cycle: job_create puts it into its parent's list, which holds no reference: who walks that
 * takes one by object_try_get. It lives as long as a capability, a process or a child refers to
 * it; what is charged to it, refers to it. Then it leaves the list and gives its reservation back.
 *
 * Inside a job is what is charged to it or to jobs below it. job_freeze stops all threads inside,
 * and cancels calls across the border; job_kill ends all processes inside (obj/job_control.c).
 *
 * Locks: one (rank job) for the lists of all jobs, job_tree_lock; charges are atomic and take none.
 */
#pragma once

#include "lib/list.h"
#include "obj/object.h"

struct memory;

#define JOB_DEPTH_MAX 16        /* jobs on a way to the first: bounds a charge */
#define JOB_NO_LIMIT  INT64_MAX /* bytes */

struct job {
    struct object object;
    struct job *parent;                /* constant; object.job's reference; NULL: the first job */
    _Atomic(int64_t) memory_balance;   /* bytes charged here less `memory_reserved` (job.c) */
    _Atomic(uint64_t) memory_reserved; /* part of the parent's used; only grows */
    _Atomic(uint64_t) memory_limit;    /* at most JOB_NO_LIMIT */
    uint32_t depth;                    /* constant; jobs above it */
    _Atomic(uint64_t) cpu_time;        /* counter ticks, of its threads, children's included */
    _Atomic(uint32_t) cpu_share;       /* per mille of the machine's CPUs; 1000 * CPUs: no limit */
    _Atomic(uint64_t) window_start, window_used, throttled_until; /* sched/throttle.c */
    _Atomic(int64_t) clock_offset; /* job's clock = machine clock + offset; see job_clock_set */
    _Atomic(bool) frozen;          /* all inside is; jobs below it do not say so themselves */
    _Atomic(bool) dying;           /* likewise: killed, for good */
    _Atomic(bool) wx;              /* its processes may map write+execute */
    _Atomic(bool) debug;           /* its processes may write to the kernel's console */
    struct reclaim ending;         /* the reaper's work, when dying; keeps a reference */
    uint64_t ended;                /* of that: processes up to this identity were told */
    struct list children;          /* of struct job.sibling; the tree's lock, as what follows */
    struct list sibling;
    struct list processes; /* of struct process.sibling */
    /* job_clock.c; the object's lock: */
    _Atomic(uint64_t) wall_offset;   /* wall clock = job's clock + this */
    _Atomic(uint64_t) clock_changes; /* how often the clock was set */
    struct memory *clock_page;       /* no reference: NULL before it is freed */
};

/* The first job: all of the machine. Made by boot/root.c. */
extern struct job *job_root;

/*
 * Charges or returns bytes; no_memory if a limit on the way up would be passed, also if that is
 * only because of a charge of another CPU that fails in turn. No locks. NULL: charges nobody.
 */
error_t job_charge(struct job *job, uint64_t bytes);
void job_uncharge(struct job *job, uint64_t bytes);

/* Bytes charged to the job, children's included as they came. */
uint64_t job_memory_used(struct job *job);

/*
 * Adds to what is reserved for the job, at its parent's cost; there is no way back. no_memory if
 * the parent has not that much; bad_argument beyond the job's own limit or for the first job.
 */
error_t job_reserve(struct job *job, uint64_t bytes);

/* kmalloc_zero and kfree with the charge. */
void *job_alloc(struct job *job, size_t size);
void job_release(struct job *job, void *block, size_t size);

/* A zeroed frame near `node`, charged; and back. */
error_t job_frame_alloc(struct job *job, uint32_t node, phys_t *frame);
void job_frame_free(struct job *job, phys_t frame);

/*
 * A child with its parent's limits and nothing reserved, charged to the parent; a frozen parent's
 * child is frozen. no_memory; full if the tree is too deep; dead if the parent is dying. The first
 * job has no parent, nor any limit.
 */
error_t job_create(struct job *parent, struct job **result);

/* For all lists of all jobs. */
irq_state_t job_tree_lock(void);
void job_tree_unlock(irq_state_t state);
bool job_tree_locked(void);

/*
 * The process of `job`, or with `below` inside it, or the child of `job`, with the least identity
 * above `after`, and a reference; NULL if there is none. Looks at all.
 */
struct process *job_next_process(struct job *job, uint64_t after, bool below);
struct job *job_next_child(struct job *job, uint64_t after);

/* Is `job` the job `top`, or below it? Is it, or one above it, frozen; dying? */
bool job_inside(const struct job *job, const struct job *top);
bool job_frozen(const struct job *job);
bool job_dying(const struct job *job);

/* --- job_control.c --- */

/* How far a freeze or thaw is: all 0 at first. Kept by the caller, who may write anything in it. */
struct job_walk {
    uint64_t phase, process, slot;
};

/* A step of stopping all threads inside, and of cancelling calls across the border; true: done. */
bool job_freeze(struct job *job, struct job_walk *walk);

/* A step of letting them go on, those that nothing else stops; true: done. */
bool job_thaw(struct job *job, struct job_walk *walk);

/* Kills all processes inside, by and by; none can be made any more. */
void job_kill(struct job *job);

/* --- job_clock.c --- */

/* What the job's clock shows now. */
uint64_t job_clock(const struct job *job);

/* Sets what is not NULL, and rewrites the clock page. */
void job_clock_set(struct job *job, const uint64_t *offset, const uint64_t *wall,
                   const uint64_t *changes);

/* The job's clock page (abi/clock.h), with a reference: made if there is none. no_memory; dead. */
error_t job_clock_page(struct job *job, struct memory **result);

/* For the reaper: gives the frame of a clock page back, before the object itself. */
void job_clock_page_free(struct memory *memory);

/* The machine's time at which the job's clock shows `time_ns`; 0 and for ever stay what they are.
 */
static inline uint64_t job_to_machine_time(const struct job *job, uint64_t time_ns)
{
    int64_t offset = atomic_load_explicit(&job->clock_offset, memory_order_relaxed);
    uint64_t now = time_ns - (uint64_t)offset;
    bool past = offset > 0 && time_ns < (uint64_t)offset;
    bool never = offset < 0 && now < time_ns;
    return past ? 0 : never ? UINT64_MAX : now;
}
