/*
 * Memory objects and spaces as arrays, for the random test of all calls (space_random_test.c); the
 * half about objects is in memory_model.c.
 *
 * A page is modelled as WORDS words of its contents; the rest of it stays zero.
 */
#ifndef MEMORY_MODEL_H
#define MEMORY_MODEL_H

#include "obj/job.h"
#include "user_model.h"

#define OBJECTS     6
#define SPACES      3
#define OBJECT_MAX  48 /* pages */
#define SHOWN       128
#define WORDS       3
#define NOTHING     UINT32_MAX
#define FLAGS_COUNT 4

struct model_page {
    uint64_t words[WORDS];
    bool absent;
    bool written; /* since the last dirty round */
    uint32_t pins;
};

struct model_object {
    struct memory *memory; /* NULL: none */
    uint64_t pages;
    uint64_t since; /* dirty round */
    struct model_page page[OBJECT_MAX + 1];
};

struct model_shown {
    uint32_t object; /* NOTHING */
    uint32_t page, flags;
};

struct model_space {
    struct space space;
    struct model_shown shown[SHOWN];
};

extern struct model_object objects[OBJECTS];
extern struct model_space spaces[SPACES];
extern struct job *payer;
extern const uint64_t word_offset[WORDS];

uint32_t random_below(uint64_t bound);

static inline bool no_memory(error_t error)
{
    return error == ERR_no_memory;
}

/* One that is there or made now; NULL: no memory. */
struct model_object *object_some(void);

/* Random calls on objects, compared with the model. */
void step_write(struct model_object *object);
void step_read(struct model_object *object);
void step_commit(struct model_object *object);
void step_resize(struct model_object *object);
void step_clone(struct model_object *from, struct model_object *to);
void step_supply(struct model_object *from, struct model_object *to);
void step_pin(struct model_object *object);
void step_dirty(struct model_object *object);

/* Lets go of an object that no space shows. */
void step_drop(struct model_object *object);

/* References of all frames are as the objects show them. */
void check_references(void);

#endif
