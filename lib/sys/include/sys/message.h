/*
 * Calls with messages: send, receive, call, answer, signal.
 *
 * A message is a label and six words; `bytes` of the sending thread's message page travel to the
 * receiver's; the last `caps` words are slots. What a receive brings says also what kind it is,
 * and the badge of the capability that it was sent by. The answer to a call is written into the
 * struct that made it.
 */
#ifndef SYS_MESSAGE_H
#define SYS_MESSAGE_H

#include "lib/error.h"
#include "sys/call.h"
#include <abi_arch.h>

struct message {
    uint64_t label;
    uint64_t word[MESSAGE_WORDS];
    uint32_t bytes;
    uint8_t caps;
    uint8_t moved;  /* which of the capabilities are moved: a bit each, when sending */
    uint8_t kind;   /* enum message_kind, when received */
    uint8_t way;    /* enum answer_way, in an answer to a held thread (or with ANSWER_RANGE, see
                     * message_range); of a kick, when received */
    uint64_t badge; /* when received */
};

static inline void message_put(struct abi_call *call, const struct message *message)
{
    call->control |= (uint64_t)message->bytes << CONTROL_BYTES_SHIFT |
                     (uint64_t)message->caps << CONTROL_CAPS_SHIFT |
                     (uint64_t)message->moved << CONTROL_MOVE_SHIFT |
                     (uint64_t)message->way << CONTROL_WAY_SHIFT;
    call->label = message->label;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        call->word[i] = message->word[i];
}

static inline void message_get(const struct abi_call *call, struct message *message)
{
    message->label = call->label;
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        message->word[i] = call->word[i];
    message->bytes = (uint32_t)control_bytes(call->control);
    message->caps = (uint8_t)control_caps(call->control);
    message->moved = 0; /* of what came: an answer made of it moves nothing unless it says so */
    message->kind = (uint8_t)control_kind(call->control);
    message->way = (uint8_t)control_way(call->control);
    message->badge = call->operand[0];
}

/*
 * Has the answer to a held thread write `size` bytes at `from` to its address `to` before it goes
 * on. If that fails, words 1 to 3 are what is left of them: the answer can be given again.
 */
static inline void message_range(struct message *message, uaddr_t to, const void *from,
                                 uint64_t size)
{
    message->way = (uint8_t)(message->way | ANSWER_RANGE);
    message->word[1] = to.va;
    message->word[2] = (uintptr_t)from;
    message->word[3] = size;
}

static inline void message_range_left(const struct abi_call *call, struct message *message)
{
    for (unsigned i = 1; i <= 3; i++)
        message->word[i] = call->word[i];
}

static inline error_t tern_port_send(slot_t port, const struct message *message, uint64_t deadline)
{
    struct abi_call call = {.control = CALL_port_send, .operand = {port.value, 0, deadline}};
    message_put(&call, message);
    abi_call(&call);
    return abi_status(&call);
}

/* Makes the call; what came, or what is left of an answer's range, goes into `message`. */
static inline error_t message_exchange(struct abi_call *call, struct message *message)
{
    abi_call(call);
    if (abi_status(call) == OK)
        message_get(call, message);
    else if ((message->way & ANSWER_RANGE) != 0)
        message_range_left(call, message);
    return abi_status(call);
}

static inline error_t tern_port_call(slot_t port, struct message *message, uint64_t deadline)
{
    struct abi_call call = {.control = CALL_port_call, .operand = {port.value, 0, deadline}};
    message_put(&call, message);
    return message_exchange(&call, message);
}

/* `reply` may be 0: calls are then refused with no_reply, to their senders. */
static inline error_t tern_port_receive(slot_t port, slot_t reply, struct message *message,
                                        uint64_t deadline)
{
    struct abi_call call = {.control = CALL_port_receive,
                            .operand = {port.value, reply.value, deadline}};
    return message_exchange(&call, message);
}

static inline error_t tern_port_reply_receive(slot_t port, slot_t reply, struct message *message,
                                              uint64_t deadline)
{
    struct abi_call call = {.control = CALL_port_reply_receive,
                            .operand = {port.value, reply.value, deadline}};
    message_put(&call, message);
    return message_exchange(&call, message);
}

static inline error_t tern_port_reply(slot_t reply, struct message *message)
{
    struct abi_call call = {.control = CALL_port_reply, .operand = {0, reply.value}};
    message_put(&call, message);
    abi_call(&call);
    if ((message->way & ANSWER_RANGE) != 0)
        message_range_left(&call, message);
    return abi_status(&call);
}

static inline error_t tern_port_signal(slot_t port, uint64_t bits)
{
    struct abi_call call = {.control = CALL_port_signal, .operand = {port.value}, .word = {bits}};
    abi_call(&call);
    return abi_status(&call);
}

/*
 * A call, or an answer and a receive (`number`), for the first `count` words and `bytes` of the
 * message page (both constant) and nothing else: no capabilities, no deadline. The other registers
 * go along as they are: only between parts that trust each other.
 */
static inline __attribute__((always_inline)) error_t words_exchange(uint64_t number, slot_t port,
                                                                    slot_t reply, uint64_t *words,
                                                                    unsigned count, uint64_t bytes)
{
    struct abi_call call = {.control = number | bytes << CONTROL_BYTES_SHIFT,
                            .operand = {port.value, reply.value, DEADLINE_NEVER}};
    for (unsigned i = 0; i < count; i++)
        call.word[i] = words[i];
    abi_call_short(&call, 3, count);
    for (unsigned i = 0; i < count; i++)
        words[i] = call.word[i];
    return abi_status(&call);
}

static inline __attribute__((always_inline)) error_t tern_port_call_short(slot_t port,
                                                                          uint64_t *words,
                                                                          unsigned count)
{
    return words_exchange(CALL_port_call, port, (slot_t){0}, words, count, 0);
}

static inline __attribute__((always_inline)) error_t tern_port_reply_receive_short(slot_t port,
                                                                                   slot_t reply,
                                                                                   uint64_t *words,
                                                                                   unsigned count)
{
    return words_exchange(CALL_port_reply_receive, port, reply, words, count, 0);
}

#endif
