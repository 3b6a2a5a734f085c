/*
 * What every view of the list of system calls (syscall.def) needs: numbers, sizes, a way through
 * the parameters of an entry, and the checks that no view should have to make again.
 *
 * The parameters of an entry are tuples in a row. A view walks them by two macros that name each
 * other, for each what it wants of a tuple:
 *
 *     #define SHOW(way, type, name)    SHOW_##way(type, name) SYSCALL_GO_##way(SHOW_ON)
 *     #define SHOW_ON(way, type, name) SHOW_##way(type, name) SYSCALL_GO_##way(SHOW)
 *     ... SHOW parameters (end, , ) ...
 *
 * with SHOW_on, SHOW_in, SHOW_out, SHOW_at1, SHOW_at2, SHOW_at3 and SHOW_end.
 */
#ifndef ABI_SYSCALL_H
#define ABI_SYSCALL_H

#include <abi.h>

#define SYSCALL_LIMIT   64  /* numbers are below */
#define DEBUG_WRITE_MAX 256 /* bytes of one debug_write */

#define SYSCALL_WORDS_IN  (MESSAGE_WORDS + 3) /* words, then operands 1 to 3 */
#define SYSCALL_WORDS_OUT MESSAGE_WORDS

enum { RIGHT_none = 0 };

enum syscall_manner { SYSCALL_ATOMIC, SYSCALL_WAITS, SYSCALL_LONG };

/* Goes on with the next tuple, or ends. */
#define SYSCALL_GO_on(next)  next
#define SYSCALL_GO_in(next)  next
#define SYSCALL_GO_out(next) next
#define SYSCALL_GO_at1(next) next
#define SYSCALL_GO_at2(next) next
#define SYSCALL_GO_at3(next) next
#define SYSCALL_GO_end(next)

enum syscall_number {
#define SYSCALL(number, name, manner, right, text, parameters, errors) CALL_##name = (number),
#define RAW_SYSCALL                                                    SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};

/* A value of one of the ABI's types as a register has it, and back. */
#define REGISTER_OF(type, value)                                                                   \
    ((union {                                                                                      \
         type typed;                                                                               \
         uint64_t raw;                                                                             \
     }){.typed = (value)}                                                                          \
         .raw)
#define REGISTER_TO(type, value)                                                                   \
    ((union {                                                                                      \
         uint64_t raw;                                                                             \
         type typed;                                                                               \
     }){.raw = (value)}                                                                            \
         .typed)

/* Numbers in range, each type exactly a register, no more parameters than registers. */
#define CHECK(way, type, name)    CHECK_##way(type) SYSCALL_GO_##way(CHECK_ON)
#define CHECK_ON(way, type, name) CHECK_##way(type) SYSCALL_GO_##way(CHECK)
#define CHECK_TYPE(type)          &&sizeof(type) == sizeof(uint64_t)
#define CHECK_on(type)            CHECK_TYPE(type)
#define CHECK_in(type)            CHECK_TYPE(type)
#define CHECK_out(type)           CHECK_TYPE(type)
#define CHECK_at1(type)           CHECK_TYPE(type)
#define CHECK_at2(type)           CHECK_TYPE(type)
#define CHECK_at3(type)           CHECK_TYPE(type)
#define CHECK_end(type)
#define COUNT_IN(way, type, name)     COUNT_IN_##way SYSCALL_GO_##way(COUNT_IN_ON)
#define COUNT_IN_ON(way, type, name)  COUNT_IN_##way SYSCALL_GO_##way(COUNT_IN)
#define COUNT_OUT(way, type, name)    COUNT_OUT_##way SYSCALL_GO_##way(COUNT_OUT_ON)
#define COUNT_OUT_ON(way, type, name) COUNT_OUT_##way SYSCALL_GO_##way(COUNT_OUT)
#define COUNT_IN_on
#define COUNT_IN_in +1
#define COUNT_IN_out
#define COUNT_IN_at1
#define COUNT_IN_at2
#define COUNT_IN_at3
#define COUNT_IN_end
#define COUNT_OUT_on
#define COUNT_OUT_in
#define COUNT_OUT_out +1
#define COUNT_OUT_at1
#define COUNT_OUT_at2
#define COUNT_OUT_at3
#define COUNT_OUT_end
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    _Static_assert((number) >= 0 && (number) < SYSCALL_LIMIT, #name ": its number");               \
    _Static_assert(1 CHECK parameters(end, , ), #name ": types of 8 bytes");                       \
    _Static_assert(0 COUNT_IN parameters(end, , ) <= SYSCALL_WORDS_IN, #name ": arguments");       \
    _Static_assert(0 COUNT_OUT parameters(end, , ) <= SYSCALL_WORDS_OUT, #name ": results");
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL

#endif
