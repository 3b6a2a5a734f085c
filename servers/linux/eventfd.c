/* eventfd(2): a counter that can be waited for. Lives as long as its open file. */
#include "call_file.h"
#include <stdlib.h>
#include <sys/eventfd.h>

#define COUNT_MAX (UINT64_MAX - 1)

struct event {
    uint64_t count;
    bool single; /* EFD_SEMAPHORE: a read takes one */
    struct pollable pollable;
};

static struct event *event_of(const struct file *file)
{
    return file->own;
}

static int64_t event_read(struct call *call, struct file *file, struct transfer *to,
                          uint64_t offset)
{
    struct event *event = event_of(file);
    uint64_t taken = event->single ? 1 : event->count;
    (void)offset;
    if (transfer_left(to) < sizeof(taken))
        return -EINVAL;
    if (event->count == 0)
        return file_wait(call, file, &event->pollable, 0);
    int64_t moved = transfer_put(to, &taken, sizeof(taken));
    if (moved < 0)
        return moved;
    event->count -= taken;
    pollable_wake(&event->pollable);
    return sizeof(taken);
}

static int64_t event_write(struct call *call, struct file *file, struct transfer *from,
                           uint64_t offset)
{
    struct event *event = event_of(file);
    uint64_t added;
    (void)offset;
    if (transfer_left(from) < sizeof(added))
        return -EINVAL;
    int64_t moved = transfer_get(from, &added, sizeof(added));
    if (moved < (int64_t)sizeof(added))
        return moved < 0 ? moved : -EFAULT;
    if (added == UINT64_MAX)
        return -EINVAL;
    if (added > COUNT_MAX - event->count)
        return file_wait(call, file, &event->pollable, 0);
    event->count += added;
    pollable_wake(&event->pollable);
    return sizeof(added);
}

static uint32_t event_poll(struct file *file)
{
    const struct event *event = event_of(file);
    return (event->count != 0 ? POLLIN | POLLRDNORM : 0) |
           (event->count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static struct pollable *event_pollable(struct file *file)
{
    return &event_of(file)->pollable;
}

static void event_close(struct file *file)
{
    pollable_end(&event_of(file)->pollable);
    free(event_of(file));
}

static const struct file_ops event_ops = {.read = event_read,
                                          .write = event_write,
                                          .poll = event_poll,
                                          .pollable = event_pollable,
                                          .close = event_close};

int64_t call_eventfd2(struct call *call, arg_uint count, arg_uint flags)
{
    if ((flags & ~(uint32_t)(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) != 0)
        return -EINVAL;
    struct event *event = malloc(sizeof(*event));
    struct file *file =
        event != NULL ? file_make(file_anonymous_node(), &event_ops, O_RDWR | (flags & O_NONBLOCK))
                      : NULL;
    if (file == NULL) {
        free(event);
        return -ENOMEM;
    }
    event->count = count;
    event->single = (flags & EFD_SEMAPHORE) != 0;
    pollable_init(&event->pollable);
    file->own = event;
    return files_give(call->task->files, file, (flags & EFD_CLOEXEC) != 0);
}

int64_t call_eventfd(struct call *call, arg_uint count)
{
    return call_eventfd2(call, count, 0);
}
