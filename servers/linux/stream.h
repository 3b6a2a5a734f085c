/*
 * Streams: the server's channels of bytes to the outside (the console, the ports of `tern run`).
 *
 * Main makes one, gives it what comes in and takes what goes out; programs see it as a file like a
 * pipe's end, or as the other side of the console's tty. Both ways may be full: then who has bytes
 * keeps them and is told when there is room. Lives as long as the server; under the server's lock.
 */
#ifndef LINUX_STREAM_H
#define LINUX_STREAM_H

#include "file.h"
#include "ring.h"

struct stream;
struct tty;

struct stream_ops {
    /* Sends bytes: how many were taken; 0: full, stream_writable follows. */
    uint64_t (*write)(struct stream *stream, const void *bytes, uint64_t size);
    /* There is room for input again, after stream_input took less than all. */
    void (*room)(struct stream *stream);
};

struct stream {
    const struct stream_ops *ops;
    struct ring input;
    struct pollable pollable;
    struct tty *tty; /* NULL: files alone */
    bool ended;      /* no input will come */
    bool refused;    /* ops->room is owed */
};

void stream_init(struct stream *stream, const struct stream_ops *ops);

/* --- from outside --- */

uint64_t stream_input(struct stream *stream, const void *bytes, uint64_t size); /* how many taken */
void stream_end(struct stream *stream);
void stream_writable(struct stream *stream);

/* --- to programs --- */

/* A file that reads and writes it, by `flags`. NULL: no memory. */
struct file *stream_file(struct stream *stream, uint32_t flags);

/* The console's tty, on this stream: what /dev/console opens. At most once. -ENOMEM. */
int64_t console_start(struct stream *stream);
struct tty *console_tty(void); /* NULL: there is none */
/* An open file of it, named /dev/console. NULL: no memory. */
struct file *console_file(uint32_t flags);

#endif
