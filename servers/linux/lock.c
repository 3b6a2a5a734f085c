/*
 * Advisory locks (lock.h): a list per node of ranges [start, end), each of one owner. flock's are a
 * list of their own, of whole files; the two kinds do not see each other.
 */
#include "lock.h"
#include "file.h"
#include "group.h"
#include "task.h"
#include "user.h"
#include "wait.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define RANGE_END INT64_MAX

struct lock {
    struct list among;
    const void *owner; /* a file or a table of descriptors: only compared */
    uint32_t pid;      /* for F_GETLK; of an open file's: UINT32_MAX */
    bool write;
    int64_t start, end;
};

struct locks {
    struct list ranges, wholes;
    struct queue queue; /* waits for any to go */
};

static struct locks *locks_make(struct node *node)
{
    if (node->locks != NULL)
        return node->locks;
    struct locks *locks = malloc(sizeof(*locks));
    if (locks == NULL)
        return NULL;
    list_init(&locks->ranges);
    list_init(&locks->wholes);
    queue_init(&locks->queue);
    return node->locks = locks;
}

static void lock_free(struct lock *lock)
{
    list_remove(&lock->among);
    free(lock);
}

void locks_free(struct locks *locks)
{
    if (locks == NULL)
        return;
    assert(list_empty(&locks->ranges) && list_empty(&locks->wholes));
    queue_wake(&locks->queue);
    free(locks);
}

static struct lock *lock_of(struct list *node)
{
    return CONTAINER_OF(node, struct lock, among);
}

/* One of another owner that is in the way, or NULL. */
static const struct lock *lock_against(const struct list *list, const struct lock *wanted)
{
    LIST_EACH(node, list)
    {
        const struct lock *lock = lock_of(node);
        if (lock->owner != wanted->owner && lock->start < wanted->end &&
            wanted->start < lock->end && (lock->write || wanted->write))
            return lock;
    }
    return NULL;
}

static bool forget_in(struct list *list, const void *owner)
{
    bool any = false;
    for (struct list *node = list->next, *next; node != list; node = next) {
        next = node->next;
        if (lock_of(node)->owner == owner) {
            lock_free(lock_of(node));
            any = true;
        }
    }
    return any;
}

void locks_forget(struct node *node, const void *owner)
{
    struct locks *locks = node->locks;
    if (locks == NULL)
        return;
    bool any = forget_in(&locks->ranges, owner);
    any |= forget_in(&locks->wholes, owner);
    if (any)
        queue_wake(&locks->queue);
}

/* --- flock --- */

int64_t lock_whole(struct call *call, struct file *file, uint32_t operation)
{
    uint32_t kind = operation & ~(uint32_t)LOCK_NB;
    struct lock wanted = {.owner = file, .write = kind == LOCK_EX, .end = RANGE_END};
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    struct locks *locks = locks_make(file->node);
    struct lock *lock = malloc(sizeof(*lock));
    if (locks == NULL || lock == NULL) {
        free(lock);
        return -ENOLCK;
    }
    if (kind != LOCK_UN && lock_against(&locks->wholes, &wanted) != NULL) {
        free(lock);
        return (operation & LOCK_NB) != 0 ? -EAGAIN : wait_simply(call, &locks->queue);
    }
    if (forget_in(&locks->wholes, file))
        queue_wake(&locks->queue);
    if (kind == LOCK_UN) {
        free(lock);
        return 0;
    }
    *lock = wanted;
    list_add_last(&locks->wholes, &lock->among);
    return 0;
}

/* --- fcntl --- */

/* The range that a struct flock means: -EINVAL, -EOVERFLOW. */
static int64_t range_of(const struct file *file, const struct flock *flock, struct lock *range)
{
    int64_t base = 0, length = flock->l_len;
    if (flock->l_whence == SEEK_CUR)
        base = (int64_t)file->position;
    else if (flock->l_whence == SEEK_END)
        base = (int64_t)node_size(file->node);
    else if (flock->l_whence != SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, flock->l_start, &range->start))
        return -EOVERFLOW;
    if (__builtin_add_overflow(range->start, length, &range->end))
        return length > 0 ? -EOVERFLOW : -EINVAL;
    if (length < 0) {
        int64_t end = range->start;
        range->start = range->end;
        range->end = end;
    }
    if (length == 0)
        range->end = RANGE_END;
    return range->start < 0 ? -EINVAL : 0;
}

