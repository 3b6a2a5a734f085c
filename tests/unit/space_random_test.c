/*
 * Spaces and memory objects against arrays: random calls of all kinds, a user that reads and
 * writes through a simulated TLB, and at the end nothing is missing.
 */
#include "caps_model.h"
#include "host.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "mem/space_copy.h"
#include "memory_model.h"
#include "selftest/check.h"
#include "unit.h"

#include <string.h>

static const uint32_t flags_of[FLAGS_COUNT] = {SPACE_READ, SPACE_READ | SPACE_WRITE,
                                               SPACE_READ | SPACE_WRITE, SPACE_EXECUTE};

static void step_map(struct model_space *in)
{
    struct model_object *object = object_some();
    if (object == NULL)
        return;
    uint32_t first = random_below(SHOWN), page = random_below(object->pages);
    uint64_t count = 1 + random_below(min_u64(SHOWN - first, OBJECT_MAX - page));
    uint32_t flags = flags_of[random_below(FLAGS_COUNT)];
    bool free = true;
    for (uint64_t i = first; i < first + count; i++)
        free = free && in->shown[i].object == NOTHING;
    error_t error = space_map(&in->space, object->memory, page * PAGE_SIZE,
                              (uaddr_t){user_va(first)}, count * PAGE_SIZE, flags);
    EXPECT(error == (free ? OK : ERR_exists) || no_memory(error));
    for (uint64_t i = 0; error == OK && i < count; i++)
        in->shown[first + i] =
            (struct model_shown){(uint32_t)(object - objects), page + (uint32_t)i, flags};
}

static void step_unmap(struct model_space *in)
{
    uint32_t first = random_below(SHOWN);
    uint64_t count = 1 + random_below(SHOWN - first), done = 0;
    error_t error = space_unmap(&in->space, (uaddr_t){user_va(first)}, count * PAGE_SIZE, &done);
    EXPECT((error == OK && done > 0) || no_memory(error));
    for (uint64_t i = 0; error == OK && i < done / PAGE_SIZE; i++)
        in->shown[first + i].object = NOTHING;
}

static void step_protect(struct model_space *in)
{
    uint32_t first = random_below(SHOWN), flags = flags_of[random_below(FLAGS_COUNT)];
    uint64_t count = 1 + random_below(SHOWN - first), done = 0;
    error_t error =
        space_protect(&in->space, (uaddr_t){user_va(first)}, count * PAGE_SIZE, flags, &done);
    if (in->shown[first].object == NOTHING) {
        EXPECT(error == ERR_bad_address || no_memory(error));
        return;
    }
    EXPECT((error == OK && done > 0) || no_memory(error));
    for (uint64_t i = 0; error == OK && i < done / PAGE_SIZE; i++)
        in->shown[first + i].flags = flags;
}

static void step_move(struct model_space *in)
{
    uint32_t from = random_below(SHOWN), to = random_below(SHOWN);
    uint64_t count = 1 + random_below(min_u64(SHOWN - from, SHOWN - to)), done = 0;
    error_t error = space_move(&in->space, (uaddr_t){user_va(from)}, (uaddr_t){user_va(to)},
                               count * PAGE_SIZE, &done);
    if (from < to + count && to < from + count) {
        EXPECT(error == ERR_bad_argument);
        return;
    }
    EXPECT(error == OK || error == ERR_exists || no_memory(error));
    for (uint64_t i = 0; error == OK && i < done / PAGE_SIZE; i++) {
        if (in->shown[from + i].object == NOTHING)
            continue;
        EXPECT(in->shown[to + i].object == NOTHING);
        in->shown[to + i] = in->shown[from + i];
        in->shown[from + i].object = NOTHING;
    }
}

/* What the model says of an access; NULL: it must fail with *error. */
static uint64_t *shown_word(struct model_space *in, uint32_t at, uint32_t word, bool write,
                            struct model_page **page, error_t *error)
{
    const struct model_shown *shown = &in->shown[at];
    *error = ERR_bad_address;
    if (shown->object == NOTHING)
        return NULL;
    if (write && (shown->flags & SPACE_WRITE) == 0) {
        *error = ERR_denied;
        return NULL;
    }
    struct model_object *object = &objects[shown->object];
    if (shown->page >= object->pages || object->page[shown->page].absent)
        return NULL;
    *page = &object->page[shown->page];
    return &(*page)->words[word];
}

static void step_user(struct model_space *in, bool write, bool by_kernel)
{
    uint32_t at = random_below(SHOWN), word = random_below(WORDS);
    uint64_t va = user_va(at) + word_offset[word], value = unit_random(), done;
    struct model_page *page = NULL;
    error_t expected = OK, error;
    uint64_t *model = shown_word(in, at, word, write, &page, &expected);
    if (by_kernel && write)
        error = space_copy_out(&in->space, (uaddr_t){va}, &value, 8, &done);
    else if (by_kernel)
        error = space_copy_in(&in->space, &value, (uaddr_t){va}, 8, &done);
    else
        error = write ? user_write(&in->space, va, value, NULL)
                      : user_read(&in->space, va, &value, NULL);
    if (no_memory(error))
        return;
    EXPECT(model != NULL ? error == OK : error == expected);
    if (model == NULL || error != OK)
        return;
    EXPECT(write || value == *model);
    *model = write ? value : *model;
    page->written |= write;
}

