/* Names: unlink, rmdir, rename, link. Making of nodes is in call_open.c. */
#include "call_file.h"
#include "folder.h"
#include "group.h"
#include "user.h"

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2

/* --- unlink and rmdir --- */

static int64_t rmdir_allowed(const struct walk *walk)
{
    switch (walk->last) {
    case LAST_DOT:
        return -EINVAL;
    case LAST_DOTS:
        return -ENOTEMPTY;
    case LAST_ROOT:
        return -EBUSY;
    case LAST_NAME:
        break;
    }
    if (!node_is(walk->node, S_IFDIR))
        return -ENOTDIR;
    int64_t result = walk_may_change(walk, walk->node);
    if (result != 0)
        return result;
    const struct folder *folder = folder_of(walk->node);
    if (folder == NULL)
        return -EBUSY; /* another file system's root */
    return folder->count == 0 ? 0 : -ENOTEMPTY;
}

static int64_t unlink_allowed(const struct walk *walk)
{
    if (walk->last != LAST_NAME || node_is(walk->node, S_IFDIR))
        return -EISDIR;
    return walk_may_change(walk, walk->node);
}

static int64_t unlink_at(struct call *call, int at, uaddr_t path, bool folder)
{
    struct walk walk;
    int64_t result = walk_user(&walk, call->task, at, path, 0);
    if (result == 0)
        result = folder ? rmdir_allowed(&walk) : unlink_allowed(&walk);
    struct entry *entry = result == 0 ? walk_entry(&walk) : NULL;
    if (entry != NULL)
        folder_remove(folder_of(walk.folder), entry);
    walk_end(&walk);
    return result;
}

int64_t call_unlink(struct call *call, arg_user path)
{
    return unlink_at(call, AT_FDCWD, path, false);
}

int64_t call_rmdir(struct call *call, arg_user path)
{
    return unlink_at(call, AT_FDCWD, path, true);
}

int64_t call_unlinkat(struct call *call, arg_int folder, arg_user path, arg_uint flags)
{
    if ((flags & ~(uint32_t)AT_REMOVEDIR) != 0)
        return -EINVAL;
    return unlink_at(call, folder, path, (flags & AT_REMOVEDIR) != 0);
}

/* --- link --- */

static int64_t link_make(struct walk *walk, struct node *node)
{
    if (walk->node != NULL)
        return -EEXIST;
    if (walk->slash)
        return -ENOENT;
    if (node_is(node, S_IFDIR))
        return -EPERM;
    if (node->dev != walk->folder->dev)
        return -EXDEV;
    if (node->links == 0)
        return -ENOENT; /* it was removed; a file made by O_TMPFILE has never had a name */
    int64_t result = walk_may_change(walk, NULL);
    if (result == 0)
        result = folder_add(folder_of(walk->folder), walk->name, walk->length, node);
    if (result == 0)
        node->links++;
    return result;
}

