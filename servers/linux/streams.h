/*
 * The job's channels to the outside: what the first program's standard files are.
 *
 * With the service `console` (the manifest says who has it) there are four channels, as decision
 * 0022 has them: tern.in, tern.out, tern.err, tern.control. Without, text goes to the kernel's
 * console, and there is no input.
 */
#ifndef LINUX_STREAMS_H
#define LINUX_STREAMS_H

#include "files.h"
#include "group.h"

#define STREAM_BITS UINT64_C(0xf0) /* of the server's port: a channel each */

/* Finds the service, waiting until it is there, and joins the channels. Error numbers. */
int64_t streams_prepare(void);

/* Descriptors 0, 1 and 2: a tty of that size that controls the group's session, or plain streams.
 */
int64_t streams_standard(struct files *files, struct group *group, bool tty, uint32_t rows,
                         uint32_t columns);

/* Bits of the server's port that were set: what came from outside is taken. Under the lock. */
void streams_take(uint64_t bits);

/* A line to who asked for the run; nothing without the service. */
void streams_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Comes back when all that was written has left the machine. */
void streams_drain(void);

#endif
