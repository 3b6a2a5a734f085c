/*
 * Where a task stands in the tree: root, working folder, and the mask of permissions.
 *
 * One per process, or shared by tasks (CLONE_FS). Holds its folders.
 */
#ifndef LINUX_FS_H
#define LINUX_FS_H

#include "node.h"

struct folder_state {
    uint32_t references;
    uint32_t umask;
    struct node *root, *cwd;
};

/* At the tree's root, one reference. NULL: no memory. */
struct folder_state *fs_make(void);
struct folder_state *fs_get(struct folder_state *fs);
void fs_put(struct folder_state *fs);
struct folder_state *fs_clone(const struct folder_state *fs);

/* The path of a node as a task with this state sees it, for /proc and getcwd: text, ended, in
 * [buffer, buffer + size). NULL: no room. *reached: it is below its root. */
char *fs_path(const struct folder_state *fs, const struct node *node, char *buffer, uint64_t size,
              bool *reached);

#endif