static int64_t link_at(struct call *call, int from, uaddr_t old, int to, uaddr_t new,
                       uint32_t flags)
{
    struct walk walk;
    struct node *node;
    if ((flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    uint32_t how = ((flags & AT_SYMLINK_FOLLOW) != 0 ? WALK_FOLLOW : 0) |
                   ((flags & AT_EMPTY_PATH) != 0 ? WALK_EMPTY : 0);
    int64_t result = path_find(call->task, from, old, how, &node);
    if (result != 0)
        return result;
    result = walk_user(&walk, call->task, to, new, WALK_MISSING);
    if (result == 0)
        result = link_make(&walk, node);
    walk_end(&walk);
    node_put(node);
    return result;
}

int64_t call_link(struct call *call, arg_user from, arg_user to)
{
    return link_at(call, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t call_linkat(struct call *call, arg_int from, arg_user old, arg_int to, arg_user new,
                    arg_uint flags)
{
    return link_at(call, from, old, to, new, flags);
}

/* --- rename --- */

struct rename {
    struct walk from, to;
    uint32_t flags;
};

/* Whether a folder that has a name elsewhere may lose or get one here. */
static int64_t folder_moves(const struct rename *rename, const struct node *node,
                            const struct walk *to)
{
    if (!node_is(node, S_IFDIR))
        return 0;
    if (folder_of((struct node *)node) == NULL)
        return -EBUSY;
    if (folder_within(to->folder, node))
        return -EINVAL; /* into itself */
    /* Its `..` changes: that is writing to it. */
    return rename->from.folder != rename->to.folder ? node_allows(node, MAY_WRITE, to->task) : 0;
}

/* What is at the target gives way: 0 or why not. */
static int64_t target_yields(const struct rename *rename)
{
    const struct node *from = rename->from.node, *to = rename->to.node;
    bool folder = node_is(from, S_IFDIR);
    if (to == NULL)
        return 0;
    if ((rename->flags & RENAME_NOREPLACE) != 0)
        return -EEXIST;
    if ((rename->flags & RENAME_EXCHANGE) != 0)
        return 0;
    if (folder && !node_is(to, S_IFDIR))
        return -ENOTDIR;
    if (!folder && node_is(to, S_IFDIR))
        return -EISDIR;
    const struct folder *target = folder_of((struct node *)to);
    if (folder && (target == NULL || target->count != 0))
        return target == NULL ? -EBUSY : -ENOTEMPTY;
    return 0;
}

static int64_t rename_allowed(const struct rename *rename)
{
    const struct walk *from = &rename->from, *to = &rename->to;
    bool exchange = (rename->flags & RENAME_EXCHANGE) != 0;
    if (from->last != LAST_NAME || to->last != LAST_NAME)
        return -EBUSY;
    if (from->folder->dev != to->folder->dev)
        return -EXDEV;
    if (exchange && to->node == NULL)
        return -ENOENT;
    if (!node_is(from->node, S_IFDIR) && (from->slash || (to->slash && !exchange)))
        return -ENOTDIR;
    int64_t result = walk_may_change(from, from->node);
    if (result == 0)
        result = walk_may_change(to, to->node);
    if (result == 0)
        result = folder_moves(rename, from->node, to);
    if (result == 0 && exchange)
        result = folder_moves(rename, to->node, from);
    if (result == 0 && !exchange && to->node != NULL && folder_within(from->folder, to->node))
        result = -ENOTEMPTY; /* onto a folder above it */
    return result == 0 ? target_yields(rename) : result;
}

static int64_t rename_do(const struct rename *rename)
{
    int64_t result = rename_allowed(rename);
    if (result != 0 || rename->from.node == rename->to.node)
        return result; /* two names of one file stay */
    struct entry *from = walk_entry(&rename->from), *to = walk_entry(&rename->to);
    if ((rename->flags & RENAME_EXCHANGE) != 0) {
        folder_exchange(from, to);
        return 0;
    }
    return folder_move(from, folder_of(rename->to.folder), rename->to.name, rename->to.length, to);
}

static int64_t rename_at(struct call *call, int from, uaddr_t old, int to, uaddr_t new,
                         uint32_t flags)
{
    struct rename rename;
    rename.flags = flags;
    rename.to.folder = rename.to.node = NULL;
    if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
        flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    int64_t result = walk_user(&rename.from, call->task, from, old, 0);
    if (result == 0)
        result = walk_user(&rename.to, call->task, to, new, WALK_MISSING);
    if (result == 0)
        result = rename_do(&rename);
    walk_end(&rename.from);
    walk_end(&rename.to);
    return result;
}

int64_t call_rename(struct call *call, arg_user from, arg_user to)
{
    return rename_at(call, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int64_t call_renameat(struct call *call, arg_int from, arg_user old, arg_int to, arg_user new)
{
    return rename_at(call, from, old, to, new, 0);
}

int64_t call_renameat2(struct call *call, arg_int from, arg_user old, arg_int to, arg_user new,
                       arg_uint flags)
{
    return rename_at(call, from, old, to, new, flags);
}
