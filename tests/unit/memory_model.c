/* Memory objects as arrays: random calls on them (memory_model.h). */
#include "memory_model.h"
#include "mem/frame.h"
#include "unit.h"

#include <string.h>

struct model_object objects[OBJECTS];
struct model_space spaces[SPACES];
struct job *payer;

const uint64_t word_offset[WORDS] = {0, 2040, PAGE_SIZE - 8};

uint32_t random_below(uint64_t bound)
{
    return (uint32_t)(unit_random() % bound);
}

static void object_new(uint32_t i)
{
    struct model_object *object = &objects[i];
    memset(object, 0, sizeof(*object));
    object->pages = 1 + random_below(OBJECT_MAX);
    if (memory_create(payer, object->pages * PAGE_SIZE, &object->memory) != OK)
        object->memory = NULL;
}

struct model_object *object_some(void)
{
    struct model_object *object = &objects[random_below(OBJECTS)];
    if (object->memory == NULL)
        object_new((uint32_t)(object - objects));
    return object->memory != NULL ? object : NULL;
}

static void page_set(struct model_page *page, const uint64_t words[WORDS])
{
    page->written |= memcmp(page->words, words, sizeof(page->words)) != 0;
    memcpy(page->words, words, sizeof(page->words));
    page->absent = false;
}

static void page_zero(struct model_page *page)
{
    static const uint64_t zeroes[WORDS];
    page_set(page, zeroes);
}

void step_write(struct model_object *object)
{
    uint32_t page = random_below(object->pages + 1), word = random_below(WORDS);
    uint64_t value = unit_random(), done;
    error_t error =
        memory_write(object->memory, page * PAGE_SIZE + word_offset[word], &value, 8, NULL, &done);
    if (page == object->pages || object->page[page].absent) {
        EXPECT(error == ERR_bad_address);
    } else if (error == OK) {
        object->page[page].words[word] = value;
        object->page[page].written = true;
    } else {
        EXPECT(no_memory(error));
    }
}

void step_read(struct model_object *object)
{
    uint32_t page = random_below(object->pages), word = random_below(WORDS);
    uint64_t value = 0, done;
    error_t error =
        memory_read(object->memory, page * PAGE_SIZE + word_offset[word], &value, 8, NULL, &done);
    if (object->page[page].absent)
        EXPECT(error == ERR_bad_address);
    else
        EXPECT(error == OK && value == object->page[page].words[word]);
}

void step_commit(struct model_object *object)
{
    uint64_t first = random_below(object->pages), count = 1 + random_below(object->pages - first);
    enum commit_mode mode = random_below(8) == 0 ? COMMIT_ABSENT : random_below(2);
    uint64_t done = 0;
    error_t error =
        memory_commit(object->memory, first * PAGE_SIZE, count * PAGE_SIZE, mode, NULL, &done);
    EXPECT(error == OK || no_memory(error) || error == ERR_busy || error == ERR_bad_address);
    EXPECT((error == OK) == (done > 0) && done <= count * PAGE_SIZE);
    for (uint64_t i = first; i < first + done / PAGE_SIZE; i++) {
        struct model_page *page = &object->page[i];
        EXPECT(mode != COMMIT_FILL || !page->absent);
        EXPECT(mode == COMMIT_FILL || page->pins == 0);
        if (mode != COMMIT_FILL)
            page_zero(page);
        page->absent = mode == COMMIT_ABSENT;
    }
}

void step_resize(struct model_object *object)
{
    uint64_t pages = 1 + random_below(OBJECT_MAX);
    error_t error = user_resize(object->memory, pages * PAGE_SIZE);
    if (error != OK) {
        EXPECT(error == ERR_busy);
        uint64_t now = memory_size(object->memory) >> PAGE_SHIFT;
        EXPECT(now == object->pages && pages < now);
        /* What lies behind the new end may be gone already: ask the object. */
        for (uint64_t i = pages; i < now; i++) {
            struct page_info info;
            EXPECT(memory_page_info(object->memory, i * PAGE_SIZE, &info) == OK);
            if (info.kind != PAGE_PRESENT)
                page_zero(&object->page[i]);
            object->page[i].absent = info.kind == PAGE_ABSENT;
        }
        return;
    }
    for (uint64_t i = pages; i <= OBJECT_MAX; i++) {
        memset(&object->page[i], 0, sizeof(object->page[i]));
        object->page[i].absent = object->memory->empty_absent;
    }
    for (uint64_t i = object->pages; i < pages; i++)
        object->page[i].absent = object->memory->empty_absent;
    object->pages = pages;
}