/* Clones a space into a fresh one, compares, and lets the clone go. */
static void step_space_clone(struct model_space *from)
{
    static struct space clone;
    for (uint32_t i = 0; i < SHOWN; i++)
        if (from->shown[i].object != NOTHING &&
            objects[from->shown[i].object].page[from->shown[i].page].absent)
            return; /* would ask the pager */
    if (space_init(&clone, payer) != OK)
        return;
    error_t cloned = user_clone(&from->space, &clone);
    EXPECT(cloned == OK || no_memory(cloned));
    for (uint32_t i = 0; cloned == OK && i < SHOWN; i += 1 + random_below(4)) {
        struct model_page *page = NULL;
        error_t expected;
        uint64_t value = 0;
        const uint64_t *model = shown_word(from, i, 0, false, &page, &expected);
        error_t error = user_read(&clone, user_va(i), &value, NULL);
        if (model != NULL)
            EXPECT(no_memory(error) || (error == OK && value == *model));
        if (random_below(3) == 0) /* must not be seen by the original */
            (void)user_write(&clone, user_va(i), unit_random(), NULL);
    }
    space_check(&clone);
    user_space_end(&clone);
}

static void step(void)
{
    struct model_space *in = &spaces[random_below(SPACES)];
    struct model_object *object = object_some(), *second = object_some();
    uint32_t what = random_below(60);
    if (what < 20) {
        step_user(in, (what & 1) != 0, what >= 16);
    } else if (what < 40) {
        void (*steps[])(struct model_space *) = {step_map, step_map, step_unmap, step_move,
                                                 step_protect};
        steps[what % 5](in);
    } else if (what == 40) {
        step_space_clone(in);
    } else if (what == 41 && object != NULL) {
        step_drop(object);
    } else if (what < 50 && object != NULL) {
        void (*steps[])(struct model_object *) = {step_write,  step_read, step_commit,
                                                  step_resize, step_pin,  step_dirty};
        steps[random_below(6)](object);
    } else if (object != NULL && second != NULL) {
        if (what < 56)
            step_clone(object, second);
        else
            step_supply(object, second);
    }
}

static void check(void)
{
    for (uint32_t o = 0; o < OBJECTS; o++)
        if (objects[o].memory != NULL)
            memory_check(objects[o].memory);
    for (uint32_t s = 0; s < SPACES; s++)
        space_check(&spaces[s].space);
    caps_settle();
    check_references();
}

static void end(void)
{
    for (uint32_t s = 0; s < SPACES; s++) {
        user_space_end(&spaces[s].space);
        for (uint32_t i = 0; i < SHOWN; i++)
            spaces[s].shown[i].object = NOTHING;
    }
    for (uint32_t o = 0; o < OBJECTS; o++)
        if (objects[o].memory != NULL)
            step_drop(&objects[o]);
    caps_settle();
    EXPECT(job_memory_used(payer) == 0);
    object_put(&payer->object);
    caps_settle();
    EXPECT(job_memory_used(job_root) == 0);
}

/* Frames that are free or in the heap, whose blocks the budgets account for. */
static uint64_t frames_held(void)
{
    struct frame_stats frames;
    struct heap_stats heap;
    frame_stats(0, &frames);
    heap_stats(-1, &heap);
    return frames.free + heap.frames;
}

static void run(uint64_t limit, uint32_t steps)
{
    user_start();
    uint64_t before = frames_held();
    REQUIRE(job_create(job_root, &payer) == OK);
    atomic_store(&payer->memory_limit, limit);
    memset(objects, 0, sizeof(objects));
    for (uint32_t s = 0; s < SPACES; s++) {
        REQUIRE(space_init(&spaces[s].space, payer) == OK);
        for (uint32_t i = 0; i < SHOWN; i++)
            spaces[s].shown[i].object = NOTHING;
    }
    for (uint32_t i = 0; i < steps; i++) {
        step();
        if (i % 50 == 0)
            check();
    }
    check();
    end();
    EXPECT(frames_held() == before);
}

TEST(space_random_calls_agree_with_arrays)
{
    run(JOB_NO_LIMIT, 20000);
}

TEST(space_random_calls_with_dirty_marks)
{
    host_mark_dirty(true);
    run(JOB_NO_LIMIT, 20000);
}

TEST(space_random_calls_bear_a_small_budget)
{
    for (uint64_t pages = 30; pages < 150; pages += 10)
        run(pages * PAGE_SIZE, 1500);
}
