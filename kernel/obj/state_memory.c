/* The state of memory objects (state.h). Contents go by memory_read, memory_write, memory_clone. */
#include "lib/assert.h"
#include "mem/memory.h"
#include "obj/job.h"
#include "obj/state.h"

_Static_assert((int)STATE_PAGE_ZERO == PAGE_ZERO && (int)STATE_PAGE_PRESENT == PAGE_PRESENT, "");

static struct memory *memory_of(struct object *object)
{
    assert(object->kind == OBJECT_memory);
    return CONTAINER_OF(object, struct memory, object);
}

static void get_basic(struct memory *memory, struct state_memory_basic *to)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    *to = (struct state_memory_basic){
        .identity = memory->object.identity,
        .job = state_identity(&memory->object.job->object),
        .size = memory->page_count << PAGE_SHIFT,
        .resident = memory->resident,
        .physical = memory->physical && !memory->clock,
        .pager = state_identity(memory->pager.port),
        .pager_badge = memory->pager.badge,
        .large = memory->large,
        .clock = memory->clock,
    };
    spinlock_unlock(&memory->lock, irq);
}

/* Where an untouched page is absent, each one is told; else only those that were touched. */
static bool page_at(struct memory *memory, uint64_t *index)
{
    irq_state_t irq = spinlock_lock(&memory->lock);
    bool there = *index < memory->page_count;
    if (there && !memory->empty_absent)
        there = page_tree_next(&memory->pages, index, memory->page_count) != NULL;
    spinlock_unlock(&memory->lock, irq);
    return there;
}

static error_t get_page(struct memory *memory, struct state *state)
{
    struct page_info info;
    bool there = page_at(memory, &state->index);
    uint64_t index = state->index;
    error_t error = memory_page_info(memory, index << PAGE_SHIFT, &info);
    state->size = 0;
    if (error != OK) /* beyond the end */
        return error == ERR_bad_argument ? ERR_not_found : error;
    if (!there)
        return OK;
    state->index++;
    if (info.kind == PAGE_ZERO)
        return OK;
    *(struct state_memory_page *)state->data = (struct state_memory_page){
        index, (uint64_t)info.kind, info.identity, info.pins, info.round};
    state->size = sizeof(struct state_memory_page);
    return OK;
}

static error_t memory_get(struct object *object, struct state *state)
{
    struct memory *memory = memory_of(object);
    if (state->part == STATE_memory_page)
        return get_page(memory, state);
    if (state->part != STATE_memory_basic)
        return ERR_bad_argument;
    get_basic(memory, state->data);
    state->size = sizeof(struct state_memory_basic);
    return OK;
}

/* As a thread's fault leaves it, whose request was taken. */
static error_t memory_set(struct thread *caller, struct object *object, uint64_t fields,
                          const struct state *state)
{
    const struct state_memory_page *new = state->data;
    struct page_request request;
    phys_t frame;
    (void)caller;
    if (state->part != STATE_memory_page || !STATE_SETS(memory, page, index) ||
        !STATE_SETS(memory, page, state) || new->state != STATE_PAGE_FILLING ||
        new->index > MEMORY_SIZE_MAX >> PAGE_SHIFT)
        return ERR_bad_argument;
    error_t error =
        memory_page_get(memory_of(object), new->index << PAGE_SHIFT, false, &request, &frame);
    assert(error != ERR_needs_pager || !request.ask || request.memory == memory_of(object));
    return error == ERR_needs_pager ? OK : error == OK ? ERR_exists : ERR_bad_argument;
}

static error_t memory_open(struct object *object, uint64_t link, uint64_t *index,
                           struct state_link *found)
{
    struct memory *memory = memory_of(object);
    (void)link, (void)index;
    irq_state_t irq = spinlock_lock(&memory->lock);
    error_t error = state_found(memory->pager.port, RIGHT_read, found);
    spinlock_unlock(&memory->lock, irq);
    return error;
}

const struct state_ops memory_state = {.get = memory_get, .set = memory_set, .open = memory_open};
