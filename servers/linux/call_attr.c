/* What is known of a file: permissions, owner, times, size; and extended attributes, of which none.
 */
#include "call_file.h"
#include "clock.h"
#include "group.h"
#include "tmpfs.h"
#include "user.h"
#include <sys/time.h>
#include <utime.h>

/* --- permissions --- */

static int64_t node_chmod(struct call *call, struct node *node, uint32_t mode)
{
    int64_t result = node_owned(node, call->task);
    if (result != 0)
        return result;
    if (node_is(node, S_IFLNK))
        return -EOPNOTSUPP;
    if (call->task->group->euid != 0 && call->task->group->egid != node->gid)
        mode &= ~(uint32_t)S_ISGID;
    node->mode = (node->mode & S_IFMT) | (mode & 07777);
    node->changed = (int64_t)clock_real();
    return 0;
}

static int64_t chmod_at(struct call *call, int folder, uaddr_t path, uint32_t mode, uint32_t flags)
{
    struct node *node;
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    result = node_chmod(call, node, mode);
    node_put(node);
    return result;
}

int64_t call_chmod(struct call *call, arg_user path, arg_uint mode)
{
    return chmod_at(call, AT_FDCWD, path, mode, 0);
}

int64_t call_fchmodat(struct call *call, arg_int folder, arg_user path, arg_uint mode)
{
    return chmod_at(call, folder, path, mode, 0);
}

int64_t call_fchmodat2(struct call *call, arg_int folder, arg_user path, arg_uint mode,
                       arg_uint flags)
{
    return chmod_at(call, folder, path, mode, flags);
}

int64_t call_fchmod(struct call *call, arg_int fd, arg_uint mode)
{
    struct file *file = call_file(call, fd);
    return file != NULL ? node_chmod(call, file->node, mode) : -EBADF;
}

/* --- owners; UINT32_MAX: stays --- */

static int64_t node_chown(struct call *call, struct node *node, uint32_t uid, uint32_t gid)
{
    const struct group *group = call->task->group;
    bool other = (uid != UINT32_MAX && uid != node->uid) ||
                 (gid != UINT32_MAX && gid != node->gid && gid != group->egid);
    if (group->euid != 0 && (other || group->euid != node->uid))
        return -EPERM;
    if (uid != UINT32_MAX)
        node->uid = uid;
    if (gid != UINT32_MAX)
        node->gid = gid;
    if (!node_is(node, S_IFDIR))
        node->mode &= ~(uint32_t)(S_ISUID | ((node->mode & S_IXGRP) != 0 ? S_ISGID : 0));
    node->changed = (int64_t)clock_real();
    return 0;
}

static int64_t chown_at(struct call *call, int folder, uaddr_t path, uint32_t uid, uint32_t gid,
                        uint32_t flags)
{
    struct node *node;
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    result = node_chown(call, node, uid, gid);
    node_put(node);
    return result;
}

int64_t call_chown(struct call *call, arg_user path, arg_uint uid, arg_uint gid)
{
    return chown_at(call, AT_FDCWD, path, uid, gid, 0);
}

