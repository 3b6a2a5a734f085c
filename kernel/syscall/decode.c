/*
 * What a call's registers say, in words: for the trace and for panics. From abi/syscall.def.
 *
 *     cap_derive(source=12.3, rights=0x7, badge=0x0)
 */
#include "arch/user.h"
#include "lib/print.h"
#include "syscall/call.h"

enum parameter_way { WAY_none, WAY_on, WAY_in, WAY_out, WAY_at1, WAY_at2, WAY_at3 };

struct parameter {
    uint8_t way; /* enum parameter_way */
    bool slot;
    const char *name;
};

struct call_form {
    const char *name;
    struct parameter parameters[1 + SYSCALL_WORDS_IN + SYSCALL_WORDS_OUT];
};

#define FORM(way, type, name)    FORM_##way(way, type, name) SYSCALL_GO_##way(FORM_ON)
#define FORM_ON(way, type, name) FORM_##way(way, type, name) SYSCALL_GO_##way(FORM)
#define FORM_ONE(way, type, name)                                                                  \
    {WAY_##way, _Generic((type *)NULL, slot_t *: true, default: false), #name},
#define FORM_on(way, type, name)  FORM_ONE(way, type, name)
#define FORM_in(way, type, name)  FORM_ONE(way, type, name)
#define FORM_out(way, type, name) FORM_ONE(way, type, name)
#define FORM_at1(way, type, name) FORM_ONE(way, type, name)
#define FORM_at2(way, type, name) FORM_ONE(way, type, name)
#define FORM_at3(way, type, name) FORM_ONE(way, type, name)
#define FORM_end(way, type, name) {0},
static const struct call_form forms[SYSCALL_LIMIT] = {
#define SYSCALL(number, call, manner, right, text, parameters, errors)                             \
    [number] = {#call, {FORM parameters(end, , )}},
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};

const char *syscall_name(uint64_t number)
{
    return number < SYSCALL_LIMIT ? forms[number].name : NULL;
}

/* The register of a parameter; `in` counts those of the way WAY_in. */
static uint64_t parameter_value(const struct trap_frame *frame, const struct parameter *parameter,
                                unsigned *in)
{
    switch ((enum parameter_way)parameter->way) {
    case WAY_on:
        return frame_operand(frame, 0);
    case WAY_in:
        (*in)++;
        return *in <= MESSAGE_WORDS ? frame_word(frame, *in - 1)
                                    : frame_operand(frame, *in - MESSAGE_WORDS);
    case WAY_at1:
    case WAY_at2:
    case WAY_at3:
        return frame_operand(frame, (unsigned)parameter->way - WAY_at1 + 1);
    case WAY_none:
    case WAY_out:
        break;
    }
    return 0;
}

static void decode_parameters(struct text *out, const struct trap_frame *frame,
                              const struct parameter *parameter)
{
    unsigned in = 0;
    const char *comma = "";
    for (; parameter->way != WAY_none; parameter++) {
        if (parameter->way == WAY_out)
            continue;
        uint64_t value = parameter_value(frame, parameter, &in);
        text_add(out, "%s%s=", comma, parameter->name);
        if (parameter->slot)
            text_add(out, "%u.%u", (uint32_t)value, (uint32_t)(value >> 32));
        else
            text_add(out, "0x%lx", (unsigned long)value);
        comma = ", ";
    }
}

size_t syscall_decode(const struct trap_frame *frame, char *text, size_t size)
{
    struct text out = text_in(text, size);
    uint64_t number = control_number(frame_control(frame));
    const char *name = syscall_name(number);
    if (name == NULL) {
        text_add(&out, "call %u", (uint32_t)number);
        return out.length;
    }
    text_add(&out, "%s(", name);
    decode_parameters(&out, frame, forms[number].parameters);
    text_add(&out, ")");
    return out.length;
}
