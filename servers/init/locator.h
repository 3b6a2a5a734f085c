/*
 * The locator: which services there are (protocol locator, abi/ipc/locator.def).
 *
 * A program may offer what its manifest entry `provides`, and find what it `uses`. Who asks for a
 * service that is not there yet waits: its call is held by a reply object of its own until the
 * service is offered, or nobody can offer it any more. When a provider ends, its services are gone;
 * clients' capabilities die with its ports.
 */
#ifndef INIT_LOCATOR_H
#define INIT_LOCATOR_H

#include "program.h"
#include "sys/message.h"

/*
 * Takes a call of program `which`, held by *reply, and answers it, now or later; then *reply is
 * another object. `message` is what was received.
 */
void locator_take(struct system *system, uint32_t which, struct message *message, slot_t *reply);

/* The program has ended. */
void locator_forget(uint32_t which);

/* Answers those that wait for what will not come: after programs ended or could not be started. */
void locator_settle(const struct system *system);

#endif
