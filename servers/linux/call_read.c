/* read, write and their families, lseek. */
#include "call_file.h"
#include "user.h"
#include <sys/uio.h>
#include <unistd.h>

/* Of the flags of preadv2 those are taken that change nothing here: everything is in memory. */
#define FLAGS_KNOWN 7 /* RWF_HIPRI, RWF_DSYNC, RWF_SYNC */

/* `position` NULL: the file's own. */
static int64_t transfer_file(struct call *call, struct file *file, struct transfer *transfer,
                             bool write, uint64_t *position)
{
    if (file == NULL)
        return -EBADF;
    return write ? file_write(call, file, transfer, position)
                 : file_read(call, file, transfer, position);
}

static int64_t transfer_one(struct call *call, int fd, uaddr_t base, uint64_t size, bool write,
                            uint64_t *position)
{
    struct transfer transfer;
    transfer_user(&transfer, call->task, base, size);
    return transfer_file(call, call_file(call, fd), &transfer, write, position);
}

static int64_t transfer_many(struct call *call, int fd, uaddr_t vector, uint64_t count, bool write,
                             uint64_t *position)
{
    struct transfer transfer;
    struct file *file = call_file(call, fd);
    if (file == NULL)
        return -EBADF;
    int64_t result = transfer_vector(&transfer, call->task, vector, count);
    return result != 0 ? result : transfer_file(call, file, &transfer, write, position);
}

/* For calls that name a position: 0 or why they cannot. */
static int64_t position_given(struct call *call, int fd, int64_t offset)
{
    const struct file *file = call_file(call, fd);
    if (offset < 0)
        return -EINVAL;
    if (file == NULL)
        return -EBADF;
    return file->ops->seekable || node_is(file->node, S_IFDIR) ? 0 : -ESPIPE;
}

int64_t call_read(struct call *call, arg_int fd, arg_user to, arg_size size)
{
    return transfer_one(call, fd, to, size, false, NULL);
}

int64_t call_write(struct call *call, arg_int fd, arg_user from, arg_size size)
{
    return transfer_one(call, fd, from, size, true, NULL);
}

int64_t call_pread64(struct call *call, arg_int fd, arg_user to, arg_size size, arg_long offset)
{
    uint64_t position = (uint64_t)offset;
    int64_t result = position_given(call, fd, offset);
    return result != 0 ? result : transfer_one(call, fd, to, size, false, &position);
}

int64_t call_pwrite64(struct call *call, arg_int fd, arg_user from, arg_size size, arg_long offset)
{
    uint64_t position = (uint64_t)offset;
    int64_t result = position_given(call, fd, offset);
    return result != 0 ? result : transfer_one(call, fd, from, size, true, &position);
}

int64_t call_readv(struct call *call, arg_int fd, arg_user vector, arg_size count)
{
    return transfer_many(call, fd, vector, count, false, NULL);
}

int64_t call_writev(struct call *call, arg_int fd, arg_user vector, arg_size count)
{
    return transfer_many(call, fd, vector, count, true, NULL);
}

static int64_t transfer_at(struct call *call, int fd, uaddr_t vector, uint64_t count, bool write,
                           int64_t offset)
{
    uint64_t position = (uint64_t)offset;
    int64_t result = position_given(call, fd, offset);
    return result != 0 ? result : transfer_many(call, fd, vector, count, write, &position);
}

/* The high half of the offset is for 32-bit programs. */
int64_t call_preadv(struct call *call, arg_int fd, arg_user vector, arg_size count, arg_long offset,
                    arg_long high)
{
    (void)high;
    return transfer_at(call, fd, vector, count, false, offset);
}

int64_t call_pwritev(struct call *call, arg_int fd, arg_user vector, arg_size count,
                     arg_long offset, arg_long high)
{
    (void)high;
    return transfer_at(call, fd, vector, count, true, offset);
}

static int64_t transfer_flagged(struct call *call, int fd, uaddr_t vector, uint64_t count,
                                bool write, int64_t offset, uint32_t flags)
{
    if ((flags & ~(uint32_t)FLAGS_KNOWN) != 0)
        return -EOPNOTSUPP;
    if (offset == -1)
        return transfer_many(call, fd, vector, count, write, NULL);
    return transfer_at(call, fd, vector, count, write, offset);
}

int64_t call_preadv2(struct call *call, arg_int fd, arg_user vector, arg_size count,
                     arg_long offset, arg_long high, arg_uint flags)
{
    (void)high;
    return transfer_flagged(call, fd, vector, count, false, offset, flags);
}

int64_t call_pwritev2(struct call *call, arg_int fd, arg_user vector, arg_size count,
                      arg_long offset, arg_long high, arg_uint flags)
{
    (void)high;
    return transfer_flagged(call, fd, vector, count, true, offset, flags);
}

/* A folder's position is where its listing goes on; only ways there that lseek gave itself. */
static int64_t seek_base(struct file *file, uint32_t whence, int64_t offset)
{
    int64_t size = (int64_t)node_size(file->node);
    switch (whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        return (int64_t)file->position;
    case SEEK_END:
        return size;
    case SEEK_DATA: /* no holes are told: all is data, with one hole behind the end */
        return offset >= 0 && offset < size ? 0 : -ENXIO;
    case SEEK_HOLE:
        return offset >= 0 && offset < size ? size - offset : -ENXIO;
    default:
        return -EINVAL;
    }
}

int64_t call_lseek(struct call *call, arg_int fd, arg_long offset, arg_uint whence)
{
    struct file *file = call_file(call, fd);
    int64_t at;
    if (file == NULL)
        return -EBADF;
    if (!file->ops->seekable && !node_is(file->node, S_IFDIR))
        return -ESPIPE;
    int64_t base = seek_base(file, whence, offset);
    if (base < 0)
        return base;
    if (__builtin_add_overflow(base, offset, &at))
        return -EOVERFLOW;
    if (at < 0)
        return -EINVAL;
    file->position = (uint64_t)at;
    return at;
}
