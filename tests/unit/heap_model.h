/*
 * The heap against a list of blocks with known contents, over a little machine of 8 MiB. Unit
 * tests and the fuzzer feed it bytes; what does not agree is a failed assertion.
 */
#ifndef HEAP_MODEL_H
#define HEAP_MODEL_H

#include "lib/types.h"

#define HEAP_MODEL_MEMORY (24 * MIB)

/* Starts a machine of one node with an empty heap. */
void heap_model_start(void);

/* Runs operations of three bytes each, on a machine of its own; frees all and checks for leaks. */
void heap_model_run(const uint8_t *bytes, size_t size);

#endif
