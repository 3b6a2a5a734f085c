/*
 * The client's side of a protocol (rt/ipc.h): a function per call. Included once for each protocol,
 * with IPC_PROTOCOL and IPC_LIST, which it undefines.
 */
#include "rt/ipc.h"

#define PUT(way, type, name)    PUT_##way(type, name) IPC_GO_##way(PUT_ON)
#define PUT_ON(way, type, name) PUT_##way(type, name) IPC_GO_##way(PUT)
#define PUT_in(type, name)      ipc_put(&ipc, (uint64_t)(name));
#define PUT_text(type, name)    ipc_put_text(&ipc, name);
#define PUT_give(type, name)    ipc_put_cap(&ipc, name);
#define PUT_out(type, name)
#define PUT_take(type, name)
#define PUT_end(type, name)

#define GET(way, type, name)    GET_##way(type, name) IPC_GO_##way(GET_ON)
#define GET_ON(way, type, name) GET_##way(type, name) IPC_GO_##way(GET)
#define GET_in(type, name)
#define GET_text(type, name)
#define GET_give(type, name)
#define GET_out(type, name)  *name = (type)ipc_get(&ipc);
#define GET_take(type, name) *name = ipc_get_cap(&ipc);
#define GET_end(type, name)

#define CALL(number, call, manner, sentence, parameters)                                           \
    static inline error_t IPC_JOIN(IPC_PROTOCOL, call)(slot_t service,                             \
                                                       void *page IPC_FORMAL parameters(end, , ))  \
    {                                                                                              \
        struct ipc ipc = {.message = {.label = (number)}, .page = page};                           \
        PUT parameters(end, , );                                                                   \
        error_t error = ipc_call(&ipc, service, 0 IPC_TAKES parameters(end, , ));                  \
        if (error == OK) {                                                                         \
            GET parameters(end, , );                                                               \
        }                                                                                          \
        return error;                                                                              \
    }
#include IPC_LIST
#undef CALL

#undef PUT
#undef PUT_ON
#undef PUT_in
#undef PUT_text
#undef PUT_give
#undef PUT_out
#undef PUT_take
#undef PUT_end
#undef GET
#undef GET_ON
#undef GET_in
#undef GET_text
#undef GET_give
#undef GET_out
#undef GET_take
#undef GET_end
#undef IPC_PROTOCOL
#undef IPC_LIST
