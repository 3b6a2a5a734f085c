/*
 * The console device with several ports (virtio 1.1, section 5.3; feature MULTIPORT): streams of
 * bytes between guest and host, found by their names, which either side opens and closes.
 *
 *     absent --added--> new --host opens--> open <--host closes, opens--> closed
 *                        (removed: absent)
 *
 * Nothing waits: reading and writing do what can be done now. On an interrupt of the device:
 * virtio_acknowledge, console_progress, then read and write again. What the host sent before it
 * closed is read first; then reading gives no bytes: the end.
 *
 * Each port has pages of its own for what is on its way; nothing a port does takes from another.
 */
#ifndef VIRTIO_CONSOLE_PORTS_H
#define VIRTIO_CONSOLE_PORTS_H

#include "virtio/queue.h"

#define CONSOLE_PORTS_MAX 8
#define CONSOLE_NAME      32 /* bytes of a name with its end; longer ones are no names */
#define CONSOLE_PAGES     4  /* of a port, for each direction */

enum console_state {
    CONSOLE_ABSENT,
    CONSOLE_NEW, /* the host has not opened it yet */
    CONSOLE_OPEN,
    CONSOLE_CLOSED, /* by the host */
};

struct console_port {
    uint32_t id;
    enum console_state state;
    char name[CONSOLE_NAME];
    bool is_terminal;    /* the host says that it is one */
    uint16_t rows, cols; /* 0: not said */
    /* Its own: */
    struct virtio_queue in, out;
    struct dma_memory pages; /* CONSOLE_PAGES to read into, then as many to write from */
    uint32_t reading, read_at, read_end; /* the page that is read, and what of it is left */
    uint32_t writing;                    /* pages that are with the device, a bit each */
    uint32_t owed;                       /* messages that the device has still to be sent */
    bool wanted_open;                    /* as the program has it */
};

struct console {
    struct virtio *virtio;
    struct virtio_queue control_in, control_out;
    struct dma_memory control;
    uint64_t sending; /* messages that are with the device, a bit each */
    uint32_t port_count;
    bool ready_owed;
    struct console_port ports[CONSOLE_PORTS_MAX];
};

/*
 * Begins the device and asks for its ports. unsupported: a device without MULTIPORT; errors of
 * virtio_begin and of queues.
 */
error_t console_open(struct console *console, struct virtio *virtio);

/*
 * Takes what the device says of its ports; `changed` gets a bit for each port (its id) that it said
 * something of. malformed: the device is broken.
 */
error_t console_progress(struct console *console, uint32_t *changed);

/* After VIRTIO_EVENT_CONFIG: the terminal's size, of a device that says it so (port 0). */
error_t console_resized(struct console *console);

/* The port of that name; NULL: there is none, or not yet. */
struct console_port *console_find(struct console *console, const char *name);

/* Tells the host that the port is open or closed on this side. It sends nothing to a closed one. */
void console_port_open(struct console *console, struct console_port *port, bool open);

/*
 * Reads up to `size` bytes (not 0). No bytes: the host has closed it, and all was read.
 * would_block: nothing now; malformed: the device is broken.
 */
error_t console_read(struct console_port *port, void *to, uint64_t size, uint64_t *done);

/*
 * Writes at least one of `size` bytes (not 0). would_block: no room now, or the host has not opened
 * it yet; dead: the host has closed it; malformed.
 */
error_t console_write(struct console_port *port, const void *from, uint64_t size, uint64_t *done);

/* Whether the host has taken all that was written. */
bool console_drained(struct console_port *port);

/* Resets the device, and gives its memory back. */
void console_close(struct console *console);

#endif
