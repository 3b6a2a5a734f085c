/*
 * Paths: from a text to a node, as path_resolution(7) says.
 *
 * A walk goes along the names, follows symbolic links by putting their text before what is left
 * (so that nothing recurses), and ends at the last name: `folder` is where that is looked for,
 * `node` what is there, or NULL. It is begun by one walk_* and ended by walk_end, which gives the
 * references back, in any case.
 */
#ifndef LINUX_PATH_H
#define LINUX_PATH_H

#include "entry.h"
#include "node.h"

#define PATH_SIZE 4096 /* bytes of a path, its end included */

#define LINKS_MAX 40 /* symbolic links of one walk: then -ELOOP */

enum walk_how {
    WALK_FOLLOW = 1 << 0,   /* a symbolic link at the end, too */
    WALK_EMPTY = 1 << 1,    /* an empty path names where the walk begins (AT_EMPTY_PATH) */
    WALK_MISSING = 1 << 2,  /* it is no error if the last name is not there */
    WALK_BENEATH = 1 << 3,  /* not outside of where it begins (RESOLVE_BENEATH): -EXDEV */
    WALK_NO_LINKS = 1 << 4, /* RESOLVE_NO_SYMLINKS: -ELOOP */
};

/* What the last part of a path was. */
enum walk_last { LAST_NAME, LAST_ROOT, LAST_DOT, LAST_DOTS };

struct walk {
    struct node *folder, *node; /* references; folder: NULL for an empty path */
    enum walk_last last;
    bool slash;       /* a folder is wanted: slashes at the end */
    const char *name; /* of LAST_NAME: in `text`, not ended */
    uint64_t length;
    /* Its own: */
    struct task *task;
    struct node *begin; /* not a reference */
    uint32_t how, links;
    char *rest; /* what is left, in `text`, ended */
    char text[2 * PATH_SIZE];
};

/* `folder` a descriptor or AT_FDCWD. 0 or an error: -ENOENT, -ENOTDIR, -EACCES, -ELOOP,
 * -ENAMETOOLONG, -EBADF, -EFAULT. */
int64_t walk_user(struct walk *walk, struct task *task, int folder, uaddr_t path, uint32_t how);
int64_t walk_text(struct walk *walk, struct task *task, int folder, const char *path, uint32_t how);
void walk_end(struct walk *walk);

/* The same for who wants the node alone: a reference. */
int64_t path_find(struct task *task, int folder, uaddr_t path, uint32_t how, struct node **node);
/* By AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH of `flags`. */
int64_t path_find_at(struct task *task, int folder, uaddr_t path, uint32_t flags,
                     struct node **node);

/* A regular file that the task may execute: a reference. -EACCES besides. */
int64_t path_open_program(struct task *task, const char *path, struct node **node);

/* The entry that a walk ended at. NULL: not one of a folder that can be changed. */
struct entry *walk_entry(const struct walk *walk);

/* Whether names in the walk's folder may be made and removed; `victim`: which one goes (sticky
 * folders), or NULL. 0, -EACCES, -EPERM, -EROFS (not a folder of the tree). */
int64_t walk_may_change(const struct walk *walk, const struct node *victim);

#endif
