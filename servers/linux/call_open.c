/* open, openat, openat2, creat, mknod, memfd_create, and close. */
#include "call_file.h"
#include "folder.h"
#include "group.h"
#include "openat2.h"
#include "tmpfs.h"
#include "user.h"
#include <string.h>
#include <sys/mman.h>

/* A new node in the walk's folder, owned by the task. Takes the reference of `node` (NULL: no
 * memory) and leaves another one in walk->node. */
static int64_t node_name(struct walk *walk, struct node *node)
{
    const struct group *group = walk->task->group;
    struct folder *folder = folder_of(walk->folder);
    if (node == NULL)
        return -ENOSPC;
    node->uid = group->euid;
    node->gid = (walk->folder->mode & S_ISGID) != 0 ? walk->folder->gid : group->egid;
    if (node_is(node, S_IFDIR))
        node->mode |= walk->folder->mode & S_ISGID;
    int64_t result = folder_add(folder, walk->name, walk->length, node);
    if (result == 0)
        walk->node = node;
    else
        node_put(node);
    return result;
}

static int64_t open_make(struct walk *walk, uint32_t mode)
{
    if (walk->slash)
        return -EISDIR;
    int64_t result = walk_may_change(walk, NULL);
    if (result != 0)
        return result;
    return node_name(walk, tmpfs_make(S_IFREG | (mode & 07777 & ~walk->task->fs->umask), 0));
}

/* A file without a name in a folder. */
static int64_t open_unnamed(struct walk *walk, uint32_t mode)
{
    if (!node_is(walk->node, S_IFDIR))
        return -ENOTDIR;
    int64_t result = node_allows(walk->node, MAY_WRITE | MAY_EXECUTE, walk->task);
    if (result != 0)
        return result;
    struct node *node = tmpfs_make(S_IFREG | (mode & 07777 & ~walk->task->fs->umask), 0);
    if (node == NULL)
        return -ENOSPC;
    node->uid = walk->task->group->euid;
    node->gid = walk->task->group->egid;
    node->links = 0;
    node_put(walk->node);
    walk->node = node;
    return 0;
}

/* What is there, by the flags: 0 or why it cannot be opened so. */
static int64_t open_allowed(const struct walk *walk, uint32_t flags)
{
    static const uint32_t wanted[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, 0};
    const struct node *node = walk->node;
    uint32_t want = wanted[flags & O_ACCMODE];
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (node_is(node, S_IFLNK) && (flags & O_PATH) == 0)
        return -ELOOP;
    if ((flags & O_DIRECTORY) != 0 && !node_is(node, S_IFDIR))
        return -ENOTDIR;
    if ((flags & O_PATH) != 0)
        return 0;
    if (node_is(node, S_IFDIR) && ((want & MAY_WRITE) != 0 || (flags & O_CREAT) != 0))
        return -EISDIR;
    if ((flags & O_TRUNC) != 0)
        want |= MAY_WRITE;
    return node_allows(node, want, walk->task);
}

static int64_t open_node(struct walk *walk, uint32_t flags, uint32_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_unnamed(walk, mode);
    if (walk->node == NULL)
        return open_make(walk, mode);
    return open_allowed(walk, flags);
}

/* The walk stands at what is to be opened, unless the file is open already and waits. */
static int64_t open_give(struct call *call, struct node *node, uint32_t flags)
{
    struct file *file;
    int64_t result = file_open(call, node, flags, &file);
    if (result != 0)
        return result;
    return files_give(call->task->files, file, (flags & O_CLOEXEC) != 0);
}

static uint32_t open_how(uint32_t flags)
{
    bool follow = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
    return (follow ? WALK_FOLLOW : 0) | ((flags & O_CREAT) != 0 ? WALK_MISSING : 0);
}

static int64_t open_at(struct call *call, int folder, uaddr_t path, uint32_t flags, uint32_t mode,
                       uint32_t how)
{
    struct walk walk;
    struct task *task = call->task;
    if (task->opening != NULL)
        return open_give(call, task->opening->node, flags);
    if ((flags & O_PATH) != 0)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_TMPFILE) == O_TMPFILE &&
        ((flags & O_ACCMODE) == O_RDONLY || (flags & O_CREAT) != 0))
        return -EINVAL;
    int64_t result = walk_user(&walk, task, folder, path, how | open_how(flags));
    if (result == 0)
        result = open_node(&walk, flags, mode);
    if (result == 0)
        result = open_give(call, walk.node, flags);
    walk_end(&walk);
    return result;
}

int64_t call_open(struct call *call, arg_user path, arg_uint flags, arg_uint mode)
{
    return open_at(call, AT_FDCWD, path, flags, mode, 0);
}

int64_t call_openat(struct call *call, arg_int folder, arg_user path, arg_uint flags, arg_uint mode)
{
    return open_at(call, folder, path, flags, mode, 0);
}

int64_t call_creat(struct call *call, arg_user path, arg_uint mode)
{
    return open_at(call, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, 0);
}

