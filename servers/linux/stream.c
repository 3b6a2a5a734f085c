/* Streams and their files (stream.h); console.c makes a tty of one. */
#include "stream.h"
#include "console.h"
#include "task.h"
#include "user.h"
#include <stdlib.h>
#include <sys/ioctl.h>

void stream_init(struct stream *stream, const struct stream_ops *ops)
{
    *stream = (struct stream){.ops = ops};
    pollable_init(&stream->pollable);
}

/* Input was taken from the ring. */
static void stream_room(struct stream *stream)
{
    if (!stream->refused || ring_free(&stream->input) == 0)
        return;
    stream->refused = false;
    stream->ops->room(stream);
}

uint64_t stream_input(struct stream *stream, const void *bytes, uint64_t size)
{
    const uint8_t *from = bytes;
    uint64_t done = 0;
    uint32_t put;
    do {
        put = ring_fill(&stream->input, from + done, size - done);
        done += put;
        if (stream->tty != NULL)
            console_pump(stream);
    } while (put != 0 && done < size);
    stream->refused = done < size;
    pollable_wake(&stream->pollable);
    return done;
}

void stream_end(struct stream *stream)
{
    stream->ended = true;
    if (stream->tty != NULL)
        console_pump(stream);
    pollable_wake(&stream->pollable);
}

void stream_writable(struct stream *stream)
{
    if (stream->tty != NULL)
        console_drain(stream);
    pollable_wake(&stream->pollable);
}

void stream_took(struct stream *stream, uint32_t size)
{
    stream->input.out += size;
    stream_room(stream);
}

/* --- files --- */

static struct stream *stream_of(const struct file *file)
{
    return file->own;
}

static int64_t stream_read(struct call *call, struct file *file, struct transfer *to,
                           uint64_t offset)
{
    struct stream *stream = stream_of(file);
    uint64_t done = 0;
    (void)offset;
    if (transfer_left(to) == 0)
        return 0;
    if (ring_used(&stream->input) == 0)
        return stream->ended ? 0 : file_wait(call, file, &stream->pollable, 0);
    while (ring_used(&stream->input) != 0 && transfer_left(to) != 0) {
        uint32_t size;
        const uint8_t *bytes = ring_piece(&stream->input, &size);
        int64_t moved = transfer_put(to, bytes, min_u64(size, transfer_left(to)));
        if (moved <= 0)
            return done != 0 ? (int64_t)done : moved;
        done += (uint64_t)moved;
        stream_took(stream, (uint32_t)moved);
    }
    return (int64_t)done;
}

static uint64_t stream_put(void *own, const uint8_t *bytes, uint64_t size)
{
    struct stream *stream = own;
    return stream->ops->write(stream, bytes, size);
}

static int64_t stream_write(struct call *call, struct file *file, struct transfer *from,
                            uint64_t offset)
{
    struct stream *stream = stream_of(file);
    (void)offset;
    return file_write_pieces(call, file, from, &stream->pollable, stream_put, stream);
}

/* Whether it is full only a write can tell. */
static uint32_t stream_poll(struct file *file)
{
    const struct stream *stream = stream_of(file);
    uint32_t ready = POLLOUT | POLLWRNORM;
    if (ring_used(&stream->input) != 0)
        ready |= POLLIN | POLLRDNORM;
    if (stream->ended)
        ready |= POLLHUP;
    return ready & (file_reads(file) ? UINT32_MAX : ~(uint32_t)(POLLIN | POLLRDNORM | POLLHUP)) &
           (file_writes(file) ? UINT32_MAX : ~(uint32_t)(POLLOUT | POLLWRNORM));
}

static struct pollable *stream_pollable(struct file *file)
{
    return &stream_of(file)->pollable;
}

static int64_t stream_ioctl(struct call *call, struct file *file, uint32_t command,
                            uint64_t argument)
{
    int32_t used = (int32_t)ring_used(&stream_of(file)->input);
    if (command != FIONREAD)
        return -ENOTTY;
    return user_write(call->task, (uaddr_t){argument}, &used, sizeof(used));
}

static const struct file_ops stream_ops = {.read = stream_read,
                                           .write = stream_write,
                                           .poll = stream_poll,
                                           .pollable = stream_pollable,
                                           .ioctl = stream_ioctl};

struct stream_node {
    struct node node;
    struct stream *stream;
};

/* Again, through /proc/PID/fd. */
static int64_t stream_node_open(struct call *call, struct node *node, struct file *file)
{
    (void)call;
    file->ops = &stream_ops;
    file->own = CONTAINER_OF(node, struct stream_node, node)->stream;
    return 0;
}

static void stream_node_release(struct node *node)
{
    free(CONTAINER_OF(node, struct stream_node, node));
}

static const struct node_ops stream_node_ops = {.open = stream_node_open,
                                                .release = stream_node_release};

struct file *stream_file(struct stream *stream, uint32_t flags)
{
    struct stream_node *made = malloc(sizeof(*made));
    if (made == NULL)
        return NULL;
    node_init(&made->node, &stream_node_ops, S_IFIFO | 0600, DEV_PIPE);
    made->stream = stream;
    struct file *file = file_make(&made->node, &stream_ops, flags);
    node_put(&made->node);
    if (file != NULL)
        file->own = stream;
    return file;
}
