/*
 * The server's side of a protocol (rt/ipc.h): NAME_dispatch, and the prototypes of what it calls.
 * Included once for each protocol, with IPC_PROTOCOL and IPC_LIST, which it undefines.
 *
 * NAME_dispatch takes a call that was received into ipc->message, and makes its answer there; what
 * has not the list's form is answered with bad_argument. IPC_LATER: the handler answers later.
 * Capabilities that came are the handler's if it says OK or IPC_LATER.
 */
#include "rt/ipc.h"

#define CALL(number, call, manner, sentence, parameters)                                           \
    static error_t IPC_JOIN3(IPC_PROTOCOL, serve,                                                  \
                             call)(void *context, struct ipc *ipc IPC_FORMAL parameters(end, , ));
#include IPC_LIST
#undef CALL

#define HAVE(way, type, name)    HAVE_##way(type, name) IPC_GO_##way(HAVE_ON)
#define HAVE_ON(way, type, name) HAVE_##way(type, name) IPC_GO_##way(HAVE)
#define HAVE_in(type, name)      type name = (type)ipc_get(ipc);
#define HAVE_text(type, name)                                                                      \
    type name = ipc_get_text(ipc);                                                                 \
    if (name == NULL)                                                                              \
        return ERR_bad_argument;
#define HAVE_give(type, name) slot_t name = ipc_get_cap(ipc);
#define HAVE_out(type, name)  type name = 0;
#define HAVE_take(type, name) slot_t name = {0};
#define HAVE_end(type, name)

#define PASS(way, type, name)    PASS_##way(name) IPC_GO_##way(PASS_ON)
#define PASS_ON(way, type, name) PASS_##way(name) IPC_GO_##way(PASS)
#define PASS_in(name)            , name
#define PASS_text(name)          , name
#define PASS_give(name)          , name
#define PASS_out(name)           , &name
#define PASS_take(name)          , &name
#define PASS_end(name)

#define TELL(way, type, name)    TELL_##way(name) IPC_GO_##way(TELL_ON)
#define TELL_ON(way, type, name) TELL_##way(name) IPC_GO_##way(TELL)
#define TELL_in(name)
#define TELL_text(name)
#define TELL_give(name)
#define TELL_out(name)  ipc_put(ipc, (uint64_t)(name));
#define TELL_take(name) ipc_put_cap(ipc, name);
#define TELL_end(name)

#define CALL(number, call, manner, sentence, parameters)                                           \
    static inline error_t IPC_JOIN3(IPC_PROTOCOL, run, call)(void *context, struct ipc *ipc)       \
    {                                                                                              \
        if (ipc->message.caps != 0 IPC_GIVES parameters(end, , ))                                  \
            return ERR_bad_argument;                                                               \
        ipc->words = ipc->caps = 0;                                                                \
        HAVE parameters(end, , );                                                                  \
        error_t error =                                                                            \
            IPC_JOIN3(IPC_PROTOCOL, serve, call)(context, ipc PASS parameters(end, , ));           \
        if (error != OK)                                                                           \
            return error;                                                                          \
        ipc->words = 1;                                                                            \
        ipc->caps = 0;                                                                             \
        TELL parameters(end, , );                                                                  \
        return OK;                                                                                 \
    }
#include IPC_LIST
#undef CALL

static inline error_t IPC_JOIN(IPC_PROTOCOL, dispatch)(void *context, struct ipc *ipc)
{
    const struct message came = ipc->message;
    error_t error = ERR_bad_argument;
    if (came.kind == MESSAGE_call)
        switch (came.label) {
#define CALL(number, call, manner, sentence, parameters)                                           \
    case (number):                                                                                 \
        error = IPC_JOIN3(IPC_PROTOCOL, run, call)(context, ipc);                                  \
        break;
#include IPC_LIST
#undef CALL
        default:
            break;
        }
    if (error == IPC_LATER)
        return error;
    if (error != OK) {
        ipc_caps_drop(&came);
        ipc->caps = 0;
    }
    ipc_answer(ipc, error);
    return error;
}

#undef HAVE
#undef HAVE_ON
#undef HAVE_in
#undef HAVE_text
#undef HAVE_give
#undef HAVE_out
#undef HAVE_take
#undef HAVE_end
#undef PASS
#undef PASS_ON
#undef PASS_in
#undef PASS_text
#undef PASS_give
#undef PASS_out
#undef PASS_take
#undef PASS_end
#undef TELL
#undef TELL_ON
#undef TELL_in
#undef TELL_text
#undef TELL_give
#undef TELL_out
#undef TELL_take
#undef TELL_end
#undef IPC_PROTOCOL
#undef IPC_LIST