int64_t call_lchown(struct call *call, arg_user path, arg_uint uid, arg_uint gid)
{
    return chown_at(call, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t call_fchownat(struct call *call, arg_int folder, arg_user path, arg_uint uid, arg_uint gid,
                      arg_uint flags)
{
    return chown_at(call, folder, path, uid, gid, flags);
}

int64_t call_fchown(struct call *call, arg_int fd, arg_uint uid, arg_uint gid)
{
    struct file *file = call_file(call, fd);
    return file != NULL ? node_chown(call, file->node, uid, gid) : -EBADF;
}

/* --- times --- */

/* Those that are asked for; `now` says whether the task gave none of its own. */
struct times {
    int64_t accessed, modified;
    bool set_accessed, set_modified, now;
};

/* Nanoseconds of `seconds` and a rest below 10^9, held within what an int64_t holds. */
static int64_t nanoseconds_of(int64_t seconds, int64_t rest)
{
    const int64_t most = INT64_MAX / 1000000000 - 1;
    seconds = seconds > most ? most : seconds < -most ? -most : seconds;
    return seconds * 1000000000 + rest;
}

static int64_t node_times(struct call *call, struct node *node, const struct times *times)
{
    int64_t result = node_owned(node, call->task);
    if (result != 0 && times->now)
        result = node_allows(node, MAY_WRITE, call->task);
    if (result != 0)
        return result;
    if (times->set_accessed)
        node->accessed = times->accessed;
    if (times->set_modified)
        node->modified = times->modified;
    node->changed = (int64_t)clock_real();
    return 0;
}

/* path 0: the descriptor itself. */
static int64_t times_at(struct call *call, int folder, uaddr_t path, uint32_t flags,
                        const struct times *times)
{
    struct node *node;
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    if (path.va == 0 && folder != AT_FDCWD) {
        const struct file *file = call_file(call, folder);
        return file != NULL ? node_times(call, file->node, times) : -EBADF;
    }
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    result = node_times(call, node, times);
    node_put(node);
    return result;
}

/* One of utimensat's: false if it says neither "now", nor "as it is", nor a time. */
static bool time_read(struct timespec time, int64_t now, int64_t *value, bool *set)
{
    bool special = time.tv_nsec == UTIME_NOW || time.tv_nsec == UTIME_OMIT;
    *set = time.tv_nsec != UTIME_OMIT;
    if (!special && (time.tv_nsec < 0 || time.tv_nsec >= 1000000000))
        return false;
    *value = special ? now : nanoseconds_of(time.tv_sec, time.tv_nsec);
    return true;
}

static struct times times_now(void)
{
    int64_t now = (int64_t)clock_real();
    return (struct times){now, now, true, true, true};
}

int64_t call_utimensat(struct call *call, arg_int folder, arg_user path, arg_user at,
                       arg_uint flags)
{
    struct times times = times_now();
    struct timespec given[2];
    if (at.va == 0)
        return times_at(call, folder, path, flags, &times);
    int64_t result = user_read(call->task, given, at, sizeof(given));
    if (result < 0)
        return result;
    times.now = given[0].tv_nsec == UTIME_NOW && given[1].tv_nsec == UTIME_NOW;
    if (!time_read(given[0], times.accessed, &times.accessed, &times.set_accessed) ||
        !time_read(given[1], times.modified, &times.modified, &times.set_modified))
        return -EINVAL;
    if (!times.set_accessed && !times.set_modified)
        return 0;
    return times_at(call, folder, path, flags, &times);
}

static int64_t utimes_at(struct call *call, int folder, uaddr_t path, uaddr_t at)
{
    struct times times = times_now();
    struct timeval given[2];
    if (at.va == 0)
        return times_at(call, folder, path, 0, &times);
    int64_t result = user_read(call->task, given, at, sizeof(given));
    if (result < 0)
        return result;
    for (unsigned i = 0; i < 2; i++) {
        if (given[i].tv_usec < 0 || given[i].tv_usec >= 1000000)
            return -EINVAL;
    }
    times.accessed = nanoseconds_of(given[0].tv_sec, given[0].tv_usec * 1000);
    times.modified = nanoseconds_of(given[1].tv_sec, given[1].tv_usec * 1000);
    times.now = false;
    return times_at(call, folder, path, 0, &times);
}

int64_t call_utimes(struct call *call, arg_user path, arg_user at)
{
    return utimes_at(call, AT_FDCWD, path, at);
}

int64_t call_futimesat(struct call *call, arg_int folder, arg_user path, arg_user at)
{
    return utimes_at(call, folder, path, at);
}

int64_t call_utime(struct call *call, arg_user path, arg_user at)
{
    struct times times = times_now();
    struct utimbuf given;
    if (at.va == 0)
        return times_at(call, AT_FDCWD, path, 0, &times);
    int64_t result = user_read(call->task, &given, at, sizeof(given));
    if (result < 0)
        return result;
    times.accessed = nanoseconds_of(given.actime, 0);
    times.modified = nanoseconds_of(given.modtime, 0);
    times.now = false;
    return times_at(call, AT_FDCWD, path, 0, &times);
}

/* --- sizes --- */

static int64_t node_truncate(struct node *node, int64_t size)
{
    if (size < 0)
        return -EINVAL;
    if (node_is(node, S_IFDIR))
        return -EISDIR;
    return node->ops->truncate != NULL ? node->ops->truncate(node, (uint64_t)size) : -EINVAL;
}

int64_t call_truncate(struct call *call, arg_user path, arg_long size)
{
    struct node *node;
    int64_t result = path_find(call->task, AT_FDCWD, path, WALK_FOLLOW, &node);
    if (result != 0)
        return result;
    result = node_allows(node, MAY_WRITE, call->task);
    if (result == 0)
        result = node_truncate(node, size);
    node_put(node);
    return result;
}

int64_t call_ftruncate(struct call *call, arg_int fd, arg_long size)
{
    struct file *file = call_file(call, fd);
    if (file == NULL)
        return -EBADF;
    return file_writes(file) ? node_truncate(file->node, size) : -EINVAL;
}

#define FALLOC_KEEP_SIZE  1
#define FALLOC_PUNCH_HOLE 2
#define FALLOC_ZERO_RANGE 16

/* Pages are given when they are written: what is asked for in advance is the size. */
int64_t call_fallocate(struct call *call, arg_int fd, arg_int mode, arg_long offset, arg_long size)
{
    struct file *file = call_file(call, fd);
    int64_t end;
    if (file == NULL || !file_writes(file))
        return -EBADF;
    if (offset < 0 || size <= 0)
        return -EINVAL;
    if (__builtin_add_overflow(offset, size, &end))
        return -EFBIG;
    struct regular *regular = regular_of(file->node);
    if (regular == NULL)
        return node_is(file->node, S_IFIFO) ? -ESPIPE : -ENODEV;
    if ((mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) != 0 ||
        (mode & (FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE)) == FALLOC_PUNCH_HOLE)
        return -EOPNOTSUPP;
    int64_t result = 0;
    if ((mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) != 0)
        result = regular_punch(regular, (uint64_t)offset, (uint64_t)size);
    if (result == 0 && (mode & FALLOC_KEEP_SIZE) == 0 && (uint64_t)end > regular->size)
        result = regular_resize(regular, (uint64_t)end);
    return result;
}

/* --- extended attributes: the tree has none --- */

static int64_t no_attributes(struct call *call, uaddr_t path, uint32_t how, int64_t none)
{
    struct node *node;
    int64_t result = path_find(call->task, AT_FDCWD, path, how, &node);
    if (result != 0)
        return result;
    node_put(node);
    return none;
}

static int64_t no_attributes_of(struct call *call, int fd, int64_t none)
{
    return call_file(call, fd) != NULL ? none : -EBADF;
}

int64_t call_getxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, WALK_FOLLOW, -EOPNOTSUPP);
}
int64_t call_lgetxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, 0, -EOPNOTSUPP);
}
int64_t call_fgetxattr(struct call *call, arg_int fd)
{
    return no_attributes_of(call, fd, -EOPNOTSUPP);
}
int64_t call_listxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, WALK_FOLLOW, 0);
}
int64_t call_llistxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, 0, 0);
}
int64_t call_flistxattr(struct call *call, arg_int fd)
{
    return no_attributes_of(call, fd, 0);
}
int64_t call_setxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, WALK_FOLLOW, -EOPNOTSUPP);
}
int64_t call_lsetxattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, 0, -EOPNOTSUPP);
}
int64_t call_fsetxattr(struct call *call, arg_int fd)
{
    return no_attributes_of(call, fd, -EOPNOTSUPP);
}
int64_t call_removexattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, WALK_FOLLOW, -EOPNOTSUPP);
}
int64_t call_lremovexattr(struct call *call, arg_user path)
{
    return no_attributes(call, path, 0, -EOPNOTSUPP);
}
int64_t call_fremovexattr(struct call *call, arg_int fd)
{
    return no_attributes_of(call, fd, -EOPNOTSUPP);
}
