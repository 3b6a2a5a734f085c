/*
 * The system calls as functions: tern_NAME(arguments..., results...), made from abi/syscall.def.
 * Results are written only if the call returns OK. Calls with messages are in sys/message.h.
 */
#ifndef SYS_CALL_H
#define SYS_CALL_H

#include "lib/error.h"
#include <abi_arch.h>
#include <syscall.h>

/* Where an argument goes: words 0 to 5, then operands 1 to 3. */
static inline __attribute__((always_inline)) uint64_t *abi_argument(struct abi_call *call,
                                                                    unsigned at)
{
    return at < MESSAGE_WORDS ? &call->word[at] : &call->operand[at - MESSAGE_WORDS + 1];
}

static inline error_t abi_status(const struct abi_call *call)
{
    return (error_t)(call->control & 0xff);
}

/* The formal parameters, with commas between them. */
#define FORMAL(way, type, name)      FORMAL_##way(type, name) SYSCALL_GO_##way(FORMAL_ON)
#define FORMAL_ON(way, type, name)   COMMA_##way(type, name) SYSCALL_GO_##way(FORMAL_NEXT)
#define FORMAL_NEXT(way, type, name) COMMA_##way(type, name) SYSCALL_GO_##way(FORMAL_ON)
#define FORMAL_on(type, name)        type name
#define FORMAL_in(type, name)        type name
#define FORMAL_out(type, name)       type *name
#define FORMAL_end(type, name)       void
#define COMMA_on(type, name)         , type name
#define COMMA_in(type, name)         , type name
#define COMMA_out(type, name)        , type *name
#define COMMA_end(type, name)

/* The arguments, into the registers. */
#define PUT(way, type, name)    PUT_##way(type, name) SYSCALL_GO_##way(PUT_ON)
#define PUT_ON(way, type, name) PUT_##way(type, name) SYSCALL_GO_##way(PUT)
#define PUT_on(type, name)      abi.operand[abi_on++] = REGISTER_OF(type, name);
#define PUT_in(type, name)      *abi_argument(&abi, abi_in++) = REGISTER_OF(type, name);
#define PUT_out(type, name)
#define PUT_end(type, name)

/* The results, out of them. */
#define GET(way, type, name)    GET_##way(type, name) SYSCALL_GO_##way(GET_ON)
#define GET_ON(way, type, name) GET_##way(type, name) SYSCALL_GO_##way(GET)
#define GET_on(type, name)
#define GET_in(type, name)
#define GET_out(type, name) *name = REGISTER_TO(type, abi.word[abi_out++]);
#define GET_end(type, name)

#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    static inline error_t tern_##name(FORMAL parameters(end, , ))                                  \
    {                                                                                              \
        struct abi_call abi = {.control = (number)};                                               \
        unsigned abi_on = 0, abi_in = 0, abi_out = 0;                                              \
        PUT parameters(end, , );                                                                   \
        abi_call_short(&abi, abi_in > MESSAGE_WORDS ? abi_in - MESSAGE_WORDS + 1 : abi_on,         \
                       abi_in);                                                                    \
        if (abi_status(&abi) == OK) {                                                              \
            GET parameters(end, , );                                                               \
        }                                                                                          \
        (void)abi_out;                                                                             \
        return abi_status(&abi);                                                                   \
    }
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors)
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL

#undef FORMAL
#undef FORMAL_ON
#undef FORMAL_NEXT
#undef FORMAL_on
#undef FORMAL_in
#undef FORMAL_out
#undef FORMAL_end
#undef COMMA_on
#undef COMMA_in
#undef COMMA_out
#undef COMMA_end
#undef PUT
#undef PUT_ON
#undef PUT_on
#undef PUT_in
#undef PUT_out
#undef PUT_end
#undef GET
#undef GET_ON
#undef GET_on
#undef GET_in
#undef GET_out
#undef GET_end

#endif
