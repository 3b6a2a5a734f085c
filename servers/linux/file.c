/* Open file descriptions (file.h). */
#include "file.h"
#include "epoll.h"
#include "lock.h"
#include "task.h"
#include <assert.h>
#include <stdlib.h>

static const struct file_ops no_ops; /* folders, O_PATH */

static void anonymous_release(struct node *node)
{
    assert(node == NULL); /* the one that all share is never freed */
}

static const struct node_ops anonymous_ops = {.release = anonymous_release};

struct node *file_anonymous_node(void)
{
    static struct node node;
    if (node.ops == NULL)
        node_init(&node, &anonymous_ops, 0600, DEV_OTHER);
    return &node;
}

struct file *file_make(struct node *node, const struct file_ops *ops, uint32_t flags)
{
    struct file *file = malloc(sizeof(*file));
    if (file == NULL)
        return NULL;
    *file = (struct file){.ops = ops != NULL ? ops : &no_ops,
                          .references = 1,
                          .flags = flags,
                          .node = node_get(node)};
    list_init(&file->watches);
    return file;
}

struct file *file_get(struct file *file)
{
    assert(file->references != 0);
    file->references++;
    return file;
}

void file_put(struct file *file)
{
    if (file == NULL || --file->references != 0)
        return;
    epoll_forget(file);
    if (file->ops->close != NULL)
        file->ops->close(file);
    locks_forget(file->node, file);
    node_put(file->node);
    free(file);
}

/* What open does to the node once the file is made. */
static int64_t open_begin(struct call *call, struct file *file)
{
    struct node *node = file->node;
    if ((file->flags & O_PATH) != 0)
        return 0;
    if (node->ops->open == NULL)
        return -ENXIO;
    int64_t result = node->ops->open(call, node, file);
    if (result == 0 && (file->flags & O_TRUNC) != 0 && node->ops->truncate != NULL)
        result = node->ops->truncate(node, 0);
    return result;
}

int64_t file_open(struct call *call, struct node *node, uint32_t flags, struct file **opened)
{
    struct task *task = call->task;
    struct file *file = task->opening;
    task->opening = NULL;
    if (file == NULL)
        file = file_make(node, NULL, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC));
    if (file == NULL)
        return -ENOMEM;
    int64_t result = open_begin(call, file);
    file->flags &= ~(uint32_t)O_TRUNC;
    if (result == WAIT) {
        task->opening = file;
        return WAIT;
    }
    if (result != 0)
        file_put(file);
    else
        *opened = file;
    return result;
}

/* Whether a transfer may be at all: 0 or why not. */
static int64_t transfer_allowed(const struct file *file, bool opened, bool can)
{
    if (!opened)
        return -EBADF;
    if (node_is(file->node, S_IFDIR))
        return -EISDIR;
    return can ? 0 : -EINVAL;
}

/* After a transfer: the position goes on. */
static int64_t position_advance(const struct file *file, uint64_t *position, int64_t result)
{
    if (result > 0 && file->ops->seekable)
        *position += (uint64_t)result;
    return result;
}

int64_t file_read(struct call *call, struct file *file, struct transfer *to, uint64_t *position)
{
    int64_t result = transfer_allowed(file, file_reads(file), file->ops->read != NULL);
    if (result != 0)
        return result;
    position = position != NULL ? position : &file->position;
    return position_advance(file, position, file->ops->read(call, file, to, *position));
}

int64_t file_write(struct call *call, struct file *file, struct transfer *from, uint64_t *position)
{
    int64_t result = transfer_allowed(file, file_writes(file), file->ops->write != NULL);
    if (result != 0)
        return result;
    uint64_t end = node_size(file->node);
    position = position != NULL ? position : &file->position;
    if ((file->flags & O_APPEND) != 0 && file->ops->seekable)
        *position = end;
    return position_advance(file, position, file->ops->write(call, file, from, *position));
}

int64_t file_memory(struct file *file, bool shared, bool write, uint64_t offset, uint64_t size,
                    slot_t *memory, uint64_t *place)
{
    const struct file_range range = {offset, size, shared, write};
    if ((file->flags & O_PATH) != 0)
        return -EBADF;
    if (!file_reads(file) || (shared && write && !file_writes(file)))
        return -EACCES;
    return file->ops->memory != NULL ? file->ops->memory(file, &range, memory, place) : -ENODEV;
}

uint32_t file_poll(struct file *file)
{
    return file->ops->poll != NULL ? file->ops->poll(file)
                                   : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

struct pollable *file_pollable(struct file *file)
{
    return file->ops->pollable != NULL ? file->ops->pollable(file) : NULL;
}

int64_t file_wait(struct call *call, const struct file *file, struct pollable *pollable,
                  uint64_t done)
{
    if ((file->flags & O_NONBLOCK) != 0)
        return done != 0 ? (int64_t)done : -EAGAIN;
    int64_t result = wait_on(call, &pollable->queue, 0, false);
    if (result != 0)
        return done != 0 ? (int64_t)done : result;
    return wait_begin(call, done != 0 ? (int64_t)done : RESTART_ALWAYS);
}

#define PIECE 1024 /* bytes on their way */

int64_t file_write_pieces(struct call *call, const struct file *file, struct transfer *from,
                          struct pollable *pollable,
                          uint64_t (*put)(void *own, const uint8_t *bytes, uint64_t size),
                          void *own)
{
    uint64_t *done = &call->task->progress[0];
    if (*done != 0 && transfer_skip(from, *done) < 0)
        return (int64_t)*done;
    for (uint64_t left; (left = transfer_left(from)) != 0;) {
        uint8_t bytes[PIECE];
        int64_t got = transfer_get(from, bytes, min_u64(left, sizeof(bytes)));
        if (got <= 0)
            return *done != 0 ? (int64_t)*done : got;
        uint64_t taken = put(own, bytes, (uint64_t)got);
        *done += taken;
        if (taken < (uint64_t)got)
            return file_wait(call, file, pollable, *done);
    }
    return (int64_t)*done;
}
