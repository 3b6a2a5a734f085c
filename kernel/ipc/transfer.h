/*
 * Sending and receiving, the general way: what fast.c does not do. For syscall/, obj/ and ipc/.
 *
 * Rules: the current thread is given on (into a place, bound to a reply object) as the last thing
 * done with it; arch_thread_leave comes before. Nothing here holds a lock across a delivery.
 */
#pragma once

#include "ipc/queue.h"
#include "syscall/call.h"

/* A call or send of the current thread, from its registers. */
outcome_t send_from_thread(struct cpu *self, struct thread *thread, enum message_kind kind);

/*
 * An owned thread that is to make a send or call again waits at its port, in its turn there
 * (thread->order); parked if it cannot.
 */
void send_in_turn(struct thread *thread);

/* A receive of the current thread: port and reply object by its operands. */
outcome_t receive_into_thread(struct cpu *self, struct thread *thread);

/*
 * Sends a held message (fault, foreign call, kick, by thread->sending) of an owned thread to
 * `port`; it waits in send or fault afterwards, or ends if the port is dead.
 */
void send_held(struct thread *thread, struct port *port);

/* The message of a claimed thread, not a held one, was taken: it goes on. */
void sender_done(struct thread *sender);

/* A claimed receiver takes what is pending, or issues its receive again if there is nothing. */
void receive_now(struct port *port, struct thread *receiver);

/* Ends the wait of a claimed thread with an error: one that sends, one that receives. */
void send_fail(struct thread *thread, error_t error);
void receive_fail(struct thread *thread, error_t error);
