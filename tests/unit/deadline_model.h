/*
 * The deadline queue against a plain array. Unit test and fuzzer feed it bytes, two for each
 * operation; what does not agree is a failed assertion.
 */
#ifndef DEADLINE_MODEL_H
#define DEADLINE_MODEL_H

#include "lib/types.h"

void deadline_model_run(const uint8_t *bytes, size_t size);

#endif
