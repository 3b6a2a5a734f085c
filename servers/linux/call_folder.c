/* Folders: getdents, getcwd, chdir, chroot, umask. */
#include "call_file.h"
#include "folder.h"
#include "group.h"
#include "user.h"
#include <string.h>

/* --- getdents --- */

/* What stands before a name in a record; the older form has its type in the last byte. */
struct record {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
};

#define RECORD_NAME 19 /* where the name begins: packed behind the type */
#define RECORD_OLD  18

/* Records are gathered and written by blocks. */
struct listing {
    struct lister lister;
    struct task *task;
    uaddr_t to;
    uint64_t left; /* bytes of the program's buffer */
    bool old;      /* getdents, not getdents64 */
    bool full;     /* a name did not fit */
    int64_t error;
    uint64_t wrote; /* bytes there */
    uint32_t used;  /* bytes in `block` */
    uint8_t block[2048];
};

static void listing_flush(struct listing *listing)
{
    int64_t result = user_write(listing->task, listing->to, listing->block, listing->used);
    if (result < 0) {
        listing->error = result;
        return;
    }
    listing->to.va += listing->used;
    listing->wrote += listing->used;
    listing->used = 0;
}

static void record_put(struct listing *listing, uint64_t size, const char *name, uint64_t length,
                       const struct node *node, uint64_t next)
{
    uint8_t *at = listing->block + listing->used;
    struct record record = {node->ino, (int64_t)next, (uint16_t)size,
                            (uint8_t)((node->mode & S_IFMT) >> 12)};
    memset(at, 0, size);
    memcpy(at, &record, listing->old ? RECORD_OLD : RECORD_NAME);
    memcpy(at + (listing->old ? RECORD_OLD : RECORD_NAME), name, length);
    if (listing->old)
        at[size - 1] = record.type;
    listing->used += (uint32_t)size;
    listing->left -= size;
}

static bool listing_take(struct lister *lister, const char *name, uint64_t length,
                         const struct node *node, uint64_t next)
{
    struct listing *listing = CONTAINER_OF(lister, struct listing, lister);
    uint64_t size = align_up((listing->old ? RECORD_OLD + 1 : RECORD_NAME) + length + 1, 8);
    if (size > listing->left) {
        listing->full = true;
        return false;
    }
    if (listing->used + size > sizeof(listing->block))
        listing_flush(listing);
    if (listing->error != 0)
        return false;
    record_put(listing, size, name, length, node, next);
    return true;
}

static int64_t list_folder(struct call *call, int fd, uaddr_t to, uint64_t size, bool old)
{
    struct file *file = call_file(call, fd);
    if (file == NULL)
        return -EBADF;
    if (file->node->ops->list == NULL)
        return -ENOTDIR;
    if (file->node->links == 0)
        return -ENOENT; /* removed */
    struct listing listing = {
        .lister = {listing_take}, .task = call->task, .to = to, .left = size, .old = old};
    uint64_t at = file->position;
    int64_t result = file->node->ops->list(file->node, &at, &listing.lister);
    if (listing.error == 0 && listing.used != 0)
        listing_flush(&listing);
    if (listing.error != 0 || result != 0)
        return listing.error != 0 ? listing.error : result;
    file->position = at;
    return listing.wrote == 0 && listing.full ? -EINVAL : (int64_t)listing.wrote;
}

int64_t call_getdents(struct call *call, arg_int fd, arg_user to, arg_uint size)
{
    return list_folder(call, fd, to, size, true);
}

int64_t call_getdents64(struct call *call, arg_int fd, arg_user to, arg_uint size)
{
    return list_folder(call, fd, to, size, false);
}

/* --- where a task stands --- */

int64_t call_getcwd(struct call *call, arg_user to, arg_size size)
{
    char text[PATH_SIZE];
    bool reached;
    const struct folder_state *fs = call->task->fs;
    if (fs->cwd->links == 0)
        return -ENOENT;
    const char *path = fs_path(fs, fs->cwd, text, sizeof(text), &reached);
    if (path == NULL)
        return -ENAMETOOLONG;
    if (!reached)
        return -ENOENT;
    uint64_t length = strlen(path) + 1;
    if (length > size)
        return -ERANGE;
    int64_t result = user_write(call->task, to, path, length);
    return result < 0 ? result : (int64_t)length;
}

/* The reference goes into `place`, or is given back. */
static int64_t folder_enter(struct call *call, struct node **place, struct node *node)
{
    int64_t result =
        node->ops->find == NULL ? -ENOTDIR : node_allows(node, MAY_EXECUTE, call->task);
    if (result != 0) {
        node_put(node);
        return result;
    }
    node_put(*place);
    *place = node;
    return 0;
}

int64_t call_chdir(struct call *call, arg_user path)
{
    struct node *node;
    int64_t result = path_find(call->task, AT_FDCWD, path, WALK_FOLLOW, &node);
    return result != 0 ? result : folder_enter(call, &call->task->fs->cwd, node);
}

int64_t call_fchdir(struct call *call, arg_int fd)
{
    struct file *file = call_find(call, fd);
    if (file == NULL)
        return -EBADF;
    return folder_enter(call, &call->task->fs->cwd, node_get(file->node));
}

int64_t call_chroot(struct call *call, arg_user path)
{
    struct node *node;
    int64_t result = path_find(call->task, AT_FDCWD, path, WALK_FOLLOW, &node);
    if (result != 0)
        return result;
    if (call->task->group->euid != 0) {
        node_put(node);
        return -EPERM;
    }
    return folder_enter(call, &call->task->fs->root, node);
}

int64_t call_umask(struct call *call, arg_uint mask)
{
    struct folder_state *fs = call->task->fs;
    uint32_t old = fs->umask;
    fs->umask = mask & 0777;
    return old;
}
