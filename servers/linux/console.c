/* The console: a tty whose device is a stream (stream.h). */
#include "console.h"
#include "tmpfs.h"
#include "tree.h"
#include "tty.h"
#include <sys/sysmacros.h>

static struct console {
    struct tty tty;
    struct stream *stream;
    struct node *node; /* /dev/console */
} console;

void console_pump(struct stream *stream)
{
    while (ring_used(&stream->input) != 0) {
        uint32_t size;
        const uint8_t *bytes = ring_piece(&stream->input, &size);
        uint32_t taken = (uint32_t)tty_input(stream->tty, bytes, size);
        stream_took(stream, taken);
        if (taken < size)
            return;
    }
    if (stream->ended && !stream->tty->hung)
        tty_hangup(stream->tty);
}

void console_drain(struct stream *stream)
{
    struct ring *output = &stream->tty->ldisc.output;
    bool any = false;
    while (ring_used(output) != 0 && !stream->tty->ldisc.stopped) {
        uint32_t size;
        const uint8_t *bytes = ring_piece(output, &size);
        uint64_t sent = stream->ops->write(stream, bytes, size);
        output->out += sent;
        any |= sent != 0;
        if (sent < size)
            break;
    }
    if (any)
        tty_drained(stream->tty);
}

static void device_drain(struct tty *tty)
{
    (void)tty;
    console_drain(console.stream);
}

static void device_room(struct tty *tty)
{
    (void)tty;
    console_pump(console.stream);
}

static void device_closed(struct tty *tty)
{
    (void)tty; /* it stays */
}

static const struct tty_device console_device = {device_drain, device_room, device_closed};

int64_t console_start(struct stream *stream)
{
    uint64_t number = makedev(5, 1);
    struct node *node = tmpfs_make(S_IFCHR | 0600, number);
    if (node == NULL)
        return -ENOMEM;
    console.node = node_get(node);
    int64_t result = tree_place("dev/console", node);
    if (result != 0)
        return result;
    tty_init(&console.tty, &console_device, number);
    console.stream = stream;
    stream->tty = &console.tty;
    return 0;
}

struct tty *console_tty(void)
{
    return console.stream != NULL ? &console.tty : NULL;
}

struct file *console_file(uint32_t flags)
{
    struct file *file = file_make(console.node, NULL, flags);
    if (file != NULL)
        tty_attach(&console.tty, file);
    return file;
}
