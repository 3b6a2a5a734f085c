/* Pipes (pipe.h). */
#include "pipe.h"
#include "call_file.h"
#include "group.h"
#include "signals.h"
#include "user.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define PIPE_WHOLE 4096 /* bytes of a write that is not mixed with others (PIPE_BUF) */
#define RING_FIRST 4096 /* bytes that a ring has at first */

struct pipe {
    uint8_t *ring;
    uint32_t room;    /* bytes it has: a power of two, or 0 */
    uint32_t size;    /* bytes it may have: likewise */
    uint64_t in, out; /* bytes ever written and read */
    uint32_t files, readers, writers;
    uint32_t readers_ever, writers_ever; /* opens, for those that wait for one */
    struct pollable pollable;
    struct pipe **place; /* where its node finds it */
};

static struct pipe *pipe_of(const struct file *file)
{
    return file->own;
}

static struct pipe *pipe_new(struct pipe **place)
{
    struct pipe *pipe = calloc(1, sizeof(*pipe));
    if (pipe == NULL)
        return NULL;
    pipe->size = PIPE_SIZE;
    pipe->place = place;
    pollable_init(&pipe->pollable);
    return pipe;
}

static void pipe_free(struct pipe *pipe)
{
    *pipe->place = NULL;
    pollable_end(&pipe->pollable);
    free(pipe->ring);
    free(pipe);
}

/* --- the ring --- */

static uint32_t pipe_filled(const struct pipe *pipe)
{
    return (uint32_t)(pipe->in - pipe->out);
}

/* Another ring with the same bytes. False: no memory. */
static bool ring_set(struct pipe *pipe, uint32_t room)
{
    uint8_t *ring = malloc(room);
    uint32_t filled = pipe_filled(pipe);
    if (ring == NULL)
        return false;
    assert(filled <= room);
    for (uint32_t i = 0; i < filled; i++)
        ring[i] = pipe->ring[(pipe->out + i) & (pipe->room - 1)];
    free(pipe->ring);
    pipe->ring = ring;
    pipe->room = room;
    pipe->out = 0;
    pipe->in = filled;
    return true;
}

/* Bytes that can be written now, after growth for `wanted`. */
static uint32_t ring_reserve(struct pipe *pipe, uint64_t wanted)
{
    uint64_t need = min_u64(pipe_filled(pipe) + wanted, pipe->size);
    uint32_t room = pipe->room != 0 ? pipe->room : RING_FIRST;
    while (room < need)
        room *= 2;
    if (room != pipe->room)
        (void)ring_set(pipe, room);
    return pipe->room - pipe_filled(pipe);
}

/* Copies up to `size` bytes in or out, in the one or two pieces that they are. */
static int64_t ring_copy(struct pipe *pipe, struct transfer *transfer, uint32_t size, bool write)
{
    uint64_t *end = write ? &pipe->in : &pipe->out;
    uint32_t done = 0;
    while (done < size) {
        uint32_t at = (uint32_t)(*end & (pipe->room - 1));
        uint32_t piece = (uint32_t)min_u64(size - done, pipe->room - at);
        int64_t moved = write ? transfer_get(transfer, pipe->ring + at, piece)
                              : transfer_put(transfer, pipe->ring + at, piece);
        if (moved <= 0)
            return done != 0 ? done : moved;
        *end += (uint64_t)moved;
        done += (uint32_t)moved;
        if ((uint32_t)moved < piece)
            break;
    }
    return done;
}

/* --- reading and writing --- */

static int64_t pipe_read(struct call *call, struct file *file, struct transfer *to, uint64_t offset)
{
    struct pipe *pipe = pipe_of(file);
    (void)offset;
    uint32_t filled = pipe_filled(pipe);
    if (transfer_left(to) == 0)
        return 0;
    if (filled == 0)
        return pipe->writers == 0 ? 0 : file_wait(call, file, &pipe->pollable, 0);
    int64_t result = ring_copy(pipe, to, (uint32_t)min_u64(filled, transfer_left(to)), false);
    if (result > 0)
        pollable_wake(&pipe->pollable);
    return result;
}

