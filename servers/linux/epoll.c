/* epoll (epoll.h). */
#include "epoll.h"
#include "call_file.h"
#include "clock.h"
#include "mask.h"
#include "user.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define EVENTS_MAX (INT32_MAX / (int)sizeof(struct epoll_event))
#define BUCKETS    16 /* at first; doubled as items come */

struct epoll_item {
    struct watch watch; /* on the file's pollable, if it has one */
    struct epoll *epoll;
    struct file *file; /* not a reference: the item goes before it */
    int fd;            /* by which it was added: part of its name */
    uint32_t events;   /* asked for, with EPOLLET, EPOLLONESHOT; 0 besides: waits for MOD */
    uint64_t data;
    struct list of_file;  /* in file->watches */
    struct list in_ready; /* in epoll->ready, or alone */
    struct epoll_item *chain;
};

struct epoll {
    struct pollable pollable;
    struct list ready;
    struct epoll_item **buckets;
    uint32_t bucket_count, count; /* a power of two; items */
    uint32_t inner;               /* items that are epolls */
    uint32_t outer;               /* epolls that have it as an item */
};

static const struct file_ops epoll_ops;

static struct epoll *epoll_of(const struct file *file)
{
    return file->ops == &epoll_ops ? file->own : NULL;
}

/* --- items by file and descriptor --- */

static struct epoll_item **bucket_of(const struct epoll *epoll, const struct file *file, int fd)
{
    uint64_t hash = ((uintptr_t)file >> 4) * UINT64_C(0x9e3779b97f4a7c15) + (uint32_t)fd;
    return &epoll->buckets[(hash ^ hash >> 32) & (epoll->bucket_count - 1)];
}

static struct epoll_item *item_find(const struct epoll *epoll, const struct file *file, int fd)
{
    struct epoll_item *item = *bucket_of(epoll, file, fd);
    while (item != NULL && (item->file != file || item->fd != fd))
        item = item->chain;
    return item;
}

/* Without memory the chains get longer. */
static void buckets_grow(struct epoll *epoll)
{
    uint32_t old_count = epoll->bucket_count;
    struct epoll_item **old = epoll->buckets;
    struct epoll_item **larger = calloc(old_count * 2, sizeof(struct epoll_item *));
    if (larger == NULL)
        return;
    epoll->buckets = larger;
    epoll->bucket_count = old_count * 2;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct epoll_item *item = old[i], *next; item != NULL; item = next) {
            struct epoll_item **bucket = bucket_of(epoll, item->file, item->fd);
            next = item->chain;
            item->chain = *bucket;
            *bucket = item;
        }
    }
    free(old);
}

/* --- the ready list --- */

static void item_ready(struct epoll_item *item)
{
    if (!list_empty(&item->in_ready))
        return;
    list_add_last(&item->epoll->ready, &item->in_ready);
    pollable_wake(&item->epoll->pollable);
}

static void item_changed(struct watch *watch)
{
    struct epoll_item *item = CONTAINER_OF(watch, struct epoll_item, watch);
    if ((item->events & ~(uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)) != 0)
        item_ready(item);
}

/* What it is ready for, of what is asked for. */
static uint32_t item_events(const struct epoll_item *item)
{
    return file_poll(item->file) & item->events;
}

/* --- adding and removing --- */

static void item_free(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll, *inner = epoll_of(item->file);
    struct epoll_item **link = bucket_of(epoll, item->file, item->fd);
    while (*link != item)
        link = &(*link)->chain;
    *link = item->chain;
    epoll->count--;
    if (inner != NULL) {
        epoll->inner--;
        inner->outer--;
    }
    list_remove(&item->watch.among);
    list_remove(&item->of_file);
    list_remove(&item->in_ready);
    free(item);
}

void epoll_forget(struct file *file)
{
    while (!list_empty(&file->watches))
        item_free(CONTAINER_OF(file->watches.next, struct epoll_item, of_file));
}

