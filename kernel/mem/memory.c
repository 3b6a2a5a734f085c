/* Memory objects: making, retiring, telling (memory.h). */
#include "mem/memory.h"
#include "lib/assert.h"
#include "mem/page.h"
#include "obj/job.h"

static error_t memory_make(struct job *job, uint64_t bytes, struct memory **result)
{
    if (bytes == 0 || bytes > MEMORY_SIZE_MAX)
        return ERR_bad_argument;
    struct object *object;
    error_t error = object_make(job, OBJECT_memory, sizeof(struct memory), &object);
    if (error != OK)
        return error;
    struct memory *memory = CONTAINER_OF(object, struct memory, object);
    spinlock_init(&memory->lock, LOCK_RANK_memory);
    list_init(&memory->mappings);
    memory->page_count = align_up(bytes, PAGE_SIZE) >> PAGE_SHIFT;
    *result = memory;
    return OK;
}

error_t memory_create(struct job *job, uint64_t bytes, struct memory **result)
{
    return memory_make(job, bytes, result);
}

error_t memory_create_physical(struct job *job, phys_t base, uint64_t bytes, uint32_t attributes,
                               struct memory **result)
{
    const uint64_t end = (uint64_t)1 << 52; /* of what an entry can name */
    if (!is_aligned(base.pa, PAGE_SIZE) || base.pa > end || bytes > end - base.pa ||
        (attributes & ~(uint32_t)(MAP_DEVICE | MAP_COMBINE)) != 0)
        return ERR_bad_argument;
    error_t error = memory_make(job, bytes, result);
    if (error != OK)
        return error;
    (*result)->physical = true;
    (*result)->base = base;
    (*result)->attributes = attributes;
    return OK;
}

/* The reaper's work on one entry; an entry that a CPU is changing is left for later. */
static bool page_retire(void *context, struct page *page)
{
    struct memory *memory = context;
    if (page_busy(page))
        return false;
    if (page_kind(page) == PAGE_PRESENT) {
        assert(page_pins(page) == 0); /* who pins holds a reference */
        frame_drop(page_frame(page));
        job_uncharge(memory->object.job, PAGE_SIZE);
        memory->resident--;
    }
    page_set_kind(page, PAGE_EMPTY);
    return true;
}

/* No mapping is left, for each holds a reference; so nobody can reach the pages. */
static bool memory_retire(struct object *object)
{
    struct memory *memory = CONTAINER_OF(object, struct memory, object);
    spinlock_enter(&memory->lock);
    assert(list_empty(&memory->mappings) && memory->large == 0);
    memory_reserve_drop_locked(memory);
    bool done = page_tree_dismantle(&memory->pages, object->job, page_retire, memory);
    struct memory_pager pager = memory->pager;
    __atomic_store_n(&memory->page_count, 0, __ATOMIC_RELAXED);
    spinlock_exit(&memory->lock);
    if (!done || pager.port == NULL)
        return done;
    if (!pager.wake(memory)) /* threads that waited for a page, which was unmapped */
        return false;
    memory->pager = (struct memory_pager){0};
    pager.put(pager.port);
    return true;
}

static void memory_free(struct object *object)
{
    struct memory *memory = CONTAINER_OF(object, struct memory, object);
    if (memory->resident != 0)
        job_clock_page_free(memory);
    object_free(object);
}

const struct object_ops memory_ops = {
    .name = "memory",
    .retire = memory_retire,
    .free = memory_free,
};

/* Whole, and old as soon as it is read, with a lock or without. */
uint64_t memory_size(const struct memory *memory)
{
    return __atomic_load_n(&memory->page_count, __ATOMIC_RELAXED) << PAGE_SHIFT;
}

uint64_t memory_resident(struct memory *memory)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    uint64_t resident = memory->resident;
    spinlock_unlock(&memory->lock, irq);
    return resident;
}

error_t memory_page_info(struct memory *memory, uint64_t offset, struct page_info *info)
{
    if (memory->physical)
        return ERR_unsupported;
    uint64_t index = offset >> PAGE_SHIFT;
    error_t error = ERR_bad_argument;
    irq_state_t irq = spinlock_lock(&memory->lock);
    if (index < memory->page_count) {
        const struct page *page = page_tree_find(&memory->pages, index);
        info->kind = memory_page_kind_locked(memory, page);
        bool present = info->kind == PAGE_PRESENT;
        info->identity = present ? page_frame(page).pa >> PAGE_SHIFT : 0;
        info->pins = page != NULL ? (uint32_t)page_pins(page) : 0;
        info->round = page != NULL ? page->round : 0;
        error = OK;
    }
    spinlock_unlock(&memory->lock, irq);
    return error;
}
