/* Walks along paths (path.h). */
#include "path.h"
#include "files.h"
#include "folder.h"
#include "fs.h"
#include "group.h"
#include "user.h"
#include <assert.h>
#include <fcntl.h>
#include <string.h>

static void walk_to(struct node **place, struct node *reference)
{
    struct node *old = *place;
    *place = reference;
    node_put(old);
}

void walk_end(struct walk *walk)
{
    walk_to(&walk->folder, NULL);
    walk_to(&walk->node, NULL);
}

/* Where a relative path begins. */
static int64_t walk_base(struct walk *walk, int folder)
{
    struct task *task = walk->task;
    walk->begin = task->fs->cwd;
    if (folder == AT_FDCWD)
        return 0;
    struct file *file = files_find(task->files, folder);
    if (file == NULL)
        return -EBADF;
    walk->begin = file->node;
    return 0;
}

/* Goes into walk->node: it becomes the folder. */
static int64_t walk_enter(struct walk *walk)
{
    if (walk->node->ops->find == NULL)
        return -ENOTDIR;
    walk_to(&walk->folder, node_get(walk->node));
    return node_allows(walk->folder, MAY_EXECUTE, walk->task);
}

static int64_t walk_parent(struct walk *walk)
{
    struct node *at = walk->folder;
    if (at == walk->begin && (walk->how & WALK_BENEATH) != 0)
        return -EXDEV;
    walk_to(&walk->node, node_get(at == walk->task->fs->root ? at : at->parent));
    return 0;
}

static int64_t walk_root(struct walk *walk)
{
    if ((walk->how & WALK_BENEATH) != 0)
        return -EXDEV;
    walk_to(&walk->node, node_get(walk->task->fs->root));
    walk->last = LAST_ROOT;
    return 0;
}

/* The text of a link takes its place before the rest, which always ends where `text` does. */
static int64_t link_expand(struct walk *walk, struct node *link)
{
    uint64_t room = (uint64_t)(walk->rest - walk->text);
    int64_t length = link->ops->read_link(walk->task, link, walk->text, room);
    if (length <= 0)
        return length < 0 ? length : -ENOENT;
    if ((uint64_t)length >= room)
        return -ENAMETOOLONG;
    walk->rest = memmove(walk->rest - length, walk->text, (uint64_t)length);
    return 0;
}

/* To what the link leads to, whatever its text says. */
static int64_t walk_follow(struct walk *walk)
{
    struct node *found = NULL;
    int64_t result = walk->node->ops->follow(walk->task, walk->node, &found);
    if (result == 0 && (walk->how & WALK_BENEATH) != 0) {
        node_put(found);
        return -EXDEV;
    }
    if (result == 0)
        walk_to(&walk->node, found);
    return result;
}

/* walk->node is a symbolic link in walk->folder. */
static int64_t walk_link(struct walk *walk)
{
    if (++walk->links > LINKS_MAX || (walk->how & WALK_NO_LINKS) != 0)
        return -ELOOP;
    const struct node_ops *ops = walk->node->ops;
    int64_t result = ops->follow != NULL ? walk_follow(walk) : FOLLOW_TEXT;
    if (result != FOLLOW_TEXT)
        return result;
    result = link_expand(walk, walk->node);
    if (result != 0)
        return result;
    if (*walk->rest == '/')
        return walk_root(walk);
    walk_to(&walk->node, node_get(walk->folder));
    return 0;
}

/* Takes the next name from the rest, with the slashes before it. False: there is none. */
static bool name_next(struct walk *walk)
{
    char *at = walk->rest;
    while (*at == '/')
        at++;
    char *end = at;
    while (*end != 0 && *end != '/')
        end++;
    walk->rest = end;
    if (at == end)
        return false; /* the last name stays told */
    walk->name = at;
    walk->length = (uint64_t)(end - at);
    return true;
}

/* Whether only slashes are left. */
static bool name_last(struct walk *walk)
{
    const char *at = walk->rest;
    while (*at == '/')
        at++;
    walk->slash = walk->slash || (*at == 0 && at != walk->rest);
    return *at == 0;
}

/* Finds the name in the folder. -ENOENT also leaves walk->node NULL. */
static int64_t walk_find(struct walk *walk)
{
    struct node *found = NULL;
    walk->last = LAST_NAME;
    if (walk->length > NAME_SIZE_MAX)
        return -ENAMETOOLONG;
    int64_t result = walk->folder->ops->find(walk->folder, walk->name, walk->length, &found);
    walk_to(&walk->node, found);
    return result;
}

