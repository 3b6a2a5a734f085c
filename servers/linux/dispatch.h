/*
 * What a message means: a call, a fault, a kick, an end, or bits; and the answers. Under the lock.
 */
#ifndef LINUX_DISPATCH_H
#define LINUX_DISPATCH_H

#include "worker.h"

void dispatch(struct worker *worker, const struct message *message);

/* Runs the call of a task that was woken. */
void dispatch_again(struct worker *worker, struct task *task);

/* What programs asked for and did not get: calls by number, for /proc and `tern run --missing`. */
void missing_note(uint64_t number);
uint32_t missing_list(uint64_t *numbers, uint64_t *counts, uint32_t room);

#endif
