/* Descriptors: dup, fcntl, ioctl, flock, close_range; and the calls that wait for storage. */
#include "call_file.h"
#include "group.h"
#include "lock.h"
#include "pipe.h"
#include "tmpfs.h"
#include "user.h"
#include <sys/file.h>
#include <sys/ioctl.h>

int64_t call_dup(struct call *call, arg_int fd)
{
    struct file *file = call_find(call, fd);
    return file != NULL ? files_give(call->task->files, file_get(file), false) : -EBADF;
}

int64_t call_dup2(struct call *call, arg_int from, arg_int to)
{
    struct file *file = call_find(call, from);
    if (file == NULL)
        return -EBADF;
    return from == to ? to : files_set(call->task->files, file, to, false);
}

int64_t call_dup3(struct call *call, arg_int from, arg_int to, arg_uint flags)
{
    struct file *file = call_find(call, from);
    if ((flags & ~(uint32_t)O_CLOEXEC) != 0 || from == to)
        return -EINVAL;
    if (file == NULL)
        return -EBADF;
    return files_set(call->task->files, file, to, (flags & O_CLOEXEC) != 0);
}

#define CLOSE_RANGE_UNSHARE_FLAG 2
#define CLOSE_RANGE_CLOEXEC_FLAG 4

/* A table of its own, if others share it. */
static int64_t files_unshare(struct task *task)
{
    if (task->files->references == 1)
        return 0;
    struct files *own = files_clone(task->files);
    if (own == NULL)
        return -ENOMEM;
    files_put(task->files);
    task->files = own;
    return 0;
}

int64_t call_close_range(struct call *call, arg_uint first, arg_uint last, arg_uint flags)
{
    if (first > last ||
        (flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE_FLAG | CLOSE_RANGE_CLOEXEC_FLAG)) != 0)
        return -EINVAL;
    int64_t result = (flags & CLOSE_RANGE_UNSHARE_FLAG) != 0 ? files_unshare(call->task) : 0;
    if (result != 0 || first > INT32_MAX)
        return result;
    struct files *files = call->task->files;
    for (int fd = files_next(files, (int)first); fd >= 0 && (uint32_t)fd <= last;
         fd = files_next(files, fd + 1)) {
        if ((flags & CLOSE_RANGE_CLOEXEC_FLAG) != 0)
            files_set_on_exec(files, fd, true);
        else
            (void)files_close(files, fd);
    }
    return 0;
}

/* --- fcntl --- */

static int64_t fcntl_dup(struct call *call, struct file *file, uint64_t low, bool on_exec)
{
    struct files *files = call->task->files;
    if (low >= files->limit)
        return -EINVAL;
    int64_t result = files_add(files, file, (uint32_t)low, on_exec);
    if (result >= 0)
        (void)file_get(file);
    return result;
}

static int64_t fcntl_status(struct call *call, struct file *file, uint32_t flags)
{
    if ((flags & O_NOATIME) != 0 && (file->flags & O_NOATIME) == 0) {
        int64_t result = node_owned(file->node, call->task);
        if (result != 0)
            return result;
    }
    file->flags = (file->flags & ~(uint32_t)FILE_STATUS) | (flags & FILE_STATUS);
    return 0;
}

static int64_t fcntl_seal(struct file *file, uint64_t seals)
{
    struct regular *regular = regular_of(file->node);
    const uint64_t known =
        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
    if (regular == NULL || (seals & ~known) != 0)
        return -EINVAL;
    if (!file_writes(file) || (regular->seals & F_SEAL_SEAL) != 0)
        return -EPERM;
    regular->seals |= (uint32_t)seals;
    return 0;
}

static int64_t fcntl_seals(struct file *file)
{
    const struct regular *regular = regular_of(file->node);
    return regular != NULL ? (int64_t)regular->seals : -EINVAL;
}