/* One name, from walk->node on. */
static int64_t walk_step(struct walk *walk)
{
    int64_t result = walk_enter(walk);
    if (result != 0)
        return result;
    if (walk->length == 1 && walk->name[0] == '.') {
        walk->last = LAST_DOT;
        return 0;
    }
    if (walk->length == 2 && walk->name[0] == '.' && walk->name[1] == '.') {
        walk->last = LAST_DOTS;
        return walk_parent(walk);
    }
    bool last = name_last(walk);
    result = walk_find(walk);
    if (result != 0)
        return result == -ENOENT && last && (walk->how & WALK_MISSING) != 0 ? 0 : result;
    bool follow = !last || walk->slash || (walk->how & WALK_FOLLOW) != 0;
    return follow && node_is(walk->node, S_IFLNK) ? walk_link(walk) : 0;
}

static int64_t walk_on(struct walk *walk)
{
    int64_t result = 0;
    if (*walk->rest == '/')
        result = walk_root(walk);
    else
        walk->node = node_get(walk->begin);
    while (result == 0 && name_next(walk))
        result = walk_step(walk);
    if (result == 0 && walk->slash && walk->node != NULL && walk->node->ops->find == NULL)
        result = -ENOTDIR;
    return result;
}

/* After the text, of `length` bytes, was put to the front of walk->text. */
static int64_t walk_run(struct walk *walk, uint64_t length, int folder)
{
    walk->rest = memmove(walk->text + sizeof(walk->text) - length - 1, walk->text, length + 1);
    int64_t result = *walk->rest == '/' ? 0 : walk_base(walk, folder);
    if (result != 0)
        return result;
    if (length == 0 && (walk->how & WALK_EMPTY) == 0)
        return -ENOENT;
    return walk_on(walk);
}

static void walk_begin(struct walk *walk, struct task *task, uint32_t how)
{
    walk->folder = walk->node = walk->begin = NULL;
    walk->last = LAST_DOT;
    walk->slash = false;
    walk->name = NULL;
    walk->length = 0;
    walk->task = task;
    walk->how = how;
    walk->links = 0;
}

int64_t walk_user(struct walk *walk, struct task *task, int folder, uaddr_t path, uint32_t how)
{
    walk_begin(walk, task, how);
    int64_t length = user_string(task, walk->text, PATH_SIZE, path);
    return length < 0 ? length : walk_run(walk, (uint64_t)length, folder);
}

int64_t walk_text(struct walk *walk, struct task *task, int folder, const char *path, uint32_t how)
{
    walk_begin(walk, task, how);
    uint64_t length = strnlen(path, PATH_SIZE);
    if (length == PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(walk->text, path, length + 1);
    return walk_run(walk, length, folder);
}

/* Ends the walk; its node goes to the caller. */
static int64_t walk_give(struct walk *walk, int64_t result, struct node **node)
{
    if (result == 0) {
        *node = walk->node;
        walk->node = NULL;
    }
    walk_end(walk);
    return result;
}

int64_t path_find(struct task *task, int folder, uaddr_t path, uint32_t how, struct node **node)
{
    struct walk walk;
    return walk_give(&walk, walk_user(&walk, task, folder, path, how), node);
}

int64_t path_find_at(struct task *task, int folder, uaddr_t path, uint32_t flags,
                     struct node **node)
{
    uint32_t how = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : WALK_FOLLOW;
    return path_find(task, folder, path, how | ((flags & AT_EMPTY_PATH) != 0 ? WALK_EMPTY : 0),
                     node);
}

int64_t path_open_program(struct task *task, const char *path, struct node **node)
{
    struct walk walk;
    int64_t result = walk_text(&walk, task, AT_FDCWD, path, WALK_FOLLOW);
    if (result == 0 && !node_is(walk.node, S_IFREG))
        result = -EACCES;
    if (result == 0)
        result = node_allows(walk.node, MAY_EXECUTE, task);
    return walk_give(&walk, result, node);
}

struct entry *walk_entry(const struct walk *walk)
{
    return walk->last == LAST_NAME ? entry_find(walk->folder, walk->name, walk->length) : NULL;
}

int64_t walk_may_change(const struct walk *walk, const struct node *victim)
{
    const struct node *folder = walk->folder;
    uint32_t uid = walk->task->group->euid;
    int64_t result = node_allows(folder, MAY_WRITE | MAY_EXECUTE, walk->task);
    if (result != 0)
        return result;
    if (folder_of(walk->folder) == NULL)
        return -EPERM;
    if (victim != NULL && (folder->mode & S_ISVTX) != 0 && uid != 0 && uid != victim->uid &&
        uid != folder->uid)
        return -EPERM;
    return 0;
}
