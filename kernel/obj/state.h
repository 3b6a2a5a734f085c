/*
 * State in and out: what abi/state.def lists, by kind of object (state_*.c, one file per kind).
 *
 * Reading writes a part into the caller's message page; setting reads it from a copy. Only what the
 * list allows reaches a kind's `set`: the rights and the fields have been checked (state.c).
 */
#pragma once

#include "lib/error.h"
#include "obj/object.h"
#include "obj/thread.h"
#include <state.h>

struct slot;

/* A piece of state on its way. */
struct state {
    uint64_t part;
    uint64_t index; /* get: where to look from; then where to go on */
    uint64_t size;  /* bytes at `data`; get: 0 if there is nothing here, but further on */
    void *data;     /* MESSAGE_PAGE bytes of the kernel's own, or of the caller's message page */
};

/* What object_open found: an object with a reference, or a slot. */
struct state_link {
    struct object *object;
    struct slot *source; /* derive from this one; or NULL */
    rights_t rights;
};

struct state_ops {
    uint32_t set_right; /* besides write */
    error_t (*get)(struct object *object, struct state *state);
    error_t (*set)(struct thread *caller, struct object *object, uint64_t fields,
                   const struct state *state);
    error_t (*open)(struct object *object, uint64_t link, uint64_t *index,
                    struct state_link *found);
};

extern const struct state_ops job_state, process_state, thread_state, memory_state, port_state;
extern const struct state_ops reply_state, timer_state;

/* Reads a part. bad_argument: no such part; not_found: nothing at or behind the index; busy. */
error_t state_get(struct object *object, struct state *state);

/* Sets fields of a part; `import`: also those that need it. An error may come after some were set.
 */
error_t state_set(struct thread *caller, struct object *object, uint64_t fields, bool import,
                  const struct state *state);

/* The right that object_set needs besides write. */
uint32_t state_set_right(const struct object *object);

error_t state_open(struct object *object, uint32_t rights, uint64_t link, uint64_t *index,
                   struct state_link *found);

/* --- for the kinds --- */

#define STATE_SETS(kind, part, name) ((fields & STATE_BIT(kind, part, name)) != 0)

/* What a field of type object_t shows. */
static inline object_t state_identity(const struct object *object)
{
    return (object_t){object != NULL ? object->identity : 0};
}

/* What it names when it is set: the caller's capability with the rights; NULL for 0. */
error_t state_argument(const struct thread *caller, object_t argument, enum object_kind kind,
                       uint32_t rights, struct slot **slot);

/* The parts registers and fpu of a thread that stands, or is owned (state_thread.c). */
error_t state_get_registers(struct thread *thread, struct state *state);
error_t state_set_registers(struct thread *thread, const struct state *state);

/* Takes a reference, if there is an object, for object_open: not_found, else OK. */
error_t state_found(struct object *object, uint32_t rights, struct state_link *found);
