/*
 * The frame allocator against a bitmap of all frames. Unit tests and the fuzzer feed it bytes;
 * each pair or so is an operation. Whatever does not agree with the model is a failed assertion.
 */
#ifndef FRAME_MODEL_H
#define FRAME_MODEL_H

#include "lib/error.h"
#include "lib/types.h"

#define FRAME_MODEL_FRAMES ((uint32_t)3 << 18) /* the database: 3 GiB of frames */

/* Starts a machine without regions; all entries of the database hold rubbish. */
void frame_model_start(void);

/* Adds a region to allocator and model. */
void frame_model_region(uint32_t first, uint32_t end, uint32_t node);

/* Runs the operations in `bytes`, checking after each; then frees all and checks the merging. */
void frame_model_operate(const uint8_t *bytes, size_t size);

/* Machine and operations both from `bytes`. */
void frame_model_run(const uint8_t *bytes, size_t size);

/* One allocation and one free, checked. */
error_t frame_model_alloc(uint32_t order, uint32_t node, uint32_t flags, phys_t *result);
void frame_model_free(phys_t frame, uint32_t order);

/* Frees what frame_model_operate left, drains the cache, and checks that all is free again. */
void frame_model_end(void);

#endif