/* What an owner has in a range goes; what is cut in two takes `spare`, which is then used up. */
static void range_cut(struct locks *locks, const struct lock *range, struct lock **spare)
{
    for (struct list *node = locks->ranges.next, *next; node != &locks->ranges; node = next) {
        struct lock *lock = lock_of(node);
        next = node->next;
        if (lock->owner != range->owner || lock->start >= range->end || range->start >= lock->end)
            continue;
        if (lock->start < range->start && lock->end > range->end) {
            **spare = *lock;
            (*spare)->start = range->end;
            list_add_last(&locks->ranges, &(*spare)->among);
            *spare = NULL;
            lock->end = range->start;
        } else if (lock->start < range->start) {
            lock->end = range->start;
        } else if (lock->end > range->end) {
            lock->start = range->end;
        } else {
            lock_free(lock);
        }
    }
}

static int64_t range_set(struct locks *locks, const struct lock *range, bool unlock)
{
    struct lock *spare = malloc(sizeof(*spare)), *lock = malloc(sizeof(*lock));
    if (spare == NULL || lock == NULL) {
        free(spare);
        free(lock);
        return -ENOLCK;
    }
    range_cut(locks, range, &spare);
    free(spare);
    if (unlock) {
        free(lock);
    } else {
        *lock = *range;
        list_add_last(&locks->ranges, &lock->among);
    }
    queue_wake(&locks->queue);
    return 0;
}

/* F_GETLK: tells what is in the way. */
static int64_t range_tell(struct call *call, const struct locks *locks, const struct lock *range,
                          struct flock *flock, uaddr_t at)
{
    const struct lock *other = lock_against(&locks->ranges, range);
    flock->l_type = F_UNLCK;
    if (other != NULL) {
        flock->l_type = other->write ? F_WRLCK : F_RDLCK;
        flock->l_whence = SEEK_SET;
        flock->l_start = other->start;
        flock->l_len = other->end == RANGE_END ? 0 : other->end - other->start;
        flock->l_pid = (int32_t)other->pid;
    }
    return user_write(call->task, at, flock, sizeof(*flock));
}

/* Whether the file is open for such a lock. */
static int64_t range_allowed(const struct file *file, short type)
{
    if (type == F_RDLCK)
        return file_reads(file) ? 0 : -EBADF;
    if (type == F_WRLCK)
        return file_writes(file) ? 0 : -EBADF;
    return type == F_UNLCK ? 0 : -EINVAL;
}

int64_t lock_range(struct call *call, struct file *file, uint32_t command, uaddr_t at)
{
    struct flock flock;
    bool open = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    bool get = command == F_GETLK || command == F_OFD_GETLK;
    int64_t result = user_read(call->task, &flock, at, sizeof(flock));
    if (result < 0)
        return result;
    struct lock range = {.owner = open ? (const void *)file : call->task->files,
                         .pid = open ? UINT32_MAX : call->task->group->pid,
                         .write = flock.l_type == F_WRLCK};
    result = range_of(file, &flock, &range);
    if (result == 0 && open && flock.l_pid != 0)
        result = -EINVAL;
    if (result == 0 && get && flock.l_type == F_UNLCK)
        result = -EINVAL;
    if (result == 0 && !get)
        result = range_allowed(file, flock.l_type);
    struct locks *locks = locks_make(file->node);
    if (result != 0 || locks == NULL)
        return result != 0 ? result : -ENOLCK;
    if (get)
        return range_tell(call, locks, &range, &flock, at);
    if (flock.l_type == F_UNLCK || lock_against(&locks->ranges, &range) == NULL)
        return range_set(locks, &range, flock.l_type == F_UNLCK);
    return command == F_SETLKW || command == F_OFD_SETLKW ? wait_simply(call, &locks->queue)
                                                          : -EAGAIN;
}
