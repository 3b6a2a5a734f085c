/*
 * The deadline queue against a plain array. Unit test and fuzzer feed it bytes, two for each
 * operation; what does not agree is a failed assertion.
 */
#ifndef DEADLINE_MODEL_H
#define DEADLINE_MODEL_H

#include "lib/types.h"

struct deadline_queue;

/* Takes out and fires what is due, as clock.c does with a CPU's queue; returns how many. */
uint32_t deadline_fire_due(struct deadline_queue *queue, uint64_t now_ns);

void deadline_model_run(const uint8_t *bytes, size_t size);

#endif
