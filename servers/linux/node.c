/* Nodes of any kind (node.h). */
#include "node.h"
#include "clock.h"
#include "group.h"
#include "lib/types.h"
#include "lock.h"
#include <assert.h>
#include <string.h>

static uint64_t ino_next = 1;

void node_init(struct node *node, const struct node_ops *ops, uint32_t mode, uint64_t dev)
{
    int64_t now = (int64_t)clock_real();
    *node = (struct node){.ops = ops,
                          .references = 1,
                          .mode = mode,
                          .links = 1,
                          .ino = ino_next++,
                          .dev = dev,
                          .accessed = now,
                          .modified = now,
                          .changed = now};
    list_init(&node->entries);
}

struct node *node_get(struct node *node)
{
    assert(node->references != 0);
    node->references++;
    return node;
}

/* The way up is a loop: a tree is as deep as a program likes. */
void node_put(struct node *node)
{
    while (node != NULL && --node->references == 0) {
        struct node *parent = node->parent != node ? node->parent : NULL;
        assert(list_empty(&node->entries));
        locks_free(node->locks);
        node->ops->release(node);
        node = parent;
    }
}

int64_t node_permits(const struct node *node, uint32_t wanted, uint32_t uid, uint32_t gid)
{
    if (uid == 0) {
        bool executable = node_is(node, S_IFDIR) || (node->mode & 0111) != 0;
        return (wanted & MAY_EXECUTE) == 0 || executable ? 0 : -EACCES;
    }
    uint32_t allowed = node->mode;
    if (uid == node->uid)
        allowed >>= 6;
    else if (gid == node->gid)
        allowed >>= 3;
    return (wanted & ~allowed & 7) == 0 ? 0 : -EACCES;
}

int64_t node_allows(const struct node *node, uint32_t wanted, const struct task *task)
{
    return node_permits(node, wanted, task->group->euid, task->group->egid);
}

int64_t node_owned(const struct node *node, const struct task *task)
{
    uint32_t uid = task->group->euid;
    return uid == 0 || uid == node->uid ? 0 : -EPERM;
}

uint64_t node_size(struct node *node)
{
    return node->ops->size != NULL ? node->ops->size(node) : 0;
}

static struct timespec timespec_of(int64_t nanoseconds)
{
    int64_t seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
    if (rest < 0)
        return (struct timespec){seconds - 1, (long)(rest + 1000000000)};
    return (struct timespec){seconds, (long)rest};
}

void node_stat(struct node *node, struct stat *told)
{
    memset(told, 0, sizeof(*told));
    told->st_dev = node->dev;
    told->st_ino = node->ino;
    told->st_mode = node->mode;
    told->st_nlink = node->links;
    told->st_uid = node->uid;
    told->st_gid = node->gid;
    told->st_rdev = node->rdev;
    told->st_size = (off_t)node_size(node);
    told->st_blksize = PAGE_SIZE;
    told->st_blocks = (blkcnt_t)(align_up(node_size(node), PAGE_SIZE) / 512);
    told->st_atim = timespec_of(node->accessed);
    told->st_mtim = timespec_of(node->modified);
    told->st_ctim = timespec_of(node->changed);
}
