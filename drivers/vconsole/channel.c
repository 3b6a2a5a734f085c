/* A channel: a port of the device, and a client's rings (channel.h). */
#include "channel.h"
#include "sys/call.h"
#include "sys/message.h"
#include <root.h>
#include <space.h>

static const slot_t none = {0};

static slot_t own_process(void)
{
    return root_slot(ROOT_SLOT_PROCESS);
}

void channel_init(struct channel *channel, struct console_port *port, uint64_t va)
{
    channel->port = port;
    channel->va = va;
    channel->bell = none;
    channel->sent.from = channel->sent.to = 0;
}

/* --- the client --- */

static bool joined(const struct channel *channel)
{
    return channel->bell.value != 0;
}

error_t channel_join(struct channel *channel, struct console *console, uint64_t client,
                     slot_t memory, slot_t bell, uint64_t bits)
{
    if (joined(channel) && channel->client != client)
        return ERR_busy;
    channel_leave(channel, console);
    error_t error = tern_space_map(own_process(), memory, 0, (uaddr_t){channel->va},
                                   RT_CHANNEL_BYTES, SPACE_READ | SPACE_WRITE);
    if (error != OK)
        return error;
    (void)tern_cap_delete(memory); /* the mapping keeps it */
    channel->client = client;
    channel->bell = bell;
    channel->bits = bits;
    channel->out = rt_channel_out((void *)channel->va);
    channel->in = rt_channel_in((void *)channel->va);
    channel->received.from = channel->received.to = 0;
    channel->ended = false;
    console_port_open(console, channel->port, true);
    return OK;
}

void channel_leave(struct channel *channel, struct console *console)
{
    error_t error = OK;
    if (!joined(channel))
        return;
    (void)tern_cap_delete(channel->bell);
    channel->bell = none;
    for (uint64_t at = 0, done = 0; at < RT_CHANNEL_BYTES && error == OK; at += done)
        error = tern_space_unmap(own_process(), (uaddr_t){channel->va + at}, RT_CHANNEL_BYTES - at,
                                 &done);
    console_port_open(console, channel->port, false);
}

/* --- to the device --- */

static void piece_fill(struct channel *channel, bool *signal)
{
    struct channel_piece *piece = &channel->sent;
    bool wanted = false;
    if (piece->from < piece->to || !joined(channel))
        return;
    piece->from = 0;
    piece->to = rt_ring_get(&channel->out, piece->bytes, sizeof(piece->bytes), &wanted);
    *signal |= wanted;
}

/* Until the device has no room, or the ring is empty. */
static error_t send(struct channel *channel, bool *signal)
{
    struct channel_piece *piece = &channel->sent;
    for (;;) {
        uint64_t done = 0;
        piece_fill(channel, signal);
        if (piece->from == piece->to)
            return OK;
        error_t error = console_write(channel->port, piece->bytes + piece->from,
                                      piece->to - piece->from, &done);
        piece->from += (uint32_t)done;
        if (error == ERR_dead)
            piece->from = piece->to;
        else if (error != OK)
            return error;
    }
}

bool channel_drained(struct channel *channel)
{
    return (!joined(channel) || rt_ring_used(&channel->out) == 0) &&
           channel->sent.from == channel->sent.to && console_drained(channel->port);
}

/* --- from the device --- */

static void end_tell(struct channel *channel, bool *signal)
{
    if (channel->ended)
        return;
    channel->ended = true;
    rt_ring_close(&channel->in);
    *signal = true;
}

/* Until the device has nothing, or the ring no room. */
static error_t receive(struct channel *channel, bool *signal)
{
    struct channel_piece *piece = &channel->received;
    while (joined(channel)) {
        if (piece->from == piece->to) {
            uint64_t done = 0;
            error_t error = console_read(channel->port, piece->bytes, sizeof(piece->bytes), &done);
            if (error != OK)
                return error;
            if (done == 0) {
                end_tell(channel, signal);
                return OK;
            }
            piece->from = 0;
            piece->to = (uint32_t)done;
        }
        bool wanted = false;
        piece->from +=
            rt_ring_put(&channel->in, piece->bytes + piece->from, piece->to - piece->from, &wanted);
        *signal |= wanted;
        if (piece->from < piece->to)
            return OK;
    }
    return OK;
}

error_t channel_pump(struct channel *channel)
{
    bool signal = false;
    if (channel->port->state == CONSOLE_ABSENT)
        return OK;
    error_t error = send(channel, &signal);
    if (error == OK || error == ERR_would_block)
        error = receive(channel, &signal);
    if (signal)
        (void)tern_port_signal(channel->bell, channel->bits);
    return error == ERR_would_block ? OK : error;
}
