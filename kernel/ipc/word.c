/* Waiting on words of memory (word.h), and its two system calls. */
#include "ipc/word.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "sched/clock.h"
#include "sched/sched.h"
#include "syscall/call.h"

#define BUCKETS    256        /* a power of two */
#define ANY_MEMORY UINT64_MAX /* no object has that identity */

struct bucket {
    struct spinlock lock; /* rank word */
    struct list threads;  /* of struct thread.wait; `next` is NULL before the first use */
};

static struct bucket buckets[BUCKETS] = {
    [0 ... BUCKETS - 1] = {.lock = SPINLOCK_INIT(word)},
};

static struct bucket *bucket_of(uint64_t memory, uint64_t offset)
{
    uint64_t hash = (memory * 0x9e3779b97f4a7c15 ^ offset) * 0x9e3779b97f4a7c15;
    return &buckets[hash >> 56 & (BUCKETS - 1)];
}

static irq_state_t bucket_lock(struct bucket *bucket)
{
    irq_state_t state = spinlock_lock(&bucket->lock);
    if (bucket->threads.next == NULL)
        list_init(&bucket->threads);
    return state;
}

static struct bucket *bucket_now(const struct thread *thread)
{
    return bucket_of(*(const volatile uint64_t *)&thread->word_memory,
                     *(const volatile uint64_t *)&thread->word_offset);
}

bool word_unwait(struct thread *thread)
{
    struct bucket *bucket = bucket_now(thread);
    irq_state_t state = bucket_lock(bucket);
    /* Acquire: it may wait for another word by now, under a lock that is not ours. */
    bool there = atomic_load_explicit(&thread->status, memory_order_acquire) == THREAD_WORD &&
                 bucket_now(thread) == bucket;
    if (there) {
        list_unlink(&thread->wait);
        thread_set_status(thread, THREAD_CLAIMED);
    }
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
    irq_state_t state = bucket_lock(bucket);
    thread->word_memory = memory;
    thread->word_offset = offset;
    list_add_last(&bucket->threads, &thread->wait);
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

/* Takes one waiter of the word, or for any page, out; NULL if there is none. */
static struct thread *word_take(struct bucket *bucket, uint64_t memory, uint64_t offset)
{
    struct thread *taken = NULL;
    irq_state_t state = bucket_lock(bucket);
    LIST_EACH(node, &bucket->threads)
    {
        struct thread *thread = CONTAINER_OF(node, struct thread, wait);
        bool wanted = memory == ANY_MEMORY
                          ? thread->sending == MESSAGE_page
                          : thread->word_memory == memory && thread->word_offset == offset;
        if (!wanted)
            continue;
        list_unlink(node);
        thread_set_status(thread, THREAD_CLAIMED);
        taken = thread;
        break;
    }
    spinlock_unlock(&bucket->lock, state);
    return taken;
}

static uint64_t bucket_wake(struct bucket *bucket, uint64_t memory, uint64_t offset, uint64_t count)
{
    for (uint64_t woken = 0; woken < count; woken++) {
        struct thread *thread = word_take(bucket, memory, offset);
        if (thread == NULL)
            return woken;
        thread_timeout_cancel(thread);
        if (thread->sending == MESSAGE_page)
            sched_ready(thread); /* to the instruction that faulted */
        else
            thread_finish(thread, OK);
    }
    return count;
}

uint64_t word_wake_on(uint64_t memory, uint64_t offset, uint64_t count)
{
    return bucket_wake(bucket_of(memory, offset), memory, offset, count);
}

void word_wake_pages(void)
{
    for (uint32_t i = 0; i < BUCKETS; i++)
        (void)bucket_wake(&buckets[i], ANY_MEMORY, 0, UINT64_MAX);
}

outcome_t sys_word_wake(struct thread *caller, uaddr_t address, uint64_t count, uint64_t *woken)
{
    uint64_t memory, offset;
    error_t error = word_find(caller, address, &memory, &offset);
    if (error == OK)
        *woken = word_wake_on(memory, offset, count);
    return (outcome_t)error;
}
