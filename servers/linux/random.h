/*
 * Random bytes for programs and for the server's own secrets: ChaCha20 (RFC 8439, 2.3) whose key is
 * replaced by its own output with each request, so that what was given cannot be computed later.
 */
#ifndef LINUX_RANDOM_H
#define LINUX_RANDOM_H

#include <stdint.h>

/* Mixes a secret in: at the beginning, and whenever there is a new one. */
void random_seed(const void *secret, uint64_t size);
void random_bytes(void *to, uint64_t size);

#endif