static void item_set(struct epoll_item *item, const struct epoll_event *event)
{
    item->events = event->events | EPOLLERR | EPOLLHUP;
    item->data = event->data.u64;
    if (item_events(item) != 0)
        item_ready(item);
}

static int64_t nesting_allowed(const struct epoll *epoll, const struct epoll *inner)
{
    return inner == NULL || (inner->inner == 0 && epoll->outer == 0) ? 0 : -ELOOP;
}

static int64_t item_add(struct epoll *epoll, struct file *file, int fd,
                        const struct epoll_event *event)
{
    struct epoll *inner = epoll_of(file);
    struct pollable *pollable = file_pollable(file);
    if (pollable == NULL)
        return -EPERM; /* always ready: nothing to wait for */
    int64_t result = nesting_allowed(epoll, inner);
    struct epoll_item *item = result == 0 ? malloc(sizeof(*item)) : NULL;
    if (item == NULL)
        return result != 0 ? result : -ENOMEM;
    if (epoll->count >= epoll->bucket_count)
        buckets_grow(epoll);
    struct epoll_item **bucket = bucket_of(epoll, file, fd);
    *item = (struct epoll_item){.watch = {.changed = item_changed},
                                .epoll = epoll,
                                .file = file,
                                .fd = fd,
                                .chain = *bucket};
    *bucket = item;
    epoll->count++;
    if (inner != NULL) {
        epoll->inner++;
        inner->outer++;
    }
    list_add_last(&pollable->watches, &item->watch.among);
    list_add_last(&file->watches, &item->of_file);
    list_init(&item->in_ready);
    item_set(item, event);
    return 0;
}

/* --- the open file --- */

/* What is on the ready list and not ready is taken off it. */
static uint32_t epoll_poll(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    while (!list_empty(&epoll->ready)) {
        struct epoll_item *item = CONTAINER_OF(epoll->ready.next, struct epoll_item, in_ready);
        if (item_events(item) != 0)
            return POLLIN | POLLRDNORM;
        list_remove(&item->in_ready);
    }
    return 0;
}

static struct pollable *epoll_pollable(struct file *file)
{
    return &epoll_of(file)->pollable;
}

static void epoll_close(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    for (uint32_t i = 0; i < epoll->bucket_count; i++) {
        while (epoll->buckets[i] != NULL)
            item_free(epoll->buckets[i]);
    }
    assert(epoll->count == 0 && epoll->outer == 0);
    pollable_end(&epoll->pollable);
    free(epoll->buckets);
    free(epoll);
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll, .pollable = epoll_pollable, .close = epoll_close};

static int64_t epoll_make(struct call *call, bool on_exec)
{
    struct epoll *epoll = calloc(1, sizeof(*epoll));
    struct epoll_item **buckets = calloc(BUCKETS, sizeof(struct epoll_item *));
    struct file *file = epoll != NULL && buckets != NULL
                            ? file_make(file_anonymous_node(), &epoll_ops, O_RDWR)
                            : NULL;
    if (file == NULL) {
        free(epoll);
        free(buckets);
        return -ENOMEM;
    }
    pollable_init(&epoll->pollable);
    list_init(&epoll->ready);
    epoll->buckets = buckets;
    epoll->bucket_count = BUCKETS;
    file->own = epoll;
    return files_give(call->task->files, file, on_exec);
}

int64_t call_epoll_create(struct call *call, arg_int size)
{
    return size > 0 ? epoll_make(call, false) : -EINVAL;
}

int64_t call_epoll_create1(struct call *call, arg_uint flags)
{
    if ((flags & ~(uint32_t)EPOLL_CLOEXEC) != 0)
        return -EINVAL;
    return epoll_make(call, flags != 0);
}

/* --- epoll_ctl --- */

