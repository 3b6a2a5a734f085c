/* Where a task stands (fs.h). */
#include "fs.h"
#include "folder.h"
#include "tree.h"
#include <stdlib.h>

static struct folder_state *fs_new(struct node *root, struct node *cwd, uint32_t umask)
{
    struct folder_state *fs = malloc(sizeof(*fs));
    if (fs != NULL)
        *fs = (struct folder_state){1, umask, node_get(root), node_get(cwd)};
    return fs;
}

struct folder_state *fs_make(void)
{
    return fs_new(tree_root(), tree_root(), 022);
}

struct folder_state *fs_get(struct folder_state *fs)
{
    fs->references++;
    return fs;
}

void fs_put(struct folder_state *fs)
{
    if (fs == NULL || --fs->references != 0)
        return;
    node_put(fs->root);
    node_put(fs->cwd);
    free(fs);
}

struct folder_state *fs_clone(const struct folder_state *fs)
{
    return fs_new(fs->root, fs->cwd, fs->umask);
}

char *fs_path(const struct folder_state *fs, const struct node *node, char *buffer, uint64_t size,
              bool *reached)
{
    return node_path(node, fs->root, buffer, size, reached);
}