void step_clone(struct model_object *from, struct model_object *to)
{
    uint64_t from_first = random_below(from->pages), to_first = random_below(to->pages);
    uint64_t count = 1 + random_below(min_u64(from->pages - from_first, to->pages - to_first));
    uint64_t done = 0;
    if (random_below(2) == 0)
        (void)memory_commit(to->memory, to_first * PAGE_SIZE, count * PAGE_SIZE, COMMIT_ZERO, NULL,
                            &done);
    for (uint64_t i = to_first; i < to_first + done / PAGE_SIZE; i++)
        page_zero(&to->page[i]);
    struct model_page before[OBJECT_MAX];
    memcpy(before, from->page, sizeof(before));
    error_t error =
        memory_clone(from->memory, from_first * PAGE_SIZE, to->memory, to_first * PAGE_SIZE,
                     count * PAGE_SIZE, random_below(2) == 0 ? CLONE_ABSENT : 0, NULL, &done);
    EXPECT(error == OK || no_memory(error) || error == ERR_exists || error == ERR_bad_address);
    EXPECT((error == OK) == (done > 0));
    for (uint64_t i = 0; i < done / PAGE_SIZE; i++) {
        struct model_page *page = &to->page[to_first + i];
        EXPECT(page->pins == 0);
        page_set(page, before[from_first + i].words);
        page->absent = before[from_first + i].absent;
    }
}

void step_supply(struct model_object *from, struct model_object *to)
{
    uint64_t from_first = random_below(from->pages), to_first = random_below(to->pages);
    uint64_t count = 1 + random_below(min_u64(from->pages - from_first, to->pages - to_first));
    uint64_t done = 0;
    bool there[OBJECT_MAX];
    for (uint64_t i = 0; i < count; i++) {
        struct page_info info;
        EXPECT(memory_page_info(to->memory, (to_first + i) * PAGE_SIZE, &info) == OK);
        there[i] = info.kind == PAGE_PRESENT;
    }
    error_t error = memory_supply(to->memory, to_first * PAGE_SIZE, from->memory,
                                  from_first * PAGE_SIZE, count * PAGE_SIZE, NULL, &done);
    if (from == to)
        EXPECT(error == ERR_bad_argument);
    else
        EXPECT(error == OK || no_memory(error) || error == ERR_busy || error == ERR_bad_address);
    for (uint64_t i = 0; i < done / PAGE_SIZE; i++) {
        struct model_page *source = &from->page[from_first + i], *page = &to->page[to_first + i];
        EXPECT(!source->absent && source->pins == 0);
        if (!there[i])
            page_set(page, source->words);
        page_zero(source);
    }
}

void step_pin(struct model_object *object)
{
    uint32_t page = random_below(object->pages);
    if (object->page[page].pins > 0) {
        memory_unpin(object->memory, page * PAGE_SIZE);
        object->page[page].pins--;
        object->page[page].written = true;
        return;
    }
    phys_t frame;
    error_t error = memory_pin(object->memory, page * PAGE_SIZE, NULL, &frame);
    EXPECT(error == OK || no_memory(error) ||
           (error == ERR_bad_address && object->page[page].absent));
    object->page[page].pins += error == OK;
}

/* At least what was written is told of. */
void step_dirty(struct model_object *object)
{
    uint64_t bitmap = 0, since = object->since;
    EXPECT(memory_dirty(object->memory, since, 0, OBJECT_MAX, &bitmap, &object->since) == OK);
    for (uint64_t i = 0; i < object->pages; i++) {
        struct model_page *page = &object->page[i];
        bool told = (bitmap >> i & 1) != 0;
        EXPECT(told || since == 0 || (!page->written && page->pins == 0));
        page->written = false;
    }
}

void step_drop(struct model_object *object)
{
    for (uint64_t i = 0; i < object->pages; i++)
        for (; object->page[i].pins > 0; object->page[i].pins--)
            memory_unpin(object->memory, i * PAGE_SIZE);
    for (uint32_t s = 0; s < SPACES; s++)
        for (uint32_t i = 0; i < SHOWN; i++)
            if (spaces[s].shown[i].object == (uint32_t)(object - objects))
                return; /* it is still of use */
    object_put(&object->memory->object);
    object->memory = NULL;
}

void check_references(void)
{
    static uint32_t shown[8192];
    memset(shown, 0, sizeof(shown));
    for (uint32_t o = 0; o < OBJECTS; o++) {
        for (uint64_t i = 0; objects[o].memory != NULL && i < objects[o].pages; i++) {
            struct page_info info;
            EXPECT(memory_page_info(objects[o].memory, i * PAGE_SIZE, &info) == OK);
            if (info.kind == PAGE_PRESENT)
                shown[info.identity]++;
        }
    }
    for (uint32_t o = 0; o < OBJECTS; o++) {
        for (uint64_t i = 0; objects[o].memory != NULL && i < objects[o].pages; i++) {
            struct page_info info;
            EXPECT(memory_page_info(objects[o].memory, i * PAGE_SIZE, &info) == OK);
            if (info.kind == PAGE_PRESENT)
                EXPECT(frame_of(PHYS(info.identity << PAGE_SHIFT))->references ==
                       shown[info.identity]);
        }
    }
}
