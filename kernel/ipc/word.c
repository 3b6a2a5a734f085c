/* Waiting on words of memory (word.h), and its two system calls. */
#include "ipc/word.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "obj/reclaim.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "syscall/call.h"

#define BUCKETS 256 /* of words, and as many of pages; a power of two */
#define LOOKS   32  /* by a step of a sweep */

struct bucket {
    struct spinlock lock;        /* rank word */
    struct deadline_queue queue; /* of struct thread.queued, by word (word_key), then by arrival */
};

static struct bucket buckets[2 * BUCKETS] = {
    [0 ... 2 * BUCKETS - 1] = {.lock = SPINLOCK_INIT(word)},
};

/* Not 0. Other words may have the same. */
static uint64_t word_key(uint64_t memory, uint64_t offset)
{
    return (memory * 0x9e3779b97f4a7c15 ^ offset) * 0x9e3779b97f4a7c15 | 1;
}

static struct bucket *bucket_of(uint64_t memory, uint64_t offset)
{
    uint64_t first = offset == WORD_ANY_PAGE ? BUCKETS : 0;
    return &buckets[first + (word_key(memory, offset) >> 56 & (BUCKETS - 1))];
}

static struct bucket *bucket_now(const struct thread *thread)
{
    return bucket_of(*(const volatile uint64_t *)&thread->word_memory,
                     *(const volatile uint64_t *)&thread->word_offset);
}

static struct thread *thread_queued(struct deadline *node)
{
    return node != NULL ? CONTAINER_OF(node, struct thread, queued) : NULL;
}

static void waiter_take_locked(struct bucket *bucket, struct thread *thread)
{
    debug_assert(spinlock_held(&bucket->lock));
    (void)deadline_remove(&bucket->queue, &thread->queued);
    thread_set_status(thread, THREAD_CLAIMED);
}

bool word_unwait(struct thread *thread)
{
    struct bucket *bucket = bucket_now(thread);
    irq_state_t state = spinlock_lock(&bucket->lock);
    /* Acquire: it may wait for another word by now, under a lock that is not ours. */
    bool there = atomic_load_explicit(&thread->status, memory_order_acquire) == THREAD_WORD &&
                 bucket_now(thread) == bucket;
    if (there)
        waiter_take_locked(bucket, thread);
    spinlock_unlock(&bucket->lock, state);
    return there;
}

/* The object and offset behind an aligned address. */
static error_t word_find(struct thread *caller, uaddr_t address, uint64_t *memory, uint64_t *offset)
{
    struct memory *object;
    if ((address.va & 3) != 0)
        return ERR_bad_argument;
    error_t error = space_memory_at(&caller->process->space, address, &object, offset);
    if (error != OK)
        return error;
    *memory = object->object.identity;
    return OK;
}

void word_wait_on(struct thread *thread, uint64_t memory, uint64_t offset)
{
    struct bucket *bucket = bucket_of(memory, offset);
    irq_state_t state = spinlock_lock(&bucket->lock);
    thread->word_memory = memory;
    thread->word_offset = offset;
    (void)deadline_insert(&bucket->queue, &thread->queued, word_key(memory, offset));
    atomic_store_explicit(&thread->status, THREAD_WORD, memory_order_release);
    spinlock_unlock(&bucket->lock, state);
    atomic_thread_fence(memory_order_seq_cst);
}

outcome_t sys_word_wait(struct thread *caller, uaddr_t address, uint64_t expected,
                        uint64_t deadline)
{
    struct cpu *self = cpu_self();
    struct space *space = &caller->process->space;
    uint32_t value;
    uint64_t done, memory, offset;
    error_t error = word_find(caller, address, &memory, &offset);
    if (error == OK)
        error = space_copy_in(space, &value, address, sizeof(value), &done);
    if (error == OK && (value != (uint32_t)expected || deadline == DEADLINE_POLL))
        error = ERR_would_block;
    if (error != OK)
        return (outcome_t)error;
    arch_thread_leave(self, caller);
    caller->sending = MESSAGE_NONE;
    thread_timeout_arm(caller, deadline);
    word_wait_on(caller, memory, offset);
    error = space_copy_in(space, &value, address, sizeof(value), &done);
    bool stay = error == OK && value == (uint32_t)expected;
    if (stay || !word_unwait(caller)) {
        sched_gone(self);
        thread_given(caller);
        return CALL_BLOCKED;
    }
    thread_set_status(caller, THREAD_RUNNING);
    thread_timeout_cancel(caller);
    return error == OK ? (outcome_t)ERR_would_block : (outcome_t)error;
}

