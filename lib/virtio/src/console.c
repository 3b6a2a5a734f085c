/* The console device: what it says of its ports, and is told of them (virtio/console.h). */
#include "console_part.h"
#include "lib/string.h"

#define FEATURE_SIZE  VIRTIO_FEATURE(0)
#define FEATURE_PORTS VIRTIO_FEATURE(1)

/* The configuration (section 5.3.4). */
struct config {
    uint16_t cols, rows;
    uint32_t ports;
};

/* A message of a control queue (section 5.3.6.2); some have more behind. */
struct message {
    uint32_t id;
    uint16_t event, value;
};
enum event {
    EVENT_DEVICE_READY,
    EVENT_PORT_ADD,
    EVENT_PORT_REMOVE,
    EVENT_PORT_READY,
    EVENT_CONSOLE,
    EVENT_RESIZE,
    EVENT_OPEN,
    EVENT_NAME,
};
struct size {
    uint16_t cols, rows;
};

/* Pages of the control queues: room for what the device says, which it drops if there is none; then
 * what it is told. */
#define SAID_BYTES  128
#define SAID_PAGES  2
#define SAID_COUNT  (SAID_PAGES * PAGE_SIZE / SAID_BYTES)
#define TOLD_COUNT  64
#define TOLD_OFFSET (SAID_PAGES * PAGE_SIZE)
_Static_assert(SAID_COUNT <= VIRTIO_QUEUE_MAX, "each has its place in the queue");

/* What a port owes the device. */
enum { OWED_READY = 1, OWED_OPEN = 2 };

/* --- told --- */

static error_t tell(struct console *console, uint32_t id, enum event event, uint32_t value)
{
    uint64_t n = 0;
    uint32_t size = 0;
    while (virtio_queue_take(&console->control_out, &n, &size) == OK)
        console->sending &= ~(UINT64_C(1) << n);
    if (console->sending == UINT64_MAX)
        return ERR_full;
    n = (uint64_t)__builtin_ctzll(~console->sending);
    uint64_t offset = TOLD_OFFSET + n * sizeof(struct message);
    const struct message message = {id, (uint16_t)event, (uint16_t)value};
    memcpy(console->control.bytes + offset, &message, sizeof(message));
    const struct virtio_part part = {dma_address(&console->control, offset), sizeof(message)};
    error_t error = virtio_queue_add(&console->control_out, &part, 1, 0, n);
    if (error == OK)
        console->sending |= UINT64_C(1) << n;
    return error;
}

/* Devices begin to send to a port that was opened when they are told of room, which they were
 * before: QEMU looks at its side again only then. */
static void port_pay(struct console *console, struct console_port *port)
{
    if ((port->owed & OWED_READY) != 0 && tell(console, port->id, EVENT_PORT_READY, 1) == OK)
        port->owed &= ~(uint32_t)OWED_READY;
    if (port->owed != OWED_OPEN || tell(console, port->id, EVENT_OPEN, port->wanted_open) != OK)
        return;
    port->owed = 0;
    virtio_queue_notify(&console->control_out);
    console->virtio->transport->queue_notify(console->virtio, port->in.index);
}

/* What could not be told before for want of room. */
static void debts_pay(struct console *console)
{
    if (console->ready_owed && tell(console, 0, EVENT_DEVICE_READY, 1) == OK)
        console->ready_owed = false;
    for (uint32_t id = 0; id < console->port_count; id++)
        port_pay(console, &console->ports[id]);
    virtio_queue_notify(&console->control_out);
}

void console_port_open(struct console *console, struct console_port *port, bool open)
{
    port->wanted_open = open;
    port->owed |= OWED_OPEN;
    debts_pay(console);
}

/* --- said --- */

static error_t port_add(struct console_port *port)
{
    if (port->state != CONSOLE_ABSENT)
        return OK;
    error_t error = console_port_begin(port);
    if (error != OK)
        return error;
    port->state = CONSOLE_NEW;
    port->owed |= OWED_READY;
    return OK;
}

static void port_remove(struct console_port *port)
{
    port->state = CONSOLE_ABSENT;
    port->name[0] = 0;
    port->owed = 0;
}

