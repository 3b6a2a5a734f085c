/*
 * Calls of services: what both sides of every protocol have in common.
 *
 * A protocol is a list, abi/ipc/NAME.def, of CALL(number, name, manner, sentence, parameters).
 * Manner: REPEATABLE calls may be made again when it is not known whether they were taken; ONCE
 * ones may not. Parameters, each (way, type, name):
 *
 *     in    a word, in the order of words         out   the same in the answer
 *     text  a string in the message page, one     give  a capability: the server's if it says OK
 *                                                 take  the same in the answer
 *
 * The label is the call's number; word 0 of an answer is its error (abi/error.def). From the list
 * come
 *
 *     client:  #define IPC_PROTOCOL NAME
 *              #define IPC_LIST <ipc/NAME.def>
 *              #include "rt/ipc_client.h"      NAME_CALL(port, page, parameters...)
 *     server:  #include "rt/ipc_server.h"      NAME_dispatch(context, ipc), which checks the form
 * and calls NAME_serve_CALL(context, ipc, parameters...)
 */
#ifndef RT_IPC_H
#define RT_IPC_H

#include "lib/string.h"
#include "sys/call.h"
#include "sys/message.h"

#define IPC_TEXT_MAX 256 /* bytes of a string, its end included */

/* What a server's handler says that answers later, by ipc_answer: no error's number. */
#define IPC_LATER ERR_COUNT

/* A call on either side. */
struct ipc {
    struct message message;
    void *page;           /* the calling thread's message page */
    uint32_t words, caps; /* how many were put or got so far */
    slot_t cap[MESSAGE_CAPS_MAX];
};

/* --- putting --- */

static inline void ipc_put(struct ipc *ipc, uint64_t word)
{
    ipc->message.word[ipc->words++] = word;
}

static inline void ipc_put_cap(struct ipc *ipc, slot_t slot)
{
    ipc->cap[ipc->caps++] = slot;
}

/* What is too long is cut, and the server finds no end. */
static inline void ipc_put_text(struct ipc *ipc, const char *text)
{
    size_t size = strlen(text) + 1;
    ipc->message.bytes = (uint32_t)(size < IPC_TEXT_MAX ? size : IPC_TEXT_MAX);
    memcpy(ipc->page, text, ipc->message.bytes);
}

/* Capabilities stand in the last words. */
static inline void ipc_seal(struct ipc *ipc)
{
    ipc->message.caps = (uint8_t)ipc->caps;
    for (uint32_t i = 0; i < ipc->caps; i++)
        ipc->message.word[MESSAGE_WORDS - ipc->caps + i] = ipc->cap[i].value;
}

/* --- getting --- */

static inline uint64_t ipc_get(struct ipc *ipc)
{
    return ipc->message.word[ipc->words++];
}

static inline slot_t ipc_get_cap(struct ipc *ipc)
{
    return (slot_t){ipc->message.word[MESSAGE_WORDS - ipc->message.caps + ipc->caps++]};
}

/* NULL: there is no string. It stays in the page until the next message. */
static inline const char *ipc_get_text(const struct ipc *ipc)
{
    const char *text = ipc->page;
    uint32_t size = ipc->message.bytes;
    return size != 0 && size <= IPC_TEXT_MAX && text[size - 1] == 0 ? text : NULL;
}

/* Gives up capabilities that came with a message. */
static inline void ipc_caps_drop(const struct message *message)
{
    for (uint32_t i = 0; i < message->caps; i++) {
        slot_t slot = {message->word[MESSAGE_WORDS - message->caps + i]};
        if (slot.value != 0)
            (void)tern_cap_delete(slot);
    }
}

/* The answer as a message: the error, results behind it (ipc->words), capabilities moved. */
static inline void ipc_answer(struct ipc *ipc, error_t error)
{
    ipc->message.label = 0;
    ipc->message.word[0] = (uint64_t)error;
    ipc->message.bytes = 0;
    ipc_seal(ipc);
    ipc->message.moved = (uint8_t)((1u << ipc->caps) - 1);
}

/* --- calling --- */

/* The call and its answer's error; what the answer must bring: `caps` capabilities. */
static inline error_t ipc_call(struct ipc *ipc, slot_t port, uint32_t caps)
{
    ipc_seal(ipc);
    error_t error = tern_port_call(port, &ipc->message, DEADLINE_NEVER);
    if (error != OK)
        return error;
    ipc->words = ipc->caps = 0;
    error = (error_t)ipc_get(ipc);
    if (ipc->message.caps == (error == OK ? caps : 0))
        return error;
    ipc_caps_drop(&ipc->message);
    return error != OK ? error : ERR_malformed;
}

/* Goes on with the next parameter, or ends. */
#define IPC_GO_in(next)   next
#define IPC_GO_out(next)  next
#define IPC_GO_text(next) next
#define IPC_GO_give(next) next
#define IPC_GO_take(next) next
#define IPC_GO_end(next)

#define IPC_JOIN_(a, b)    a##_##b
#define IPC_JOIN(a, b)     IPC_JOIN_(a, b)
#define IPC_JOIN3(a, b, c) IPC_JOIN(a, IPC_JOIN(b, c))

/* How many capabilities go one way: 0 IPC_GIVES parameters(end, , ). */
#define IPC_GIVES(way, type, name)    IPC_GIVES_##way IPC_GO_##way(IPC_GIVES_ON)
#define IPC_GIVES_ON(way, type, name) IPC_GIVES_##way IPC_GO_##way(IPC_GIVES)
#define IPC_GIVES_in
#define IPC_GIVES_out
#define IPC_GIVES_text
#define IPC_GIVES_give +1
#define IPC_GIVES_take
#define IPC_GIVES_end
#define IPC_TAKES(way, type, name)    IPC_TAKES_##way IPC_GO_##way(IPC_TAKES_ON)
#define IPC_TAKES_ON(way, type, name) IPC_TAKES_##way IPC_GO_##way(IPC_TAKES)
#define IPC_TAKES_in
#define IPC_TAKES_out
#define IPC_TAKES_text
#define IPC_TAKES_give
#define IPC_TAKES_take +1
#define IPC_TAKES_end

/* Formal parameters behind others. */
#define IPC_FORMAL(way, type, name)    IPC_FORMAL_##way(type, name) IPC_GO_##way(IPC_FORMAL_ON)
#define IPC_FORMAL_ON(way, type, name) IPC_FORMAL_##way(type, name) IPC_GO_##way(IPC_FORMAL)
#define IPC_FORMAL_in(type, name)      , type name
#define IPC_FORMAL_out(type, name)     , type *name
#define IPC_FORMAL_text(type, name)    , type name
#define IPC_FORMAL_give(type, name)    , type name
#define IPC_FORMAL_take(type, name)    , type *name
#define IPC_FORMAL_end(type, name)

#endif