/* What was written by earlier runs is in progress[0]. Writes of up to PIPE_WHOLE are whole. */
static int64_t pipe_write(struct call *call, struct file *file, struct transfer *from,
                          uint64_t offset)
{
    struct pipe *pipe = pipe_of(file);
    uint64_t *done = &call->task->progress[0], size = transfer_left(from);
    (void)offset;
    if (*done != 0 && transfer_skip(from, *done) < 0)
        return (int64_t)*done;
    if (pipe->readers == 0) {
        if (*done == 0)
            signal_task(call->task, SIGPIPE);
        return *done != 0 ? (int64_t)*done : -EPIPE;
    }
    uint64_t left = transfer_left(from);
    if (left == 0)
        return (int64_t)size;
    uint32_t room = ring_reserve(pipe, left);
    if (pipe->room == 0)
        return -ENOMEM;
    int64_t moved = 0;
    if (room >= left || (room != 0 && size > PIPE_WHOLE))
        moved = ring_copy(pipe, from, (uint32_t)min_u64(room, left), true);
    if (moved < 0)
        return *done != 0 ? (int64_t)*done : moved;
    *done += (uint64_t)moved;
    if (moved > 0)
        pollable_wake(&pipe->pollable);
    bool cut = moved > 0 && (uint64_t)moved < min_u64(room, left); /* the writer's memory ended */
    return *done == size || cut ? (int64_t)*done : file_wait(call, file, &pipe->pollable, *done);
}

static uint32_t pipe_poll(struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    uint32_t filled = pipe_filled(pipe), ready = 0;
    if (file_reads(file)) {
        ready |= filled != 0 ? POLLIN | POLLRDNORM : 0;
        ready |= pipe->writers == 0 && pipe->writers_ever != 0 ? POLLHUP : 0;
    }
    if (file_writes(file)) {
        ready |= pipe->size - filled >= PIPE_WHOLE ? POLLOUT | POLLWRNORM : 0;
        ready |= pipe->readers == 0 ? POLLERR : 0;
    }
    return ready;
}

static struct pollable *pipe_pollable(struct file *file)
{
    return &pipe_of(file)->pollable;
}

static int64_t pipe_ioctl(struct call *call, struct file *file, uint32_t command, uint64_t argument)
{
    int32_t filled = (int32_t)pipe_filled(pipe_of(file));
    if (command != FIONREAD)
        return -ENOTTY;
    return user_write(call->task, (uaddr_t){argument}, &filled, sizeof(filled));
}

static void pipe_close(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    if (pipe == NULL)
        return; /* its open found no memory */
    pipe->readers -= file_reads(file) ? 1 : 0;
    pipe->writers -= file_writes(file) ? 1 : 0;
    if (--pipe->files == 0)
        pipe_free(pipe);
    else
        pollable_wake(&pipe->pollable);
}

static const struct file_ops pipe_ops = {.read = pipe_read,
                                         .write = pipe_write,
                                         .poll = pipe_poll,
                                         .pollable = pipe_pollable,
                                         .ioctl = pipe_ioctl,
                                         .close = pipe_close};

/* A file becomes one of the pipe's. */
static void pipe_attach(struct pipe *pipe, struct file *file)
{
    file->ops = &pipe_ops;
    file->own = pipe;
    pipe->files++;
    if (file_reads(file)) {
        pipe->readers++;
        pipe->readers_ever++;
    }
    if (file_writes(file)) {
        pipe->writers++;
        pipe->writers_ever++;
    }
    pollable_wake(&pipe->pollable);
}

/* --- FIFOs --- */

/* One that opens for reading waits for a writer, and the other way round: progress[1] is 1 + how
 * many there had ever been of them. It counts itself at once, so that neither misses the other. */
static int64_t fifo_meet(struct call *call, struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    bool reads = file_reads(file);
    uint32_t others = reads ? pipe->writers : pipe->readers;
    uint32_t ever = reads ? pipe->writers_ever : pipe->readers_ever;
    uint64_t *before = &call->task->progress[1];
    if (*before == 0)
        *before = (uint64_t)ever + 1;
    if (others != 0 || *before != (uint64_t)ever + 1)
        return 0;
    if ((file->flags & O_NONBLOCK) != 0)
        return reads ? 0 : -ENXIO;
    int64_t result = wait_simply(call, &pipe->pollable.queue);
    if (result != WAIT)
        *before = 0; /* the next run begins anew */
    return result;
}