/* A name without its end; one that is too long, or has bytes that no name has, is none. */
static void port_name(struct console_port *port, const uint8_t *name, uint64_t size)
{
    while (size > 0 && name[size - 1] == 0)
        size--;
    port->name[0] = 0;
    if (size >= CONSOLE_NAME)
        return;
    for (uint64_t i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return;
    memcpy(port->name, name, size);
    port->name[size] = 0;
}

static void port_resize(struct console_port *port, const uint8_t *more, uint64_t size)
{
    struct size told;
    if (size < sizeof(told))
        return;
    memcpy(&told, more, sizeof(told));
    port->cols = told.cols;
    port->rows = told.rows;
}

static error_t port_event(struct console_port *port, const struct message *message,
                          const uint8_t *more, uint64_t size)
{
    if (message->event == EVENT_PORT_ADD)
        return port_add(port);
    if (port->state == CONSOLE_ABSENT)
        return OK;
    switch (message->event) {
    case EVENT_PORT_REMOVE:
        port_remove(port);
        break;
    case EVENT_CONSOLE:
        port->is_terminal = message->value != 0;
        break;
    case EVENT_RESIZE:
        port_resize(port, more, size);
        break;
    case EVENT_OPEN:
        if (message->value != 0 || port->state == CONSOLE_OPEN)
            port->state = message->value != 0 ? CONSOLE_OPEN : CONSOLE_CLOSED;
        break;
    case EVENT_NAME:
        port_name(port, more, size);
        break;
    default: /* of a later standard */
        break;
    }
    return OK;
}

/* One of more ports than there is room for stays unused, and is not made ready. */
static error_t said(struct console *console, const uint8_t *bytes, uint64_t size, uint32_t *changed)
{
    struct message message;
    if (size < sizeof(message))
        return ERR_malformed;
    memcpy(&message, bytes, sizeof(message));
    if (message.id >= console->port_count)
        return OK;
    *changed |= 1u << message.id;
    return port_event(&console->ports[message.id], &message, bytes + sizeof(message),
                      size - sizeof(message));
}

static error_t room_give(struct console *console, uint64_t n)
{
    const struct virtio_part part = {dma_address(&console->control, n * SAID_BYTES), SAID_BYTES};
    return virtio_queue_add(&console->control_in, &part, 0, 1, n);
}

error_t console_progress(struct console *console, uint32_t *changed)
{
    uint8_t bytes[SAID_BYTES]; /* a copy: the device may go on writing */
    uint64_t n = 0;
    uint32_t size = 0;
    error_t error;
    *changed = 0;
    while ((error = virtio_queue_take(&console->control_in, &n, &size)) == OK) {
        memcpy(bytes, console->control.bytes + n * SAID_BYTES, size);
        error = said(console, bytes, size, changed);
        if (error == OK)
            error = room_give(console, n);
        if (error != OK)
            return error;
    }
    if (error != ERR_would_block)
        return error;
    virtio_queue_notify(&console->control_in);
    debts_pay(console);
    return OK;
}

error_t console_resized(struct console *console)
{
    struct config config;
    if (!virtio_has(console->virtio, FEATURE_SIZE))
        return OK;
    error_t error = virtio_config_read(console->virtio, 0, &config, sizeof(config));
    if (error != OK)
        return error;
    console->ports[0].cols = config.cols;
    console->ports[0].rows = config.rows;
    return OK;
}

struct console_port *console_find(struct console *console, const char *name)
{
    for (uint32_t id = 0; id < console->port_count; id++) {
        struct console_port *port = &console->ports[id];
        if (port->state != CONSOLE_ABSENT && port->name[0] != 0 && strcmp(port->name, name) == 0)
            return port;
    }
    return NULL;
}

/* --- beginning and end --- */

/* Queues that were opened are counted in ports and control queues, so that they can be closed. */
static error_t control_open(struct console *console)
{
    struct virtio *virtio = console->virtio;
    error_t error =
        dma_memory_make(virtio->home, virtio->device, SAID_PAGES + 1, &console->control);
    if (error == OK)
        error = virtio_queue_open(&console->control_in, virtio, CONSOLE_CONTROL_IN, SAID_COUNT);
    if (error == OK)
        error = virtio_queue_open(&console->control_out, virtio, CONSOLE_CONTROL_OUT, TOLD_COUNT);
    return error;
}

static error_t ports_open(struct console *console)
{
    struct config config = {0};
    error_t error = virtio_config_read(console->virtio, 0, &config, sizeof(config));
    uint32_t count = (uint32_t)min_u64(config.ports, CONSOLE_PORTS_MAX);
    for (uint32_t id = 0; id < count && error == OK; id++) {
        error = console_port_queues(&console->ports[id], console->virtio, id);
        console->port_count += error == OK;
    }
    return error;
}

error_t console_open(struct console *console, struct virtio *virtio)
{
    *console = (struct console){.virtio = virtio, .ready_owed = true};
    error_t error = virtio_begin(virtio, FEATURE_SIZE, FEATURE_PORTS);
    if (error != OK)
        return error;
    error = control_open(console);
    if (error == OK)
        error = ports_open(console);
    for (uint64_t n = 0; n < console->control_in.size && error == OK; n++)
        error = room_give(console, n);
    if (error == OK)
        error = console_resized(console);
    if (error != OK) {
        console_close(console);
        return error;
    }
    virtio_queue_interrupts(&console->control_out, false); /* nobody waits for that */
    virtio_ready(virtio);
    virtio_queue_notify(&console->control_in);
    debts_pay(console);
    return OK;
}

static void control_close(struct console *console)
{
    if (console->control_in.ring.pages != 0)
        virtio_queue_close(&console->control_in);
    if (console->control_out.ring.pages != 0)
        virtio_queue_close(&console->control_out);
    if (console->control.pages != 0)
        dma_memory_free(console->virtio->home, &console->control);
}

void console_close(struct console *console)
{
    if (virtio_reset(console->virtio) != OK)
        return; /* it may write still: its memory stays its own */
    for (uint32_t id = 0; id < console->port_count; id++)
        console_port_queues_close(&console->ports[id]);
    console->port_count = 0;
    control_close(console);
}
