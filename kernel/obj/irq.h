/*
 * Interrupts as objects: a line, by wire or message, that sets signal bits on a port.
 *
 *     unbound --bind--> armed --interrupt--> taken --acknowledge--> armed
 *                                            taken --interrupt--> again --acknowledge--> taken
 *
 * The line is the object's from its making until it retires. A level stays masked from the
 * interrupt to the acknowledgement, or until the line is bound. An edge that comes while the one
 * before is not acknowledged is told by the acknowledgement, once; the line is masked from there
 * on, so that a device that goes wild costs two interrupts for each acknowledgement. (A message
 * cannot be masked everywhere: then it costs what it costs.)
 *
 * The port is kept as a source. Interrupts are taken by the CPU that bound it: a driver that is
 * bound to a CPU has its interrupts there.
 * Locks: the object's lock (rank object); the handler takes it, and signals without it.
 */
#pragma once

#include "arch/irq.h"
#include "ipc/port.h"
#include "obj/object.h"

#define IRQ_ANY_MESSAGE UINT64_MAX /* for a line: any free one that is raised by a message */

enum irq_state { IRQ_UNBOUND, IRQ_ARMED, IRQ_TAKEN, IRQ_AGAIN };

struct device;

struct irq {
    struct object object;
    struct device *device; /* a reference; NULL: not told apart by it; constant */
    uint32_t line;         /* constant */
    bool edge;             /* constant */
    uint8_t state;         /* enum irq_state; the lock */
    struct port *port;     /* a source and reference, if bound; the lock */
    uint64_t bits;         /* the lock */
    const struct cpu *cpu; /* that takes it, if bound; the lock */
};

/*
 * `device` (NULL: not said) is for a message's. bad_argument: there is no such line; exists: it is
 * in use, or the device's id is; unsupported: no messages, or none without a device; bad_slot: the
 * device goes away meanwhile; no_memory.
 */
error_t irq_create(struct job *job, uint64_t line, struct device *device, struct irq **result);

/* From now on it signals `bits` of `port`, and comes to the calling CPU. bad_argument without bits;
 * bad_slot if the object goes away meanwhile. */
error_t irq_bind(struct irq *irq, struct port *port, uint64_t bits);

/* The last interrupt was served; nothing if there was none. bad_argument if it is not bound. */
error_t irq_acknowledge(struct irq *irq);
