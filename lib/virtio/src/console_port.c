/* The bytes of a port of the console device (virtio/console.h). */
#include "console_part.h"
#include "lib/string.h"

static uint16_t queue_in(uint32_t id)
{
    return (uint16_t)(id == 0 ? 0 : 2 + 2 * id);
}

error_t console_port_queues(struct console_port *port, struct virtio *virtio, uint32_t id)
{
    *port = (struct console_port){.id = id};
    error_t error = virtio_queue_open(&port->in, virtio, queue_in(id), CONSOLE_PAGES);
    if (error != OK)
        return error;
    error = virtio_queue_open(&port->out, virtio, queue_in(id) + 1, CONSOLE_PAGES);
    if (error != OK)
        virtio_queue_close(&port->in);
    return error;
}

void console_port_queues_close(struct console_port *port)
{
    virtio_queue_close(&port->in);
    virtio_queue_close(&port->out);
    if (port->pages.pages != 0)
        dma_memory_free(port->in.virtio->home, &port->pages);
}

/* A page for the device to fill. */
static error_t page_give(struct console_port *port, uint32_t page)
{
    const struct virtio_part part = {dma_address(&port->pages, page * PAGE_SIZE), PAGE_SIZE};
    return virtio_queue_add(&port->in, &part, 0, 1, page);
}

error_t console_port_begin(struct console_port *port)
{
    if (port->pages.pages != 0)
        return OK; /* it was removed and comes again: all is where it was */
    struct virtio *virtio = port->in.virtio;
    error_t error =
        dma_memory_make(virtio->home, virtio->device, UINT64_C(2) * CONSOLE_PAGES, &port->pages);
    for (uint32_t page = 0; page < CONSOLE_PAGES && error == OK; page++)
        error = page_give(port, page);
    if (error == OK)
        virtio_queue_notify(&port->in);
    return error == ERR_full ? OK : error; /* a device with smaller queues has fewer pages */
}

/* The next page that was filled, if the one before is read. would_block: none is. */
static error_t page_next(struct console_port *port)
{
    uint64_t page = 0;
    uint32_t size = 0;
    if (port->read_at < port->read_end)
        return OK;
    error_t error = virtio_queue_take(&port->in, &page, &size);
    if (error != OK)
        return error;
    port->reading = (uint32_t)page;
    port->read_at = 0;
    port->read_end = size;
    return size != 0 ? OK : ERR_malformed;
}

error_t console_read(struct console_port *port, void *to, uint64_t size, uint64_t *done)
{
    error_t error = size == 0 || port->pages.pages == 0 ? ERR_bad_argument : OK;
    bool given = false;
    *done = 0;
    while (error == OK && *done < size && (error = page_next(port)) == OK) {
        uint64_t part = min_u64(size - *done, port->read_end - port->read_at);
        memcpy((uint8_t *)to + *done, port->pages.bytes + port->reading * PAGE_SIZE + port->read_at,
               part);
        port->read_at += (uint32_t)part;
        *done += part;
        if (port->read_at < port->read_end)
            continue;
        given = true;
        error = page_give(port, port->reading);
    }
    if (given)
        virtio_queue_notify(&port->in);
    if (error == ERR_would_block && (*done != 0 || port->state == CONSOLE_CLOSED))
        return OK;
    return error;
}

/* Pages that the device is done with can be written again. */
static error_t pages_take(struct console_port *port)
{
    uint64_t page = 0;
    uint32_t size = 0;
    error_t error;
    while ((error = virtio_queue_take(&port->out, &page, &size)) == OK)
        port->writing &= ~(1u << page);
    return error == ERR_would_block ? OK : error;
}

/* One page of it; would_block: none is free. */
static error_t page_write(struct console_port *port, const uint8_t *from, uint64_t size,
                          uint64_t *done)
{
    uint32_t page = 0;
    while (page < CONSOLE_PAGES && (port->writing >> page & 1) != 0)
        page++;
    if (page == CONSOLE_PAGES)
        return ERR_would_block;
    uint64_t offset = (CONSOLE_PAGES + page) * PAGE_SIZE, part = min_u64(size, PAGE_SIZE);
    memcpy(port->pages.bytes + offset, from, part);
    const struct virtio_part filled = {dma_address(&port->pages, offset), (uint32_t)part};
    error_t error = virtio_queue_add(&port->out, &filled, 1, 0, page);
    if (error != OK)
        return ERR_would_block; /* full: a device with smaller queues */
    port->writing |= 1u << page;
    *done += part;
    return OK;
}

error_t console_write(struct console_port *port, const void *from, uint64_t size, uint64_t *done)
{
    *done = 0;
    if (port->state != CONSOLE_OPEN)
        return port->state == CONSOLE_NEW ? ERR_would_block : ERR_dead;
    error_t error = size == 0 ? ERR_bad_argument : pages_take(port);
    while (error == OK && *done < size)
        error = page_write(port, (const uint8_t *)from + *done, size - *done, done);
    if (*done != 0)
        virtio_queue_notify(&port->out);
    return error == ERR_would_block && *done != 0 ? OK : error;
}

bool console_drained(struct console_port *port)
{
    return pages_take(port) == OK && port->writing == 0;
}
