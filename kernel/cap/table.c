/*
 * Tables of slots: making chunks, and what becomes of a slot between two capabilities (slot.h).
 *
 *     free --slot_reserve--> taken --slot_bury--> dead --grace period--> free
 *                              |--slot_unreserve----------------------> free
 *
 * Places of the directory without a chunk show `no_chunk`, whose slots are never used; so a lookup
 * does not ask whether there is one. Dead slots wait together: those that die during a grace
 * period wait for the next.
 */
#include "cap/slot.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "mem/phys.h"
#include "obj/job.h"
#include "sched/cpu.h"

#define DIRECTORY_SIZE   (SLOT_CHUNKS_MAX * sizeof(struct slot *))
#define GENERATION_FIRST 1
#define REVIVED_MAX      64  /* dead slots made free at once */
#define LOOKS_PER_DELETE 8   /* slots looked at by slot_table_clear, for each of its budget */
#define CHUNKS_AT_ONCE   8   /* freed */
#define LOOKS_MAX        512 /* slots looked at by slot_next */

_Static_assert(sizeof(struct slot) * SLOT_CHUNK == PAGE_SIZE, "a chunk is a page");

static const struct slot no_chunk[SLOT_CHUNK]; /* lookups only read it */

struct slot *_Atomic slot_no_directory[SLOT_CHUNKS_MAX] = {
    [0 ... SLOT_CHUNKS_MAX - 1] = (struct slot *)(uintptr_t)no_chunk,
};

/* A directory without chunks for the next table, or NULL. */
static struct slot *_Atomic *_Atomic spare_directory;

static struct slot *chunk_none(void)
{
    return (struct slot *)(uintptr_t)no_chunk;
}

static struct slot *chunk_of(const struct slot_table *table, uint32_t number)
{
    return atomic_load_explicit(&table->directory[number], memory_order_acquire);
}

/* A slot that no capability was in, or whose grace period is over. */
static void slot_set_free_locked(struct slot *slot)
{
    slot->state = SLOT_FREE;
    list_init(&slot->open);
    list_init(&slot->close);
}

static void free_take_locked(struct slot_table *table, struct slot *slot)
{
    assert(slot->state == SLOT_FREE && slot_object(slot) == NULL);
    list_remove(&slot->open);
    slot->state = SLOT_TAKEN;
    table->used++;
}

/* --- growing --- */

static void chunk_fill_locked(struct slot_table *table, struct slot *chunk, uint32_t number,
                              uint32_t slots)
{
    chunk[0].table = table;
    chunk[0].state = SLOT_WORN;
    for (uint32_t i = 1; i < slots; i++) {
        struct slot *slot = &chunk[i];
        slot->index = number * SLOT_CHUNK + i;
        slot->generation = GENERATION_FIRST;
        slot_set_free_locked(slot);
        list_add_last(&table->free, &slot->open);
    }
}

static error_t chunk_make_locked(struct slot_table *table, uint32_t number)
{
    phys_t frame;
    debug_assert(spinlock_held(&table->lock));
    assert(chunk_of(table, number) == chunk_none());
    error_t error = job_frame_alloc(table->job, cpu_self()->node, &frame);
    if (error != OK)
        return error;
    struct slot *chunk = phys_to_virt(frame);
    chunk_fill_locked(table, chunk, number, SLOT_CHUNK);
    /* Release: for lookups, and whoever goes by `count`. */
    atomic_store_explicit(&table->directory[number], chunk, memory_order_release);
    uint32_t count = (number + 1) * SLOT_CHUNK;
    if (count > atomic_load_explicit(&table->count, memory_order_relaxed))
        atomic_store_explicit(&table->count, count, memory_order_release);
    return OK;
}

static error_t table_grow_locked(struct slot_table *table)
{
    while (table->full_chunks < SLOT_CHUNKS_MAX &&
           chunk_of(table, table->full_chunks) != chunk_none())
        table->full_chunks++;
    if (table->full_chunks == SLOT_CHUNKS_MAX)
        return ERR_full;
    return chunk_make_locked(table, table->full_chunks);
}

/* --- reserving --- */

static error_t reserve_locked(struct slot_table *table, struct slot **result)
{
    error_t error = table->closed ? ERR_dead : OK;
    if (error == OK && list_empty(&table->free))
        error = table_grow_locked(table);
    if (error != OK)
        return error;
    *result = CONTAINER_OF(table->free.next, struct slot, open);
    free_take_locked(table, *result);
    return OK;
}

error_t slot_reserve(struct slot_table *table, struct slot **result)
{
    spinlock_enter(&table->lock);
    error_t error = reserve_locked(table, result);
    spinlock_exit(&table->lock);
    return error;
}

