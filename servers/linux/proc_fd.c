/* What descriptors and other links of /proc lead to (proc.h). */
#include "fs.h"
#include "group.h"
#include "mm.h"
#include "path.h"
#include "proc.h"
#include "task.h"
#include <stdio.h>
#include <string.h>

const struct proc_item proc_fd_item = {.mode = S_IFLNK | 0700};

/* What has no path. */
static int64_t name_of(const struct node *node, char *to, uint64_t size)
{
    char name[64];
    int length;
    if (node->dev == DEV_PIPE || node->dev == DEV_SOCKET)
        length = snprintf(name, sizeof(name), "%s:[%llu]",
                          node->dev == DEV_PIPE ? "pipe" : "socket", (unsigned long long)node->ino);
    else if (node->dev == DEV_OTHER)
        length = snprintf(name, sizeof(name), "anon_inode:[tern]");
    else
        length = snprintf(name, sizeof(name), "/ (deleted)");
    memcpy(to, name, min_u64((uint64_t)length, size));
    return length;
}

int64_t proc_path(struct task *task, const struct node *node, char *to, uint64_t size)
{
    static const char gone[] = " (deleted)";
    char text[PATH_SIZE];
    bool reached;
    if (node->dev == DEV_PIPE || node->dev == DEV_OTHER || node->dev == DEV_SOCKET)
        return name_of(node, to, size);
    const char *path = fs_path(task->fs, node, text, sizeof(text), &reached);
    if (path == NULL)
        return -ENAMETOOLONG;
    if (!reached && node->links == 0 && !node_is(node, S_IFDIR))
        return name_of(node, to, size);
    uint64_t length = strlen(path);
    memcpy(to, path, min_u64(length, size));
    if (!reached && length + sizeof(gone) <= size) {
        memcpy(to + length, gone, sizeof(gone) - 1);
        length += sizeof(gone) - 1;
    }
    return (int64_t)length;
}