/* Takes the first waiter of the word out that came before turn `before`; NULL if there is none. */
static struct thread *word_take(uint64_t memory, uint64_t offset, uint64_t before)
{
    struct bucket *bucket = bucket_of(memory, offset);
    uint64_t key = word_key(memory, offset);
    irq_state_t state = spinlock_lock(&bucket->lock);
    struct deadline *node = deadline_behind(&bucket->queue, key - 1, UINT64_MAX);
    struct thread *thread = thread_queued(node);
    while (node != NULL && node->time_ns == key &&
           (thread->word_memory != memory || thread->word_offset != offset)) {
        node = deadline_behind(&bucket->queue, key, node->sequence);
        thread = thread_queued(node);
    }
    if (node == NULL || node->time_ns != key || node->sequence >= before)
        thread = NULL;
    else
        waiter_take_locked(bucket, thread);
    spinlock_unlock(&bucket->lock, state);
    return thread;
}

/* One that was taken goes on. */
static void waiter_wake(struct thread *thread)
{
    thread_timeout_cancel(thread);
    if (thread->sending == MESSAGE_page)
        sched_ready(thread); /* to the instruction that faulted */
    else
        thread_finish(thread, OK);
}

uint64_t word_turn(uint64_t memory, uint64_t offset)
{
    struct bucket *bucket = bucket_of(memory, offset);
    irq_state_t state = spinlock_lock(&bucket->lock);
    uint64_t turn = bucket->queue.sequence;
    spinlock_unlock(&bucket->lock, state);
    return turn;
}

uint64_t word_wake_on(uint64_t memory, uint64_t offset, uint64_t before, uint64_t count)
{
    struct thread *thread;
    uint64_t woken = 0;
    for (; woken < count && (thread = word_take(memory, offset, before)) != NULL; woken++)
        waiter_wake(thread);
    return woken;
}

/* Waking all who wait for pages, by the reaper: where it stands; its own while it works. */
static struct sweep {
    struct reclaim reclaim;
    _Atomic(uint32_t) wanted; /* sweeps asked for since the last one that nobody asked for again */
    uint32_t serves;          /* of these, when it began */
    uint32_t bucket;
    uint64_t before;        /* who came to the bucket before the sweep */
    uint64_t key, sequence; /* the last one that was looked at there */
} sweep;

/* One waiter more, or on to the next bucket; false at the end. */
static bool sweep_next(void)
{
    struct bucket *bucket = &buckets[BUCKETS + sweep.bucket];
    irq_state_t state = spinlock_lock(&bucket->lock);
    struct deadline *node = deadline_behind(&bucket->queue, sweep.key, sweep.sequence);
    struct thread *thread = thread_queued(node);
    if (sweep.key == 0)
        sweep.before = bucket->queue.sequence;
    if (node != NULL) {
        sweep.key = node->time_ns;
        sweep.sequence = node->sequence;
        if (node->sequence < sweep.before)
            waiter_take_locked(bucket, thread);
        else
            thread = NULL;
    } else {
        sweep.bucket++;
        sweep.key = sweep.sequence = 0;
    }
    spinlock_unlock(&bucket->lock, state);
    if (thread != NULL)
        waiter_wake(thread);
    return sweep.bucket < BUCKETS;
}

static bool sweep_step(struct reclaim *reclaim)
{
    (void)reclaim;
    if (sweep.bucket == BUCKETS)
        sweep.bucket = 0;
    if (sweep.bucket == 0 && sweep.key == 0)
        sweep.serves = atomic_load(&sweep.wanted);
    for (uint32_t i = 0; i < LOOKS; i++)
        if (!sweep_next())
            return atomic_compare_exchange_strong(&sweep.wanted, &sweep.serves, 0);
    return false;
}

void word_wake_pages(void)
{
    if (atomic_fetch_add(&sweep.wanted, 1) == 0)
        reap_steps(&sweep.reclaim, sweep_step);
}

outcome_t sys_word_wake(struct thread *caller, uaddr_t address, uint64_t count, uint64_t *woken)
{
    uint64_t memory, offset;
    error_t error = word_find(caller, address, &memory, &offset);
    if (error == OK)
        *woken = word_wake_on(memory, offset, UINT64_MAX, min_u64(count, WORD_WAKE_MAX));
    return (outcome_t)error;
}