static error_t reserve_at_locked(struct slot_table *table, uint32_t index, uint32_t generation,
                                 struct slot **result)
{
    uint32_t number = index >> SLOT_CHUNK_SHIFT;
    error_t error = table->closed ? ERR_dead : OK;
    if (error == OK && chunk_of(table, number) == chunk_none())
        error = chunk_make_locked(table, number);
    if (error != OK)
        return error;
    struct slot *slot = &chunk_of(table, number)[index % SLOT_CHUNK];
    if (slot->state != SLOT_FREE)
        return ERR_exists;
    free_take_locked(table, slot);
    /* Nobody reads it: lookups look at `object` first. */
    __atomic_store_n(&slot->generation, generation, __ATOMIC_RELAXED);
    *result = slot;
    return OK;
}

error_t slot_reserve_at(struct slot_table *table, slot_t handle, struct slot **result)
{
    uint32_t index = (uint32_t)handle.value, generation = (uint32_t)(handle.value >> 32);
    if (index % SLOT_CHUNK == 0 || index >= SLOT_MAX || generation < GENERATION_FIRST)
        return ERR_bad_argument;
    irq_state_t state = spinlock_lock(&table->lock);
    error_t error = reserve_at_locked(table, index, generation, result);
    spinlock_unlock(&table->lock, state);
    return error;
}

void slot_unreserve(struct slot *slot)
{
    struct slot_table *table = slot_table_of(slot);
    irq_state_t state = spinlock_lock(&table->lock);
    assert(slot->state == SLOT_TAKEN && slot_object(slot) == NULL && table->used != 0);
    slot_set_free_locked(slot);
    list_add_first(&table->free, &slot->open);
    table->used--;
    spinlock_unlock(&table->lock, state);
}

/* --- dying and coming back --- */

/* A handle must never name two capabilities: a slot that has had all its generations stays out. */
static void revive_locked(struct slot_table *table, struct slot *slot)
{
    assert(slot->state == SLOT_DEAD && table->dead_count != 0 && table->used != 0);
    list_remove(&slot->open);
    table->dead_count--;
    table->used--;
    if (slot->generation == UINT32_MAX) {
        slot->state = SLOT_WORN;
        return;
    }
    __atomic_store_n(&slot->generation, slot->generation + 1, __ATOMIC_RELAXED);
    slot_set_free_locked(slot);
    list_add_last(&table->free, &slot->open);
}

/* After the unlock the table may be cleared and on its way out, but only to a grace period. */
static void slots_revive(struct reclaim *reclaim)
{
    struct slot_table *table = CONTAINER_OF(reclaim, struct slot_table, reclaim);
    spinlock_enter(&table->lock);
    assert(table->reviving != 0 && table->reviving <= table->dead_count);
    for (uint32_t i = 0; i < REVIVED_MAX && table->reviving != 0; i++, table->reviving--)
        revive_locked(table, CONTAINER_OF(table->dead.next, struct slot, open));
    table->reviving = table->dead_count;
    if (table->reviving != 0)
        reclaim_after(&table->reclaim, slots_revive);
    spinlock_exit(&table->lock);
}

void slot_bury(struct slot *slot)
{
    struct slot_table *table = slot_table_of(slot);
    spinlock_enter(&table->lock);
    assert(slot->state == SLOT_TAKEN && slot_object(slot) == NULL);
    slot->state = SLOT_DEAD;
    list_add_last(&table->dead, &slot->open);
    table->dead_count++;
    if (table->reviving == 0) {
        table->reviving = table->dead_count;
        reclaim_after(&table->reclaim, slots_revive);
    }
    spinlock_exit(&table->lock);
}

/* --- the table as a whole --- */

struct slot *slot_next(const struct slot_table *table, uint32_t *index)
{
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    for (uint32_t looks = 0; looks < LOOKS_MAX && *index < count; looks++) {
        struct slot *chunk = chunk_of(table, *index >> SLOT_CHUNK_SHIFT);
        struct slot *slot = &chunk[*index % SLOT_CHUNK];
        if (chunk != chunk_none() && slot_object(slot) != NULL)
            return slot;
        *index += chunk == chunk_none() ? SLOT_CHUNK : 1;
    }
    if (*index >= count)
        *index = SLOT_MAX;
    return NULL;
}

static void table_init(struct slot_table *table, struct job *job)
{
    *table = (struct slot_table){.job = job};
    spinlock_init(&table->lock, LOCK_RANK_cap_table);
    list_init(&table->free);
    list_init(&table->dead);
}

