/* The tree and its filling (tree.h). */
#include "tree.h"
#include "folder.h"
#include "rt/tar.h"
#include "tmpfs.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define PREFIX "root/" /* of the members that are meant */

static struct folder *root;

struct node *tree_root(void)
{
    return root != NULL ? &root->node : NULL;
}

static bool root_make(void)
{
    if (root == NULL)
        root = folder_make(NULL, 0755);
    return root != NULL;
}

/* The next name of a path, behind `*path`, which goes on; its length, 0 at the end. */
static uint64_t name_take(const char **path, const char **name)
{
    uint64_t length;
    do {
        *path += strspn(*path, "/");
        *name = *path;
        length = strcspn(*path, "/");
        *path += length;
    } while (length == 1 && **name == '.');
    return length;
}

/* A folder in another one, made if need be. NULL: it is something else, or no memory. */
static struct folder *folder_within_make(struct folder *folder, const char *name, uint64_t length)
{
    struct entry *entry = entry_find(&folder->node, name, length);
    if (entry != NULL)
        return folder_of(entry->node);
    struct folder *made = length <= NAME_SIZE_MAX ? folder_make(&folder->node, 0755) : NULL;
    if (made == NULL)
        return NULL;
    int64_t result = folder_add(folder, name, length, &made->node);
    node_put(&made->node);
    return result == 0 ? made : NULL;
}

/* The folder of a path's last name, which is told; length 0: the path is the root's. */
static struct folder *parent_make(const char *path, const char **name, uint64_t *length)
{
    const char *next;
    struct folder *folder = root;
    *length = name_take(&path, name);
    for (uint64_t more; folder != NULL && (more = name_take(&path, &next)) != 0;) {
        folder = folder_within_make(folder, *name, *length);
        *name = next;
        *length = more;
    }
    return *length <= NAME_SIZE_MAX ? folder : NULL;
}

struct node *tree_folder(const char *path)
{
    const char *name;
    uint64_t length;
    struct folder *folder = root_make() ? parent_make(path, &name, &length) : NULL;
    if (folder != NULL && length != 0)
        folder = folder_within_make(folder, name, length);
    return folder != NULL ? &folder->node : NULL;
}

/* Into a folder, over what is there: a folder stays if another one comes, but not if that is the
 * root of another file system. */
static int64_t entry_place(struct folder *folder, const char *name, uint64_t length,
                           struct node *node)
{
    struct entry *entry = entry_find(&folder->node, name, length);
    if (entry == NULL)
        return folder_add(folder, name, length, node);
    bool own = node->dev == entry->node->dev;
    if (!node_is(entry->node, S_IFDIR) || (node_is(node, S_IFDIR) && !own))
        folder_replace(folder, entry, node);
    else if (node_is(node, S_IFDIR))
        entry->node->mode = node->mode;
    else
        return -EISDIR;
    return 0;
}

int64_t tree_place(const char *path, struct node *node)
{
    const char *name;
    uint64_t length;
    struct folder *folder = root_make() ? parent_make(path, &name, &length) : NULL;
    int64_t result = folder == NULL ? -ENOTDIR : 0;
    if (result == 0 && length == 0)
        result = -EISDIR;
    if (result == 0)
        result = entry_place(folder, name, length, node);
    if (result == 0 && node_is(node, S_IFDIR) && node->parent == node)
        node->parent = node_get(&folder->node); /* another file system's root */
    node_put(node);
    return result;
}

void tree_remove(const char *path)
{
    const char *name;
    uint64_t length;
    struct folder *folder = parent_make(path, &name, &length);
    struct entry *entry =
        folder != NULL && length != 0 ? entry_find(&folder->node, name, length) : NULL;
    if (entry != NULL && !node_is(entry->node, S_IFDIR))
        folder_remove(folder, entry);
}

/* The node that a path of a hard link names: a reference. */
static struct node *linked_node(const char *link)
{
    const char *name;
    uint64_t length;
    if (strncmp(link, PREFIX, strlen(PREFIX)) != 0)
        return NULL;
    struct folder *folder = parent_make(link + strlen(PREFIX), &name, &length);
    struct entry *entry =
        folder != NULL && length != 0 ? entry_find(&folder->node, name, length) : NULL;
    if (entry == NULL || node_is(entry->node, S_IFDIR))
        return NULL;
    entry->node->links++;
    return node_get(entry->node);
}

static struct node *member_node(const struct rt_tar *tar)
{
    uint32_t mode = tar->mode & 07777;
    switch (tar->type) {
    case TAR_FILE:
        return tmpfs_archived(S_IFREG | mode, tar->data, tar->data_size, tar->offset);
    case TAR_SYMLINK:
        return tmpfs_symlink(tar->link, strlen(tar->link));
    case TAR_CHARACTER:
        return tmpfs_make(S_IFCHR | mode, makedev(tar->major, tar->minor));
    case TAR_BLOCK:
        return tmpfs_make(S_IFBLK | mode, makedev(tar->major, tar->minor));
    case TAR_FIFO:
        return tmpfs_make(S_IFIFO | mode, 0);
    default:
        return linked_node(tar->link);
    }
}

static void member_owned(struct node *node, const struct rt_tar *tar)
{
    node->uid = tar->uid;
    node->gid = tar->gid;
    node->accessed = node->modified = node->changed =
        (int64_t)(tar->mtime & INT32_MAX) * 1000000000;
}

static int64_t member_add(const struct rt_tar *tar)
{
    const char *path = tar->name + strlen(PREFIX);
    if (tar->type == TAR_FOLDER) {
        struct node *folder = tree_folder(path);
        if (folder == NULL)
            return -ENOMEM;
        folder->mode = S_IFDIR | (tar->mode & 07777);
        member_owned(folder, tar);
        return 0;
    }
    struct node *node = member_node(tar);
    if (node == NULL)
        return tar->type == TAR_LINK ? -EINVAL : -ENOMEM;
    if (tar->type != TAR_LINK)
        member_owned(node, tar);
    return tree_place(path, node);
}

int64_t tree_start(slot_t archive, const void *base, uint64_t size)
{
    struct rt_tar *tar = malloc(sizeof(*tar));
    int64_t result = tar == NULL || !root_make() ? -ENOMEM : 0;
    tmpfs_archive(archive);
    if (result == 0)
        rt_tar_open(tar, base, size);
    while (result == 0 && rt_tar_next(tar)) {
        if (strncmp(tar->name, PREFIX, strlen(PREFIX)) == 0)
            result = member_add(tar);
    }
    if (result == 0 && tar->error != OK)
        result = -EINVAL;
    free(tar);
    return result;
}
