/* The server's channels to the outside: made at the start, told of their bits (main.c's half). */
#ifndef LINUX_STREAMS_H
#define LINUX_STREAMS_H

#include "lib/types.h"

/* Bits of the server's port that were set: what came from outside is taken. Under the lock. */
void streams_take(uint64_t bits);

#endif
