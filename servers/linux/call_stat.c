/* stat and its family, statx, access, readlink, statfs. */
#include "call_file.h"
#include "group.h"
#include "memory_state.h"
#include "tmpfs.h"
#include "user.h"
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int64_t stat_put(struct call *call, struct node *node, uaddr_t to)
{
    struct stat told;
    node_stat(node, &told);
    return user_write(call->task, to, &told, sizeof(told));
}

static int64_t stat_at(struct call *call, int folder, uaddr_t path, uaddr_t to, uint32_t flags)
{
    struct node *node;
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) != 0)
        return -EINVAL;
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    result = stat_put(call, node, to);
    node_put(node);
    return result;
}

int64_t call_stat(struct call *call, arg_user path, arg_user to)
{
    return stat_at(call, AT_FDCWD, path, to, 0);
}

int64_t call_lstat(struct call *call, arg_user path, arg_user to)
{
    return stat_at(call, AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW);
}

int64_t call_newfstatat(struct call *call, arg_int folder, arg_user path, arg_user to,
                        arg_uint flags)
{
    return stat_at(call, folder, path, to, flags);
}

int64_t call_fstat(struct call *call, arg_int fd, arg_user to)
{
    struct file *file = call_find(call, fd);
    return file != NULL ? stat_put(call, file->node, to) : -EBADF;
}

/* Linux's struct statx. */
struct time_told {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};

struct file_told {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, reserved;
    uint64_t ino, size, blocks, attributes_mask;
    struct time_told accessed, made, changed, modified;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t more[14];
};
_Static_assert(sizeof(struct file_told) == 256, "as Linux has it");

#define BASIC_STATS   0x7ffu
#define SYNC_TYPE     0x6000u
#define MASK_RESERVED 0x80000000u

static struct time_told statx_time(struct timespec time)
{
    return (struct time_told){.seconds = time.tv_sec, .nanoseconds = (uint32_t)time.tv_nsec};
}

static void statx_fill(struct node *node, struct file_told *told)
{
    struct stat basic;
    node_stat(node, &basic);
    *told = (struct file_told){.mask = BASIC_STATS,
                               .block_size = (uint32_t)basic.st_blksize,
                               .links = (uint32_t)basic.st_nlink,
                               .uid = basic.st_uid,
                               .gid = basic.st_gid,
                               .mode = (uint16_t)basic.st_mode,
                               .ino = basic.st_ino,
                               .size = (uint64_t)basic.st_size,
                               .blocks = (uint64_t)basic.st_blocks,
                               .accessed = statx_time(basic.st_atim),
                               .modified = statx_time(basic.st_mtim),
                               .changed = statx_time(basic.st_ctim),
                               .rdev_major = major(basic.st_rdev),
                               .rdev_minor = minor(basic.st_rdev),
                               .dev_major = major(basic.st_dev),
                               .dev_minor = minor(basic.st_dev)};
}

int64_t call_statx(struct call *call, arg_int folder, arg_user path, arg_uint flags, arg_uint mask,
                   arg_user to)
{
    struct file_told told;
    struct node *node;
    const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | SYNC_TYPE;
    if ((flags & ~known) != 0 || (mask & MASK_RESERVED) != 0)
        return -EINVAL;
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    statx_fill(node, &told);
    node_put(node);
    return user_write(call->task, to, &told, sizeof(told));
}

static int64_t access_at(struct call *call, int folder, uaddr_t path, uint32_t wanted,
                         uint32_t flags)
{
    struct node *node;
    const struct group *group = call->task->group;
    bool effective = (flags & AT_EACCESS) != 0;
    if ((wanted & ~7u) != 0 ||
        (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    int64_t result = path_find_at(call->task, folder, path, flags, &node);
    if (result != 0)
        return result;
    result = node_permits(node, wanted, effective ? group->euid : group->uid,
                          effective ? group->egid : group->gid);
    node_put(node);
    return result;
}

int64_t call_access(struct call *call, arg_user path, arg_uint wanted)
{
    return access_at(call, AT_FDCWD, path, wanted, 0);
}

int64_t call_faccessat(struct call *call, arg_int folder, arg_user path, arg_uint wanted)
{
    return access_at(call, folder, path, wanted, 0);
}

int64_t call_faccessat2(struct call *call, arg_int folder, arg_user path, arg_uint wanted,
                        arg_uint flags)
{
    return access_at(call, folder, path, wanted, flags);
}

static int64_t readlink_at(struct call *call, int folder, uaddr_t path, uaddr_t to, int64_t size)
{
    char text[PATH_SIZE];
    struct node *node;
    if (size <= 0)
        return -EINVAL;
    int64_t result = path_find(call->task, folder, path, WALK_EMPTY, &node);
    if (result != 0)
        return result;
    result = node->ops->read_link != NULL
                 ? node->ops->read_link(call->task, node, text, sizeof(text))
                 : -EINVAL;
    node_put(node);
    if (result < 0)
        return result;
    uint64_t length = min_u64(min_u64((uint64_t)result, sizeof(text)), (uint64_t)size);
    result = user_write(call->task, to, text, length);
    return result < 0 ? result : (int64_t)length;
}

int64_t call_readlink(struct call *call, arg_user path, arg_user to, arg_int size)
{
    return readlink_at(call, AT_FDCWD, path, to, size);
}

int64_t call_readlinkat(struct call *call, arg_int folder, arg_user path, arg_user to, arg_int size)
{
    return readlink_at(call, folder, path, to, size);
}

/* --- statfs --- */

#define TMPFS_MAGIC      0x01021994
#define PROC_SUPER_MAGIC 0x9fa0
#define DEVPTS_MAGIC     0x1cd1
#define PIPEFS_MAGIC     0x50495045
#define ANON_MAGIC       0x09041934
#define SOCKFS_MAGIC     0x534f434b

static int64_t statfs_put(struct call *call, const struct node *node, uaddr_t to)
{
    static const uint32_t magic[] = {
        [DEV_TREE] = TMPFS_MAGIC, [DEV_PROC] = PROC_SUPER_MAGIC, [DEV_PIPE] = PIPEFS_MAGIC,
        [DEV_OTHER] = ANON_MAGIC, [DEV_PTS] = DEVPTS_MAGIC,      [DEV_SOCKET] = SOCKFS_MAGIC};
    struct statfs told;
    memset(&told, 0, sizeof(told));
    told.f_type = magic[node->dev];
    told.f_bsize = told.f_frsize = PAGE_SIZE;
    told.f_namelen = NAME_SIZE_MAX;
    if (node->dev == DEV_TREE) {
        struct memory_state memory;
        memory_state_read(call, &memory);
        told.f_blocks = (tmpfs_used() + memory.left) / PAGE_SIZE;
        told.f_bfree = told.f_bavail = memory.left / PAGE_SIZE;
    }
    return user_write(call->task, to, &told, sizeof(told));
}

int64_t call_statfs(struct call *call, arg_user path, arg_user to)
{
    struct node *node;
    int64_t result = path_find(call->task, AT_FDCWD, path, WALK_FOLLOW, &node);
    if (result != 0)
        return result;
    result = statfs_put(call, node, to);
    node_put(node);
    return result;
}

int64_t call_fstatfs(struct call *call, arg_int fd, arg_user to)
{
    const struct file *file = call_find(call, fd);
    return file != NULL ? statfs_put(call, file->node, to) : -EBADF;
}