/* Those on the open file; not for what was opened with O_PATH. */
static int64_t fcntl_file(struct call *call, struct file *file, uint32_t command, uint64_t argument)
{
    switch (command) {
    case F_SETFL:
        return fcntl_status(call, file, (uint32_t)argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_range(call, file, command, (uaddr_t){argument});
    case F_ADD_SEALS:
        return fcntl_seal(file, argument);
    case F_GET_SEALS:
        return fcntl_seals(file);
    case F_GETPIPE_SZ:
        return pipe_size(file);
    case F_SETPIPE_SZ:
        return pipe_resize(file, argument);
    default:
        return -EINVAL;
    }
}

int64_t call_fcntl(struct call *call, arg_int fd, arg_uint command, arg_size argument)
{
    struct files *files = call->task->files;
    struct file *file = call_find(call, fd);
    if (file == NULL)
        return -EBADF;
    switch (command) {
    case F_DUPFD:
        return fcntl_dup(call, file, argument, false);
    case F_DUPFD_CLOEXEC:
        return fcntl_dup(call, file, argument, true);
    case F_GETFD:
        return files_on_exec(files, fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
        files_set_on_exec(files, fd, (argument & FD_CLOEXEC) != 0);
        return 0;
    case F_GETFL:
        return file->flags;
    default:
        return (file->flags & O_PATH) != 0 ? -EBADF : fcntl_file(call, file, command, argument);
    }
}

/* --- ioctl: what all files know, else the file's own --- */

/* How many bytes a reader would get now. */
static int64_t ioctl_left(struct call *call, struct file *file, uint64_t at)
{
    if (!node_is(file->node, S_IFREG))
        return -ENOTTY;
    uint64_t size = node_size(file->node);
    uint64_t left = size > file->position ? size - file->position : 0;
    int32_t told = left > INT32_MAX ? INT32_MAX : (int32_t)left;
    return user_write(call->task, (uaddr_t){at}, &told, sizeof(told));
}

int64_t call_ioctl(struct call *call, arg_int fd, arg_uint command, arg_size argument)
{
    struct file *file = call_file(call, fd);
    uint32_t on;
    if (file == NULL)
        return -EBADF;
    switch (command) {
    case FIOCLEX:
    case FIONCLEX:
        files_set_on_exec(call->task->files, fd, command == FIOCLEX);
        return 0;
    case FIONBIO: {
        int64_t result = user_word(call->task, (uaddr_t){argument}, &on);
        if (result < 0)
            return result;
        file->flags = (file->flags & ~(uint32_t)O_NONBLOCK) | (on != 0 ? O_NONBLOCK : 0);
        return 0;
    }
    default:
        break;
    }
    if (file->ops->ioctl != NULL)
        return file->ops->ioctl(call, file, command, argument);
    return command == FIONREAD ? ioctl_left(call, file, argument) : -ENOTTY;
}

int64_t call_flock(struct call *call, arg_int fd, arg_uint operation)
{
    struct file *file = call_file(call, fd);
    return file != NULL ? lock_whole(call, file, operation) : -EBADF;
}

/* --- storage: what is written is where it stays --- */

int64_t call_fsync(struct call *call, arg_int fd)
{
    const struct file *file = call_file(call, fd);
    if (file == NULL)
        return -EBADF;
    return node_is(file->node, S_IFREG) || node_is(file->node, S_IFDIR) ? 0 : -EINVAL;
}

int64_t call_fdatasync(struct call *call, arg_int fd)
{
    return call_fsync(call, fd);
}

int64_t call_syncfs(struct call *call, arg_int fd)
{
    return call_find(call, fd) != NULL ? 0 : -EBADF;
}

int64_t call_sync(struct call *call)
{
    (void)call;
    return 0;
}

int64_t call_fadvise64(struct call *call, arg_int fd, arg_long offset, arg_long size,
                       arg_int advice)
{
    const struct file *file = call_file(call, fd);
    (void)offset;
    if (file == NULL)
        return -EBADF;
    if (node_is(file->node, S_IFIFO))
        return -ESPIPE;
    return size < 0 || advice < 0 || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

int64_t call_readahead(struct call *call, arg_int fd, arg_long offset, arg_size count)
{
    const struct file *file = call_file(call, fd);
    (void)offset, (void)count;
    if (file == NULL || !file_reads(file))
        return -EBADF;
    return node_is(file->node, S_IFREG) ? 0 : -EINVAL;
}