int64_t call_openat2(struct call *call, arg_int folder, arg_user path, arg_user at, arg_size size)
{
    struct open_how how;
    if (size < sizeof(how))
        return -EINVAL;
    if (size > sizeof(how))
        return -E2BIG;
    int64_t result = user_read(call->task, &how, at, sizeof(how));
    if (result < 0)
        return result;
    const uint64_t known = RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
                           RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    if ((how.resolve & ~known) != 0 || how.flags > UINT32_MAX || how.mode > 07777 ||
        (how.mode != 0 && (how.flags & (O_CREAT | O_TMPFILE)) == 0))
        return -EINVAL;
    if ((how.resolve & RESOLVE_IN_ROOT) != 0)
        return -EOPNOTSUPP;
    uint32_t walk = ((how.resolve & RESOLVE_BENEATH) != 0 ? WALK_BENEATH : 0) |
                    ((how.resolve & RESOLVE_NO_SYMLINKS) != 0 ? WALK_NO_LINKS : 0);
    return open_at(call, folder, path, (uint32_t)how.flags, (uint32_t)how.mode, walk);
}

int64_t call_close(struct call *call, arg_int fd)
{
    return files_close(call->task->files, fd);
}

int64_t walk_special(struct walk *walk, uint32_t mode, uint64_t rdev)
{
    if (walk->node != NULL)
        return -EEXIST;
    if (walk->slash)
        return -ENOENT;
    int64_t result = walk_may_change(walk, NULL);
    if (result != 0)
        return result;
    return node_name(walk, tmpfs_make(mode & ~walk->task->fs->umask, rdev));
}

static int64_t mknod_at(struct call *call, int folder, uaddr_t path, uint32_t mode, uint64_t rdev)
{
    struct walk walk;
    uint32_t type = mode & S_IFMT;
    if (type == 0)
        mode |= type = S_IFREG;
    if (type != S_IFREG && type != S_IFIFO && type != S_IFCHR && type != S_IFBLK &&
        type != S_IFSOCK)
        return type == S_IFDIR ? -EPERM : -EINVAL;
    if ((type == S_IFCHR || type == S_IFBLK) && call->task->group->euid != 0)
        return -EPERM;
    int64_t result = walk_user(&walk, call->task, folder, path, WALK_MISSING);
    if (result == 0)
        result = walk_special(&walk, type | (mode & 07777), rdev);
    walk_end(&walk);
    return result;
}

int64_t call_mknod(struct call *call, arg_user path, arg_uint mode, arg_uint rdev)
{
    return mknod_at(call, AT_FDCWD, path, mode, rdev);
}

int64_t call_mknodat(struct call *call, arg_int folder, arg_user path, arg_uint mode, arg_uint rdev)
{
    return mknod_at(call, folder, path, mode, rdev);
}

static int64_t mkdir_at(struct call *call, int at, uaddr_t path, uint32_t mode)
{
    struct walk walk;
    int64_t result = walk_user(&walk, call->task, at, path, WALK_MISSING);
    if (result == 0 && walk.node != NULL)
        result = -EEXIST;
    if (result == 0)
        result = walk_may_change(&walk, NULL);
    if (result == 0) {
        struct folder *made = folder_make(walk.folder, mode & 01777 & ~call->task->fs->umask);
        result = node_name(&walk, made != NULL ? &made->node : NULL);
    }
    walk_end(&walk);
    return result;
}

int64_t call_mkdir(struct call *call, arg_user path, arg_uint mode)
{
    return mkdir_at(call, AT_FDCWD, path, mode);
}

int64_t call_mkdirat(struct call *call, arg_int folder, arg_user path, arg_uint mode)
{
    return mkdir_at(call, folder, path, mode);
}

static int64_t symlink_at(struct call *call, uaddr_t target, int folder, uaddr_t path)
{
    struct walk walk;
    char text[PATH_SIZE];
    int64_t length = user_string(call->task, text, sizeof(text), target);
    if (length <= 0)
        return length < 0 ? length : -ENOENT;
    int64_t result = walk_user(&walk, call->task, folder, path, WALK_MISSING);
    if (result == 0 && walk.node != NULL)
        result = -EEXIST;
    if (result == 0 && walk.slash)
        result = -ENOENT;
    if (result == 0)
        result = walk_may_change(&walk, NULL);
    if (result == 0)
        result = node_name(&walk, tmpfs_symlink(text, (uint64_t)length));
    walk_end(&walk);
    return result;
}

int64_t call_symlink(struct call *call, arg_user target, arg_user path)
{
    return symlink_at(call, target, AT_FDCWD, path);
}

int64_t call_symlinkat(struct call *call, arg_user target, arg_int folder, arg_user path)
{
    return symlink_at(call, target, folder, path);
}

int64_t call_memfd_create(struct call *call, arg_user name, arg_uint flags)
{
    char text[250];
    struct file *file;
    if ((flags & ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING)) != 0)
        return -EINVAL;
    int64_t result = user_string(call->task, text, sizeof(text), name);
    if (result < 0)
        return result == -ENAMETOOLONG ? -EINVAL : result;
    struct node *node = tmpfs_make(S_IFREG | 0777, 0);
    if (node == NULL)
        return -ENOMEM;
    node->links = 0;
    node->uid = call->task->group->euid;
    node->gid = call->task->group->egid;
    if ((flags & MFD_ALLOW_SEALING) != 0)
        regular_of(node)->seals = 0;
    result = file_open(call, node, O_RDWR, &file);
    node_put(node);
    if (result != 0)
        return result;
    return files_give(call->task->files, file, (flags & MFD_CLOEXEC) != 0);
}
