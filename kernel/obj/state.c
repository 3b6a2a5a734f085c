/* State in and out: which parts and fields there are, and who may set them (state.h). */
#include "obj/state.h"
#include "cap/slot.h"
#include "lib/assert.h"

/* Each kind that can be exported, and no other, has a state. */
static const struct state_ops *const state_kinds[OBJECT_KINDS] = {
#define STATE_true(name)                       &name##_state
#define STATE_false(name)                      NULL
#define OBJECT(number, name, exportable, text) [number] = STATE_##exportable(name),
#include <object.def>
#undef OBJECT
};

/* All fields in a row, and where each part's begin and end. */
enum { HOW_read, HOW_set, HOW_import };
static const uint8_t field_hows[] = {
#define STATE(kind, part, number, text)
#define FIELD(how, type, name, text) HOW_##how,
#define END(kind, part)
#define LINK(kind, number, name, right, text)
#include <state.def>
#undef STATE
#undef FIELD
};

static const struct state_part {
    uint8_t kind, part, words;
} parts[] = {
#define STATE(kind, part, number, text)                                                            \
    {OBJECT_##kind, number, sizeof(struct state_##kind##_##part) / sizeof(uint64_t)},
#define FIELD(how, type, name, text)
#include <state.def>
#undef STATE
#undef LINK
};

static const struct {
    uint8_t kind, number;
    uint32_t right;
} links[] = {
#define LINK(kind, number, name, right, text) {OBJECT_##kind, number, RIGHT_##right},
#define STATE(kind, part, number, text)
#include <state.def>
#undef STATE
#undef FIELD
#undef END
#undef LINK
};

/* May these fields of a part be set? Any of one that has no list. Stores how large it must be. */
static bool fields_allowed(uint32_t kind, uint64_t part, uint64_t fields, bool import,
                           uint64_t *size)
{
    const uint8_t *how = field_hows;
    size_t i = 0;
    while (i < COUNT_OF(parts) && (parts[i].kind != kind || parts[i].part != part))
        how += parts[i++].words;
    if (i == COUNT_OF(parts))
        return true;
    *size = parts[i].words * sizeof(uint64_t);
    for (; fields != 0; fields &= fields - 1) {
        uint32_t field = (uint32_t)__builtin_ctzll(fields);
        if (field >= parts[i].words || how[field] == HOW_read ||
            (how[field] == HOW_import && !import))
            return false;
    }
    return true;
}

static const struct state_ops *ops_of(const struct object *object)
{
    assert(object->kind < OBJECT_KINDS);
    return state_kinds[object->kind];
}

error_t state_get(struct object *object, struct state *state)
{
    const struct state_ops *ops = ops_of(object);
    return ops != NULL ? ops->get(object, state) : ERR_unsupported;
}

uint32_t state_set_right(const struct object *object)
{
    const struct state_ops *ops = ops_of(object);
    return RIGHT_write | (ops != NULL ? ops->set_right : 0);
}

error_t state_set(struct thread *caller, struct object *object, uint64_t fields, bool import,
                  const struct state *state)
{
    const struct state_ops *ops = ops_of(object);
    uint64_t size = state->size;
    if (ops == NULL || ops->set == NULL)
        return ERR_unsupported;
    if (!fields_allowed(object->kind, state->part, fields, import, &size))
        return ERR_denied;
    return state->size < size ? ERR_bad_argument : ops->set(caller, object, fields, state);
}

error_t state_open(struct object *object, uint32_t rights, uint64_t link, uint64_t *index,
                   struct state_link *found)
{
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        if (links[i].kind != object->kind || links[i].number != link)
            continue;
        if ((rights & links[i].right) == 0)
            return ERR_denied;
        *found = (struct state_link){.rights = {rights}};
        return ops_of(object)->open(object, link, index, found);
    }
    return ERR_bad_argument;
}

error_t state_argument(const struct thread *caller, object_t argument, enum object_kind kind,
                       uint32_t rights, struct slot **slot)
{
    *slot = NULL;
    if (argument.value == 0)
        return OK;
    error_t error = slot_lookup(&caller->process->table, (slot_t){argument.value}, rights, slot);
    return error == OK && slot_kept(*slot)->kind != kind ? ERR_bad_argument : error;
}

error_t state_found(struct object *object, uint32_t rights, struct state_link *found)
{
    if (object == NULL || !object_try_get(object))
        return ERR_not_found;
    found->object = object;
    found->rights.bits = rights;
    return OK;
}
