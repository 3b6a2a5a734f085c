/*
 * The system calls as data, for programs that make calls out of numbers: what each parameter is and
 * where it goes, which right is asked for, which errors may come. From abi/syscall.def.
 */
#ifndef FORMS_H
#define FORMS_H

#include "lib/string.h"
#include "lib/types.h"
#include "sys/call.h"

enum form_way { FORM_none, FORM_on, FORM_in, FORM_out, FORM_at1, FORM_at2, FORM_at3 };
enum form_type { FORM_NUMBER, FORM_SLOT, FORM_RIGHTS, FORM_ADDRESS };

struct form_parameter {
    uint8_t way, type;
    const char *name;
};

struct form {
    const char *name; /* NULL: there is no such call */
    uint8_t manner;   /* enum syscall_manner */
    bool raw;         /* takes a message */
    uint32_t right;   /* 0: none */
    uint64_t errors;  /* a bit each */
    struct form_parameter parameters[1 + SYSCALL_WORDS_IN + SYSCALL_WORDS_OUT];
};

#define FORM(way, type, name)      FORM_TUPLE_##way(way, type, name) SYSCALL_GO_##way(FORM_NEXT)
#define FORM_NEXT(way, type, name) FORM_TUPLE_##way(way, type, name) SYSCALL_GO_##way(FORM)
#define FORM_TUPLE(way, type, name)                                                                \
    {FORM_##way,                                                                                   \
     _Generic((type *)NULL,                                                                        \
         slot_t *: FORM_SLOT,                                                                      \
         rights_t *: FORM_RIGHTS,                                                                  \
         uaddr_t *: FORM_ADDRESS,                                                                  \
         default: FORM_NUMBER),                                                                    \
     #name},
#define FORM_TUPLE_on                   FORM_TUPLE
#define FORM_TUPLE_in                   FORM_TUPLE
#define FORM_TUPLE_out                  FORM_TUPLE
#define FORM_TUPLE_at1                  FORM_TUPLE
#define FORM_TUPLE_at2                  FORM_TUPLE
#define FORM_TUPLE_at3                  FORM_TUPLE
#define FORM_TUPLE_end(way, type, name) {0},
#define E(name)                         | UINT64_C(1) << ERR_##name
#define FORM_ROW(call, manner, is_raw, right, parameters, errors)                                  \
    {#call,                                                                                        \
     SYSCALL_##manner,                                                                             \
     is_raw,                                                                                       \
     RIGHT_##right,                                                                                \
     UINT64_C(1) << ERR_ok errors,                                                                 \
     {FORM parameters(end, , )}},
static const struct form forms[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    [number] = FORM_ROW(name, manner, false, right, parameters, errors)
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors)                         \
    [number] = FORM_ROW(name, manner, true, right, parameters, errors)
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};
#undef E

/* Where the value of a parameter is; *in counts the words given so far. */
static inline uint64_t *form_place(struct abi_call *call, const struct form_parameter *parameter,
                                   unsigned *in)
{
    switch (parameter->way) {
    case FORM_on:
        return &call->operand[0];
    case FORM_in:
        return abi_argument(call, (*in)++);
    default:
        return &call->operand[parameter->way - FORM_at1 + 1];
    }
}

static inline bool form_lists(const struct form *form, error_t error)
{
    return (unsigned)error < 64 && (form->errors >> error & 1) != 0;
}

static inline bool form_same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* The kind that a parameter is about, by its name; OBJECT_NONE: that does not say. */
static inline uint64_t form_kind(const struct form *form, const char *name)
{
    static const char *const names[OBJECT_KINDS] = {
#define OBJECT(number, kind, exportable, text) [number] = #kind,
#include <object.def>
#undef OBJECT
    };
    if (form_same(name, "to") || form_same(name, "from"))
        return strncmp(form->name, "space", 5) == 0 ? OBJECT_process : OBJECT_memory;
    for (uint64_t kind = 1; kind < OBJECT_KINDS; kind++)
        if (names[kind] != NULL && form_same(name, names[kind]))
            return kind;
    return OBJECT_NONE;
}

#endif
