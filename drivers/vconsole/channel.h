/*
 * A channel: a port of the device, and a client's rings in shared memory (rt/channel.h).
 *
 *     free --join--> joined --leave--> free
 *
 * Bytes go from ring to device and back through a piece each way: the client is not trusted, and
 * may write to its rings whenever it likes. What one side does not take stays in the piece, and
 * then in the ring or in the device: nothing is read that has no room. A port that the host has
 * closed takes everything and keeps nothing, as a line does that nobody listens to.
 *
 * A client that makes its memory smaller makes the driver fault; init starts that again. Who may
 * use the console is trusted so far.
 */
#ifndef VCONSOLE_CHANNEL_H
#define VCONSOLE_CHANNEL_H

#include "rt/channel.h"
#include "virtio/console.h"

#define CHANNEL_PIECE 4096

struct channel_piece {
    uint32_t from, to; /* what of it is left */
    uint8_t bytes[CHANNEL_PIECE];
};

struct channel {
    struct console_port *port;
    uint64_t va;     /* where its memory is mapped when it is joined */
    uint64_t client; /* its badge */
    slot_t bell;     /* the client's; 0: nobody has joined */
    uint64_t bits;
    struct rt_ring_end out, in;
    struct channel_piece sent, received;
    bool ended; /* the client was told that nothing more will come */
};

/* For good: its port, and addresses for RT_CHANNEL_BYTES. */
void channel_init(struct channel *channel, struct console_port *port, uint64_t va);

/*
 * A client joins; memory and bell are the channel's if that is OK. The same client (it was started
 * again) comes in its own place. busy: another one has it; errors of space_map.
 */
error_t channel_join(struct channel *channel, struct console *console, uint64_t client,
                     slot_t memory, slot_t bell, uint64_t bits);

/* What it had taken from the client goes out, what it has for it is lost. */
void channel_leave(struct channel *channel, struct console *console);

/* Moves what can be moved. malformed: the device is broken. */
error_t channel_pump(struct channel *channel);

/* Nothing of what the client has put into its ring is on the machine any more. */
bool channel_drained(struct channel *channel);

#endif