int64_t pipe_open(struct call *call, struct pipe **place, struct file *file)
{
    if (file->own == NULL) {
        if (*place == NULL)
            *place = pipe_new(place);
        if (*place == NULL)
            return -ENOMEM;
        pipe_attach(*place, file);
    }
    return (file->flags & O_ACCMODE) == O_RDWR ? 0 : fifo_meet(call, file);
}

/* --- pipes without a name, which /proc/PID/fd can open again --- */

struct pipe_node {
    struct node node;
    struct pipe *pipe;
};

static struct pipe_node *pipe_node_of(struct node *node)
{
    return CONTAINER_OF(node, struct pipe_node, node);
}

/* There is no other side to wait for: whoever was to come has been there. */
static int64_t pipe_node_open(struct call *call, struct node *node, struct file *file)
{
    (void)call;
    pipe_attach(pipe_node_of(node)->pipe, file);
    return 0;
}

static void pipe_node_release(struct node *node)
{
    free(pipe_node_of(node));
}

static const struct node_ops pipe_node_ops = {.open = pipe_node_open, .release = pipe_node_release};

/* The ends as files that are no pipe's yet. */
static struct pipe_node *ends_make(uint32_t flags, struct file *ends[2])
{
    struct pipe_node *made = calloc(1, sizeof(*made));
    ends[0] = ends[1] = NULL;
    if (made == NULL)
        return NULL;
    node_init(&made->node, &pipe_node_ops, S_IFIFO | 0600, DEV_PIPE);
    ends[0] = file_make(&made->node, NULL, O_RDONLY | flags);
    ends[1] = file_make(&made->node, NULL, O_WRONLY | flags);
    node_put(&made->node);
    return ends[0] != NULL && ends[1] != NULL ? made : NULL;
}

int64_t pipe_make(uint32_t flags, struct file *ends[2])
{
    struct pipe_node *node = ends_make(flags, ends);
    struct pipe *pipe = node != NULL ? pipe_new(&node->pipe) : NULL;
    if (pipe == NULL) {
        file_put(ends[0]);
        file_put(ends[1]);
        return -ENOMEM;
    }
    node->pipe = pipe;
    pipe_attach(pipe, ends[0]);
    pipe_attach(pipe, ends[1]);
    return 0;
}

/* --- sizes --- */

int64_t pipe_size(struct file *file)
{
    return file->ops == &pipe_ops ? pipe_of(file)->size : -EBADF;
}

int64_t pipe_resize(struct file *file, uint64_t size)
{
    if (file->ops != &pipe_ops)
        return -EBADF;
    struct pipe *pipe = pipe_of(file);
    uint32_t rounded = RING_FIRST;
    if (size == 0)
        return -EINVAL;
    if (size > PIPE_SIZE_MAX)
        return -EPERM;
    while (rounded < size)
        rounded *= 2;
    if (rounded < pipe_filled(pipe))
        return -EBUSY;
    if (rounded < pipe->room && !ring_set(pipe, rounded))
        return -ENOMEM;
    pipe->size = rounded;
    pollable_wake(&pipe->pollable);
    return rounded;
}

/* --- pipe and pipe2 --- */

static int64_t pipe_give(struct call *call, uaddr_t at, uint32_t flags)
{
    struct files *files = call->task->files;
    struct file *ends[2];
    int32_t told[2];
    bool on_exec = (flags & O_CLOEXEC) != 0;
    if ((flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0)
        return -EINVAL;
    int64_t result = pipe_make(flags & O_NONBLOCK, ends);
    if (result != 0)
        return result;
    int64_t in = files_give(files, ends[0], on_exec);
    if (in < 0) {
        file_put(ends[1]);
        return in;
    }
    int64_t out = files_give(files, ends[1], on_exec);
    told[0] = (int32_t)in;
    told[1] = (int32_t)out;
    result = out < 0 ? out : user_write(call->task, at, told, sizeof(told));
    if (result >= 0)
        return 0;
    (void)files_close(files, told[0]);
    if (out >= 0)
        (void)files_close(files, told[1]);
    return result;
}

int64_t call_pipe(struct call *call, arg_user at)
{
    return pipe_give(call, at, 0);
}

int64_t call_pipe2(struct call *call, arg_user at, arg_uint flags)
{
    return pipe_give(call, at, flags);
}
