/*
 * The job's channels to the outside: what the first program's standard files are.
 *
 * Without a console service the text goes to the kernel's console, and there is no input.
 */
#ifndef LINUX_STREAMS_H
#define LINUX_STREAMS_H

#include "files.h"

int64_t streams_prepare(void);

/* Descriptors 0, 1 and 2: a tty of that size, or plain streams. */
int64_t streams_standard(struct files *files, bool tty, uint32_t rows, uint32_t columns);

/* Bits of the server's port that were set: what came from outside is taken. Under the lock. */
void streams_take(uint64_t bits);

/* What was written is out. */
void streams_end(void);

#endif
