/*
 * Native test: the console device of virtio with named ports (tests/boot/devices.py): "in" has
 * STREAM_BYTES of stream_byte and ends, "out" goes to a file that is held against the same, and
 * "a" and "b" lead to each other.
 */
#include "lib/print.h"
#include "virtio.h"
#include "virtio/console.h"

#define STREAM_BYTES UINT64_C(100000)

static struct console console;
static uint8_t bytes[3 * PAGE + 5]; /* no multiple of what the library has pages for */

static uint8_t stream_byte(uint64_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/* Waits for the device and lets the library look; false: nothing came in time. */
static bool progress(struct virtio_found *found)
{
    uint32_t changed = 0;
    bool came = virtio_wait(found);
    EXPECT(console_progress(&console, &changed) == OK);
    return came;
}

/* The port, once the host has opened it. Until it is open on this side too, the host sends nothing.
 * Names begin with that of the transport. */
static struct console_port *port_found(struct virtio_found *found, const char *suffix)
{
    struct console_port *port;
    char name[CONSOLE_NAME];
    (void)print_buffer(name, sizeof(name), "%s.%s", found->way, suffix);
    while ((port = console_find(&console, name)) == NULL || port->state == CONSOLE_NEW)
        if (!progress(found))
            return NULL;
    return port;
}

static struct console_port *port_ready(struct virtio_found *found, const char *suffix)
{
    struct console_port *port = port_found(found, suffix);
    if (port != NULL)
        console_port_open(&console, port, true);
    return port;
}

/* All of the stream from `*at` on that it takes now, and the error that ended it. */
static error_t stream_write(struct console_port *port, uint64_t *at, uint64_t end)
{
    error_t error = OK;
    while (error == OK && *at < end) {
        uint64_t size = min_u64(sizeof(bytes), end - *at), done = 0;
        for (uint64_t i = 0; i < size; i++)
            bytes[i] = stream_byte(*at + i);
        error = console_write(port, bytes, size, &done);
        *at += done;
    }
    return error;
}

/* All that is there now, held against the stream; `*ended`: the host has closed it. */
static error_t stream_read(struct console_port *port, uint64_t *at, bool *ended)
{
    error_t error = OK;
    *ended = false;
    while (error == OK && !*ended) {
        uint64_t done = 0, right = 0;
        error = console_read(port, bytes, sizeof(bytes), &done);
        for (uint64_t i = 0; i < done; i++)
            right += bytes[i] == stream_byte(*at + i);
        EXPECT(right == done);
        *at += done;
        *ended = error == OK && done == 0;
    }
    return error;
}

VIRTIO_TEST(console_names, VIRTIO_CONSOLE)
{
    static const char *const names[] = {"in", "out", "a", "b"};
    uint32_t ids = 0;
    REQUIRE(console_open(&console, &found->virtio) == OK);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        const struct console_port *port = port_found(found, names[i]);
        REQUIRE(port != NULL && port->state == CONSOLE_OPEN);
        EXPECT((ids >> port->id & 1) == 0 && !port->is_terminal);
        ids |= 1u << port->id;
    }
    EXPECT(console_find(&console, found->way) == NULL && console_find(&console, "") == NULL);
    EXPECT(found->bits == QUEUE_BIT);
    console_close(&console);
}

/* To the end of the file, which is seen after all its bytes. */
VIRTIO_TEST(console_reads_to_the_end, VIRTIO_CONSOLE)
{
    uint64_t at = 0, done = 0;
    bool ended = false;
    REQUIRE(console_open(&console, &found->virtio) == OK);
    struct console_port *port = port_ready(found, "in");
    REQUIRE(port != NULL);
    while (!ended) {
        error_t error = stream_read(port, &at, &ended);
        EXPECT(error == OK || error == ERR_would_block);
        if (!ended && !progress(found))
            break;
    }
    EXPECT(ended && at == STREAM_BYTES && port->state == CONSOLE_CLOSED);
    EXPECT(console_read(port, bytes, 1, &done) == OK && done == 0);
    EXPECT(console_write(port, bytes, 1, &done) == ERR_dead);
    console_close(&console);
}

VIRTIO_TEST(console_writes, VIRTIO_CONSOLE)
{
    uint64_t at = 0, done = 0;
    REQUIRE(console_open(&console, &found->virtio) == OK);
    struct console_port *port = port_ready(found, "out");
    REQUIRE(port != NULL);
    EXPECT(console_read(port, bytes, 1, &done) == ERR_would_block);
    EXPECT(console_write(port, bytes, 0, &done) == ERR_bad_argument);
    while (at < STREAM_BYTES && stream_write(port, &at, STREAM_BYTES) != ERR_malformed)
        if (at < STREAM_BYTES && !progress(found))
            break;
    EXPECT(at == STREAM_BYTES);
    while (!console_drained(port))
        if (!progress(found))
            break;
    EXPECT(console_drained(port));
    console_close(&console);
}

/*
 * From one port to the other: written until there is no room anywhere between them, for that is
 * not open on this side; then opened and read. Another port goes on meanwhile.
 */
VIRTIO_TEST(console_holds_back, VIRTIO_CONSOLE)
{
    uint64_t written = 0, read = 0, other = 0, done = 0;
    bool ended = false;
    REQUIRE(console_open(&console, &found->virtio) == OK);
    struct console_port *a = port_ready(found, "a"), *b = port_found(found, "b");
    REQUIRE(a != NULL && b != NULL);
    while (stream_write(a, &written, UINT64_MAX) == ERR_would_block &&
           bits_within(found->port, 300))
        (void)virtio_acknowledge(&found->virtio, QUEUE_BIT);
    (void)virtio_acknowledge(&found->virtio, QUEUE_BIT);
    EXPECT(written > 0 && !console_drained(a));
    EXPECT(console_read(b, bytes, 1, &done) == ERR_would_block);
    EXPECT(console_write(b, bytes, 1, &done) == OK && done == 1); /* the other direction is free */
    while (console_read(a, bytes, sizeof(bytes), &other) == ERR_would_block && progress(found))
        ;
    EXPECT(other == 1);
    console_port_open(&console, b, true);
    while (read < written && stream_read(b, &read, &ended) == ERR_would_block && read < written)
        if (!progress(found))
            break;
    EXPECT(read == written && !ended);
    while (!console_drained(a))
        if (!progress(found))
            break;
    EXPECT(console_drained(a));
    console_close(&console);
}
