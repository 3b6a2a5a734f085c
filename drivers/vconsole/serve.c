/* The protocol `console` (abi/ipc/console.def) for the driver's channels. */
#include "lib/string.h"
#include "sys/thread.h"
#include "vconsole.h"

#define IPC_PROTOCOL console
#define IPC_LIST     <ipc/console.def>
#include "rt/ipc_server.h"

/* NULL: the device has no port of that name. */
static struct channel *channel_find(struct vconsole *driver, const char *name)
{
    const struct console_port *port = console_find(&driver->console, name);
    return port != NULL ? &driver->channels[port->id] : NULL;
}

/* The same, if the caller has joined it. */
static struct channel *channel_of(struct vconsole *driver, const struct ipc *ipc, const char *name)
{
    struct channel *channel = channel_find(driver, name);
    return channel != NULL && channel->bell.value != 0 && channel->client == ipc->message.badge
               ? channel
               : NULL;
}

static error_t console_serve_attach(void *context, struct ipc *ipc, const char *name, uint64_t bits,
                                    slot_t memory, slot_t bell, slot_t *driver_bell)
{
    struct vconsole *driver = context;
    struct channel *channel = channel_find(driver, name);
    if (channel == NULL)
        return ERR_not_found;
    error_t error = tern_cap_derive(driver->port, (rights_t){RIGHT_signal | RIGHT_grant},
                                    BIT_CLIENT, driver_bell);
    if (error != OK)
        return error;
    error = channel_join(channel, &driver->console, ipc->message.badge, memory, bell, bits);
    if (error != OK)
        (void)tern_cap_delete(*driver_bell);
    return error;
}

/* The call stays held by its reply object; the next receive has a new one. */
static error_t drain_later(struct vconsole *driver, const struct channel *channel)
{
    slot_t fresh;
    struct drain *drain = driver->drains;
    while (drain < driver->drains + DRAINS_MOST && drain->reply.value != 0)
        drain++;
    if (drain == driver->drains + DRAINS_MOST)
        return ERR_full;
    error_t error = sys_reply_create(&fresh);
    if (error != OK)
        return error;
    *drain = (struct drain){driver->reply, channel};
    driver->reply = fresh;
    return IPC_LATER;
}

static error_t console_serve_drain(void *context, struct ipc *ipc, const char *name)
{
    struct vconsole *driver = context;
    struct channel *channel = channel_of(driver, ipc, name);
    if (channel == NULL)
        return ERR_not_found;
    error_t error = channel_pump(channel); /* whose signal is still on its way */
    return error != OK || channel_drained(channel) ? error : drain_later(driver, channel);
}

static error_t console_serve_detach(void *context, struct ipc *ipc, const char *name)
{
    struct vconsole *driver = context;
    struct channel *channel = channel_of(driver, ipc, name);
    if (channel == NULL)
        return ERR_not_found;
    error_t error = channel_pump(channel);
    channel_leave(channel, &driver->console);
    return error;
}

void serve_call(struct vconsole *driver, const struct message *message)
{
    struct ipc ipc = {.message = *message, .page = sys_page};
    if (console_dispatch(driver, &ipc) != IPC_LATER)
        (void)tern_port_reply(driver->reply, &ipc.message);
}

void serve_drained(struct vconsole *driver)
{
    for (struct drain *drain = driver->drains; drain < driver->drains + DRAINS_MOST; drain++) {
        struct message answer = {.word = {OK}};
        if (drain->reply.value == 0 ||
            !channel_drained(&driver->channels[drain->channel->port->id]))
            continue;
        (void)tern_port_reply(drain->reply, &answer);
        (void)tern_cap_delete(drain->reply);
        drain->reply = (slot_t){0};
    }
}