void slot_table_init_one(struct slot_table *table, struct slot *_Atomic *directory,
                         struct slot *chunk, uint32_t slots)
{
    assert(is_aligned((uintptr_t)chunk, PAGE_SIZE) && slots <= SLOT_CHUNK);
    table_init(table, NULL);
    table->directory = directory;
    table->full_chunks = SLOT_CHUNKS_MAX; /* it does not grow */
    atomic_init(&table->count, slots);
    atomic_init(&directory[0], chunk);
    chunk_fill_locked(table, chunk, 0, slots);
}

error_t slot_table_init(struct slot_table *table, struct job *job)
{
    table_init(table, job);
    if (job_charge(job, DIRECTORY_SIZE) != OK)
        return ERR_no_memory;
    table->directory = atomic_exchange(&spare_directory, NULL);
    if (table->directory != NULL)
        return OK;
    table->directory = kmalloc(DIRECTORY_SIZE);
    if (table->directory == NULL) {
        job_uncharge(job, DIRECTORY_SIZE);
        return ERR_no_memory;
    }
    memcpy((void *)table->directory, (const void *)slot_no_directory, DIRECTORY_SIZE);
    return OK;
}

/* One whose chunks are gone becomes the spare one. */
static void directory_free(struct job *job, struct slot *_Atomic *directory)
{
    kfree((void *)atomic_exchange(&spare_directory, directory));
    job_uncharge(job, DIRECTORY_SIZE);
}

/* Deletes what is used from `cleared` on; true at the end of the table. */
static bool clear_some(struct slot_table *table, uint32_t budget)
{
    uint32_t looks = budget * LOOKS_PER_DELETE;
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    for (; table->cleared < count && budget > 0 && looks > 0; looks--) {
        struct slot *chunk = chunk_of(table, table->cleared >> SLOT_CHUNK_SHIFT);
        if (chunk == chunk_none()) {
            table->cleared += SLOT_CHUNK;
            continue;
        }
        struct slot *slot = &chunk[table->cleared++ % SLOT_CHUNK];
        if (slot_object(slot) != NULL && cap_delete(slot) == OK)
            budget--;
    }
    return table->cleared >= count;
}

bool slot_table_clear(struct slot_table *table, uint32_t budget)
{
    if (!table->closed) {
        spinlock_enter(&table->lock);
        table->closed = true;
        spinlock_exit(&table->lock);
    }
    if (!clear_some(table, budget))
        return false;
    spinlock_enter(&table->lock);
    bool done = table->used == 0;
    /* One that was reserved before the table was closed may have been filled behind us. */
    if (table->used != table->dead_count)
        table->cleared = 0;
    spinlock_exit(&table->lock);
    return done;
}

void slot_table_forget(void)
{
    atomic_store(&spare_directory, NULL);
}

/* What is left of a table that is being freed: in its last chunk, which is freed last. */
struct slot_rest {
    struct reclaim reclaim;
    struct slot *_Atomic *directory;
    struct job *job;     /* a reference */
    uint32_t next, last; /* chunks */
};

/* Its chunk's frame is the last to go. */
static void rest_end(struct slot_rest *rest)
{
    struct job *job = rest->job;
    atomic_init(&rest->directory[rest->last], chunk_none());
    directory_free(job, rest->directory);
    job_frame_free(job, virt_to_phys(rest));
    object_put(&job->object);
}

static void rest_free(struct reclaim *reclaim)
{
    struct slot_rest *rest = CONTAINER_OF(reclaim, struct slot_rest, reclaim);
    for (uint32_t i = 0; i < CHUNKS_AT_ONCE && rest->next < rest->last; rest->next++) {
        struct slot *chunk =
            atomic_load_explicit(&rest->directory[rest->next], memory_order_relaxed);
        if (chunk == chunk_none())
            continue;
        atomic_init(&rest->directory[rest->next], chunk_none());
        job_frame_free(rest->job, virt_to_phys(chunk));
        i++;
    }
    if (rest->next == rest->last)
        rest_end(rest);
    else
        reclaim_after(&rest->reclaim, rest_free);
}

void slot_table_free(struct slot_table *table)
{
    assert(table->used == 0 && table->reviving == 0 && list_empty(&table->dead));
    if (table->directory == NULL)
        return; /* slot_table_init failed */
    if (table->count == 0) {
        directory_free(table->job, table->directory);
        return;
    }
    uint32_t last = table->count / SLOT_CHUNK - 1;
    struct slot_rest *rest = (struct slot_rest *)(void *)chunk_of(table, last);
    *rest = (struct slot_rest){.directory = table->directory, .job = table->job, .last = last};
    object_get(&table->job->object);
    rest_free(&rest->reclaim);
}
