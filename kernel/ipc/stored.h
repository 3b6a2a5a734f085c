/*
 * Messages that a port keeps until somebody receives.
 *
 *     room kept -> made: bytes copied, capabilities moved or derived into its transit -> in the
 *     queue -> taken by a receiver, or dropped with the port
 *
 * A stored message is one block, charged to the port's job; so is the page of its capabilities, if
 * it has any. They are in no process: a revoke finds them, and who receives gets 0 for what went.
 * A capability that lets receive is not stored, its sender waits: so a port's last receiver is
 * never in a queue, where a port that nobody can reach would keep itself alive.
 *
 * Sending has happened when the room was kept: if the port ends meanwhile, the message ends with
 * it, and with all that was moved into it.
 */
#pragma once

#include "ipc/queue.h"

/*
 * Keeps a message that was checked (message_from_thread) in the port. full: no room, unless it goes
 * `beyond` the depth, or a capability that lets receive; no_memory of the port's job; dead.
 */
error_t message_store(struct port *port, const struct message *message, bool beyond);

/*
 * Delivers one that was taken from the queue to an owned receiver, and frees it. full, no_memory,
 * dead: the receiver's table has no room for its capabilities; the message is the next again.
 */
error_t stored_take(struct port *port, struct stored_message *stored, struct thread *receiver);

/* Frees one that was taken from the queue; its capabilities go by and by. */
void stored_drop(struct port *port, struct stored_message *stored);

/* Capability `i` of a stored message, or NULL if it went. The port's lock; valid until the CPU
 * leaves the kernel. */
struct slot *stored_cap(const struct stored_message *stored, uint32_t i);
