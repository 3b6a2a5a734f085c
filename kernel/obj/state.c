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

/* The fields of a part that may be set; false if there is no such part, or it has no list. */
static bool part_fields(uint32_t kind, uint64_t part, bool import, uint64_t *fields, uint64_t *size)
{
    const uint8_t *how = field_hows;
    for (size_t i = 0; i < COUNT_OF(parts); how += parts[i++].words) {
        if (parts[i].kind != kind || parts[i].part != part)
            continue;
        *fields = 0;
        *size = parts[i].words * sizeof(uint64_t);
        for (uint32_t j = 0; j < parts[i].words; j++)
            if (how[j] == HOW_set || (how[j] == HOW_import && import))
                *fields |= UINT64_C(1) << j;
        return true;
    }
    return false;
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
    uint64_t allowed = 0, size = state->size;
    if (ops == NULL || ops->set == NULL)
        return ERR_unsupported;
    if (part_fields(object->kind, state->part, import, &allowed, &size) && (fields & ~allowed) != 0)
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