int64_t call_epoll_ctl(struct call *call, arg_int at, arg_int operation, arg_int fd, arg_user from)
{
    struct epoll_event event = {0};
    struct file *file = call_file(call, at), *target = call_file(call, fd);
    if (file == NULL || target == NULL)
        return -EBADF;
    struct epoll *epoll = epoll_of(file);
    if (epoll == NULL || file == target)
        return -EINVAL;
    int64_t result =
        operation != EPOLL_CTL_DEL ? user_read(call->task, &event, from, sizeof(event)) : 0;
    if (result != 0)
        return result;
    struct epoll_item *item = item_find(epoll, target, fd);
    switch (operation) {
    case EPOLL_CTL_ADD:
        return item != NULL ? -EEXIST : item_add(epoll, target, fd, &event);
    case EPOLL_CTL_DEL:
        if (item != NULL)
            item_free(item);
        return item != NULL ? 0 : -ENOENT;
    case EPOLL_CTL_MOD:
        if (item != NULL)
            item_set(item, &event);
        return item != NULL ? 0 : -ENOENT;
    default:
        return -EINVAL;
    }
}

/* --- epoll_wait --- */

/* After it was told: by level it is looked at again, once it is, only MOD brings it back. */
static void item_told(struct epoll_item *item)
{
    list_remove(&item->in_ready);
    if ((item->events & EPOLLONESHOT) != 0)
        item->events &= EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
    else if ((item->events & EPOLLET) == 0)
        list_add_last(&item->epoll->ready, &item->in_ready);
}

/* Writes events of the ready: how many. Each item is looked at once. */
static int64_t events_tell(struct call *call, struct epoll *epoll, uaddr_t to, int most)
{
    struct list seen = LIST_INIT(seen);
    int64_t told = 0, result = 0;
    while (!list_empty(&epoll->ready) && told < most && result == 0) {
        struct epoll_item *item = CONTAINER_OF(epoll->ready.next, struct epoll_item, in_ready);
        struct epoll_event event = {.events = item_events(item), .data.u64 = item->data};
        list_remove(&item->in_ready);
        if (event.events == 0)
            continue;
        uaddr_t place = {to.va + (uint64_t)told * sizeof(event)};
        result = user_write(call->task, place, &event, sizeof(event));
        list_add_last(result == 0 ? &seen : &epoll->ready, &item->in_ready);
        told += result == 0;
    }
    while (!list_empty(&seen))
        item_told(CONTAINER_OF(seen.next, struct epoll_item, in_ready));
    return told != 0 ? told : result;
}

static int64_t epoll_run(struct call *call, int fd, uaddr_t to, int most)
{
    struct file *file = call_file(call, fd);
    struct epoll *epoll = file != NULL ? epoll_of(file) : NULL;
    if (file == NULL)
        return -EBADF;
    if (epoll == NULL || most <= 0 || most > EVENTS_MAX)
        return -EINVAL;
    int64_t result = events_tell(call, epoll, to, most);
    if (result != 0 || wait_over(call))
        return result;
    result = wait_on(call, &epoll->pollable.queue, 0, false);
    return result != 0 ? result : wait_begin(call, -EINTR);
}

int64_t call_epoll_wait(struct call *call, arg_int fd, arg_user to, arg_int most,
                        arg_int milliseconds)
{
    if (!call->again && milliseconds >= 0)
        wait_for(call, (uint64_t)milliseconds * 1000000);
    return epoll_run(call, fd, to, most);
}

int64_t call_epoll_pwait(struct call *call, arg_int fd, arg_user to, arg_int most,
                         arg_int milliseconds, arg_user mask, arg_size size)
{
    int64_t result = mask_begin(call, mask, size);
    if (result == 0)
        result = call_epoll_wait(call, fd, to, most, milliseconds);
    return mask_end(call, result);
}

int64_t call_epoll_pwait2(struct call *call, arg_int fd, arg_user to, arg_int most, arg_user time,
                          arg_user mask, arg_size size)
{
    int64_t result = 0;
    if (!call->again && time.va != 0)
        result = wait_for_timespec(call, time);
    if (result == 0)
        result = mask_begin(call, mask, size);
    if (result == 0)
        result = epoll_run(call, fd, to, most);
    return mask_end(call, result);
}
