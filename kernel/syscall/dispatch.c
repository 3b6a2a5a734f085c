/*
 * From a call's registers to its handler, and back: one unpacking function per entry of
 * abi/syscall.def, made here by the preprocessor, and the table of them.
 */
#include "lib/assert.h"
#include "obj/thread.h"
#include "sched/cpu.h"
#include "syscall/call.h"

/* The next argument: words 0 to 5, then operands 1 to 3. `at` is constant where this is used. */
static inline uint64_t argument_at(const struct trap_frame *frame, unsigned at)
{
    return at < MESSAGE_WORDS ? frame_word(frame, at)
                              : frame_operand(frame, at - MESSAGE_WORDS + 1);
}

/* Its variables, filled from the registers. */
#define TAKE(way, type, name)    TAKE_##way(type, name) SYSCALL_GO_##way(TAKE_ON)
#define TAKE_ON(way, type, name) TAKE_##way(type, name) SYSCALL_GO_##way(TAKE)
#define TAKE_on(type, name)                                                                        \
    struct slot *name;                                                                             \
    error_t refusal = slot_lookup(                                                                 \
        &caller->process->table, REGISTER_TO(type, frame_operand(frame, 0)), right_wanted, &name); \
    struct object *held = refusal == OK ? slot_hold(name) : NULL;                                  \
    if (held == NULL)                                                                              \
        return refusal != OK ? (outcome_t)refusal : (outcome_t)ERR_bad_slot;
#define TAKE_in(type, name)  type name = REGISTER_TO(type, argument_at(frame, words_in++));
#define TAKE_out(type, name) type name;
#define TAKE_end(type, name)

/* The object stays live during the call. */
#define DROP(way, type, name)    DROP_##way SYSCALL_GO_##way(DROP_ON)
#define DROP_ON(way, type, name) DROP_##way SYSCALL_GO_##way(DROP)
#define DROP_on                  object_put(held);
#define DROP_in
#define DROP_out
#define DROP_end

/* What its handler is given. */
#define PASS(way, type, name)    PASS_##way(name) SYSCALL_GO_##way(PASS_ON)
#define PASS_ON(way, type, name) PASS_##way(name) SYSCALL_GO_##way(PASS)
#define PASS_on(name)            , name
#define PASS_in(name)            , name
#define PASS_out(name)           , &name
#define PASS_end(name)

/* Its results, into the registers. */
#define GIVE(way, type, name)    GIVE_##way(type, name) SYSCALL_GO_##way(GIVE_ON)
#define GIVE_ON(way, type, name) GIVE_##way(type, name) SYSCALL_GO_##way(GIVE)
#define GIVE_on(type, name)
#define GIVE_in(type, name)
#define GIVE_out(type, name) frame_set_word(frame, words_out++, REGISTER_OF(type, name));
#define GIVE_end(type, name)

#define SYSCALL(number, name, manner, right_name, text, parameters, errors)                        \
    static outcome_t call_##name(struct cpu *self, struct thread *caller)                          \
    {                                                                                              \
        const uint32_t right_wanted = RIGHT_##right_name;                                          \
        struct trap_frame *frame = &caller->frame;                                                 \
        unsigned words_in = 0, words_out = 0;                                                      \
        TAKE parameters(end, , );                                                                  \
        outcome_t outcome = sys_##name(caller PASS parameters(end, , ));                           \
        DROP parameters(end, , );                                                                  \
        if (outcome != OK)                                                                         \
            return outcome;                                                                        \
        GIVE parameters(end, , );                                                                  \
        (void)self, (void)right_wanted, (void)frame, (void)words_in, (void)words_out;              \
        return OK;                                                                                 \
    }
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors)
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL

static outcome_t call_none(struct cpu *self, struct thread *thread)
{
    (void)self, (void)thread;
    return ERR_no_call;
}

/*
 * One for each number that a control word can have, so that none need be checked. Two entries with
 * one number do not compile (abi/syscall.h).
 */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
const syscall_t syscall_table[CONTROL_NUMBERS] = {
    [0 ... CONTROL_NUMBERS - 1] = call_none,
#define SYSCALL(number, name, manner, right, text, parameters, errors)     [number] = call_##name,
#define RAW_SYSCALL(number, name, manner, right, text, parameters, errors) [number] = sys_##name,
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};
#pragma clang diagnostic pop

#define E(name) | UINT64_C(1) << ERR_##name
static const uint64_t call_errors[SYSCALL_LIMIT] = {
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    [number] = UINT64_C(1) << OK | UINT64_C(1) << ERR_no_call errors,
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
};
_Static_assert(ERR_COUNT <= 64, "a set of errors is one word");

/* Who asks for a right can be refused it, and can be given a slot that is empty. */
#define REFUSALS (UINT64_C(1) << ERR_denied | UINT64_C(1) << ERR_bad_slot)
#define SYSCALL(number, name, manner, right, text, parameters, errors)                             \
    _Static_assert(RIGHT_##right == RIGHT_none || ((UINT64_C(0) errors) & REFUSALS) == REFUSALS,   \
                   #name ": its errors");
#define RAW_SYSCALL SYSCALL
#include <syscall.def>
#undef SYSCALL
#undef RAW_SYSCALL
#undef E

bool syscall_may_return(uint64_t number, error_t error)
{
    return number < SYSCALL_LIMIT && (unsigned)error < ERR_COUNT &&
           (call_errors[number] >> error & 1) != 0;
}

void syscall_check(uint64_t number, outcome_t outcome)
{
    assert(outcome < 0 || outcome == ERR_no_call || syscall_may_return(number, (error_t)outcome));
}
