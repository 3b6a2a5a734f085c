/* Making of nodes of the in-memory tree, and those without content (tmpfs.h). */
#include "tmpfs.h"
#include "dev.h"
#include "file.h"
#include "pipe.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int64_t symlink_read(struct task *task, struct node *node, char *to, uint64_t size)
{
    (void)task;
    const struct symlink *symlink = CONTAINER_OF(node, struct symlink, node);
    memcpy(to, symlink->text, min_u64(size, symlink->length));
    return (int64_t)symlink->length;
}

static uint64_t symlink_size(struct node *node)
{
    return CONTAINER_OF(node, struct symlink, node)->length;
}

static void symlink_release(struct node *node)
{
    free(CONTAINER_OF(node, struct symlink, node));
}

static const struct node_ops symlink_ops = {
    .read_link = symlink_read, .size = symlink_size, .release = symlink_release};

struct node *tmpfs_symlink(const char *text, uint64_t length)
{
    struct symlink *symlink = malloc(sizeof(*symlink) + length);
    if (symlink == NULL)
        return NULL;
    node_init(&symlink->node, &symlink_ops, S_IFLNK | 0777, DEV_TREE);
    symlink->length = length;
    memcpy(symlink->text, text, length);
    return &symlink->node;
}

static int64_t special_open(struct call *call, struct node *node, struct file *file)
{
    struct special *special = special_of(node);
    switch (node->mode & S_IFMT) {
    case S_IFIFO:
        return pipe_open(call, &special->pipe, file);
    case S_IFCHR:
        return dev_open(call, node->rdev, file);
    default:
        return -ENXIO; /* no block devices, and sockets are not opened */
    }
}

static void special_release(struct node *node)
{
    struct special *special = special_of(node);
    assert(special->pipe == NULL && special->socket == NULL);
    free(special);
}

static const struct node_ops special_ops = {.open = special_open, .release = special_release};

struct special *special_of(struct node *node)
{
    return node->ops == &special_ops ? CONTAINER_OF(node, struct special, node) : NULL;
}

static struct node *special_make(uint32_t mode, uint64_t rdev)
{
    struct special *special = calloc(1, sizeof(*special));
    if (special == NULL)
        return NULL;
    node_init(&special->node, &special_ops, mode, DEV_TREE);
    special->node.rdev = rdev;
    return &special->node;
}

struct node *tmpfs_make(uint32_t mode, uint64_t rdev)
{
    return S_ISREG(mode) ? tmpfs_archived(mode, NULL, 0, 0) : special_make(mode, rdev);
}
