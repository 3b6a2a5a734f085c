/*
 * vconsole: the driver of virtio's console device with named ports. It provides the service
 * `console` (abi/ipc/console.def): each port of the device is a channel of that name.
 *
 * One thread waits on one port for everything: interrupts, clients' signals, calls. Whatever comes,
 * all channels are looked at: there are few.
 */
#ifndef VCONSOLE_H
#define VCONSOLE_H

#include "channel.h"
#include "sys/message.h"
#include "virtio/given.h"

#define DRAINS_MOST 16

/* Clients know no bit but the first (abi/ipc/console.def). */
enum { BIT_CLIENT = 1, BIT_CONFIG = 2, BIT_QUEUES = 4 };

/* A call that is answered when its channel is drained. */
struct drain {
    slot_t reply; /* 0: the place is free */
    const struct channel *channel;
};

struct vconsole {
    struct virtio_given given;
    struct console console;
    struct channel channels[CONSOLE_PORTS_MAX]; /* by the port's id */
    slot_t port, reply;                         /* what calls are received with */
    struct drain drains[DRAINS_MOST];
};

/* Answers the call that was received into `message`, or keeps it for later. */
void serve_call(struct vconsole *driver, const struct message *message);

/* Answers those calls that waited for a channel that is drained now. */
void serve_drained(struct vconsole *driver);

#endif
