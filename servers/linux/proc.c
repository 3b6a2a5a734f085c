/* The folders, links and files of /proc (proc.h). */
#include "proc.h"
#include "file.h"
#include "files.h"
#include "fs.h"
#include "group.h"
#include "task.h"
#include "tree.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_OWN  2    /* positions below: . and .. */
#define LIST_MORE 1000 /* positions from here: 1000 + number of a process or descriptor */
#define INO_ITEM  24   /* bits of an item in an inode's number; above: the process */

enum proc_kind { PROC_ROOT, PROC_PLAIN, PROC_FDS, PROC_FD };

struct proc_node {
    struct node node;
    enum proc_kind kind;
    const struct proc_item *item;
    uint32_t pid; /* 0: of the system */
    int fd;       /* PROC_FD */
};

static const struct node_ops proc_ops, proc_link_ops, proc_file_ops;
static const struct proc_item process_item = {.mode = S_IFDIR | 0555, .items = proc_process_items};
static const struct proc_item root_item = {.mode = S_IFDIR | 0555, .items = proc_root_items};

static struct proc_node *proc_of(const struct node *node)
{
    return CONTAINER_OF(node, struct proc_node, node);
}

/* --- texts --- */

static bool text_reserve(struct proc_text *text, uint64_t size)
{
    uint64_t room = text->room != 0 ? text->room : 1024;
    while (room - text->size <= size)
        room *= 2;
    char *larger = room != text->room ? realloc(text->bytes, room) : text->bytes;
    text->failed |= larger == NULL;
    if (text->failed)
        return false;
    text->bytes = larger;
    text->room = room;
    return true;
}

void proc_add_bytes(struct proc_text *text, const void *bytes, uint64_t size)
{
    if (!text_reserve(text, size))
        return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void proc_add(struct proc_text *text, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert(size >= 0 && (size_t)size < sizeof(line));
    proc_add_bytes(text, line, (uint64_t)size);
}

/* --- nodes --- */

/* NULL: no memory. `group` NULL: of the system. */
static struct proc_node *proc_make(struct node *parent, enum proc_kind kind,
                                   const struct proc_item *item, const struct group *group, int fd)
{
    struct proc_node *proc = calloc(1, sizeof(*proc));
    if (proc == NULL)
        return NULL;
    const struct node_ops *ops = S_ISDIR(item->mode)   ? &proc_ops
                                 : S_ISLNK(item->mode) ? &proc_link_ops
                                                       : &proc_file_ops;
    node_init(&proc->node, ops, item->mode, DEV_PROC);
    proc->kind = kind;
    proc->item = item;
    proc->pid = group != NULL ? group->pid : 0;
    proc->fd = fd;
    proc->node.ino = (uint64_t)proc->pid << INO_ITEM ^ ((uintptr_t)item & ((1u << INO_ITEM) - 1)) ^
                     (uint64_t)(uint32_t)fd << 44;
    proc->node.uid = group != NULL ? group->euid : 0;
    proc->node.gid = group != NULL ? group->egid : 0;
    if (S_ISDIR(item->mode)) {
        proc->node.links = 2;
        proc->node.parent = parent != NULL ? node_get(parent) : &proc->node;
    }
    return proc;
}

static void proc_release(struct node *node)
{
    free(proc_of(node));
}

struct task *proc_task(const struct group *group)
{
    return list_empty(&group->tasks) ? NULL
                                     : CONTAINER_OF(group->tasks.next, struct task, in_group);
}

/* The process that a node is about: -ESRCH: it is gone. */
static int64_t proc_group(const struct proc_node *proc, struct group **group)
{
    *group = proc->pid != 0 ? group_find(proc->pid) : NULL;
    return proc->pid != 0 && *group == NULL ? -ESRCH : 0;
}

/* --- names --- */

/* A number as it is written: no sign, no zeros before it. -1: none. */
static int64_t number_of(const char *name, uint64_t length)
{
    int64_t number = 0;
    if (length == 0 || length > 9 || (name[0] == '0' && length > 1))
        return -1;
    for (uint64_t i = 0; i < length; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

static struct files *files_of(const struct group *group)
{
    const struct task *task = group != NULL ? proc_task(group) : NULL;
    return task != NULL ? task->files : NULL;
}

static const struct proc_item *item_named(const struct proc_item *items, const char *name,
                                          uint64_t length)
{
    for (const struct proc_item *item = items; item != NULL && item->name != NULL; item++) {
        if (strlen(item->name) == length && memcmp(item->name, name, length) == 0)
            return item;
    }
    return NULL;
}

static enum proc_kind kind_of(const struct proc_item *item)
{
    return S_ISDIR(item->mode) && item->items == NULL ? PROC_FDS : PROC_PLAIN;
}

static int64_t proc_find(struct node *node, const char *name, uint64_t length, struct node **found)
{
    struct proc_node *proc = proc_of(node), *made = NULL;
    struct group *group;
    int64_t number = number_of(name, length);
    if (proc_group(proc, &group) != 0)
        return -ENOENT;
    const struct proc_item *item = item_named(proc->item->items, name, length);
    if (item != NULL) {
        made = proc_make(node, kind_of(item), item, group, 0);
    } else if (proc->kind == PROC_ROOT && number > 0) {
        group = group_find((uint32_t)number);
        if (group == NULL)
            return -ENOENT;
        made = proc_make(node, PROC_PLAIN, &process_item, group, 0);
    } else if (proc->kind == PROC_FDS && number >= 0) {
        struct files *files = files_of(group);
        if (files == NULL || files_find(files, (int)number) == NULL)
            return -ENOENT;
        made = proc_make(node, PROC_FD, &proc_fd_item, group, (int)number);
    } else {
        return -ENOENT;
    }
    if (made == NULL)
        return -ENOMEM;
    *found = &made->node;
    return 0;
}

static uint64_t proc_name(const struct node *node, char *to)
{
    const struct proc_node *proc = proc_of(node);
    char number[16];
    const char *name = proc->item->name;
    if (name == NULL) {
        (void)snprintf(number, sizeof(number), "%u",
                       proc->kind == PROC_FD ? (uint32_t)proc->fd : proc->pid);
        name = number;
    }
    memcpy(to, name, strlen(name));
    return strlen(name);
}

/* --- listing --- */

/* The lowest process or descriptor from `from` on; -1: none. */
static int64_t number_next(const struct proc_node *proc, const struct group *group, int64_t from)
{
    if (proc->kind == PROC_FDS) {
        const struct files *files = files_of(group);
        return files != NULL && from <= FILES_LIMIT_MAX ? files_next(files, (int)from) : -1;
    }
    while (from < TID_MAX && group_find((uint32_t)from) == NULL)
        from++;
    return from < TID_MAX ? from : -1;
}

static bool list_number(struct lister *lister, const struct proc_node *proc, int64_t number)
{
    char name[24];
    bool fds = proc->kind == PROC_FDS;
    struct node node = {.ino = (uint64_t)number << (fds ? 44 : INO_ITEM) | 1,
                        .mode = fds ? S_IFLNK : S_IFDIR};
    int length = snprintf(name, sizeof(name), "%lld", (long long)number);
    return lister->take(lister, name, (uint64_t)length, &node, LIST_MORE + (uint64_t)number + 1);
}

static bool list_item(struct lister *lister, const struct proc_item *item, uint64_t next)
{
    struct node node = {.ino = (uintptr_t)item & ((1u << INO_ITEM) - 1), .mode = item->mode};
    return lister->take(lister, item->name, strlen(item->name), &node, next);
}

static int64_t proc_list(struct node *node, uint64_t *at, struct lister *lister)
{
    const struct proc_node *proc = proc_of(node);
    const struct proc_item *items = proc->item->items;
    const char *const own[] = {".", ".."};
    struct group *group;
    if (proc_group(proc, &group) != 0)
        return -ENOENT;
    for (; *at < LIST_OWN; ++*at) {
        if (!lister->take(lister, own[*at], *at + 1, *at == 0 ? node : node->parent, *at + 1))
            return 0;
    }
    uint64_t count = 0;
    while (items != NULL && items[count].name != NULL)
        count++;
    for (; *at < LIST_OWN + count; ++*at) {
        if (!list_item(lister, &items[*at - LIST_OWN], *at + 1))
            return 0;
    }
    if (proc->kind == PROC_PLAIN)
        return 0;
    int64_t number = *at < LIST_MORE ? 0 : (int64_t)min_u64(*at - LIST_MORE, INT32_MAX);
    for (; (number = number_next(proc, group, number)) >= 0; number++) {
        if (!list_number(lister, proc, number))
            return 0;
        *at = LIST_MORE + (uint64_t)number + 1;
    }
    return 0;
}

static int64_t folder_open(struct call *call, struct node *node, struct file *file)
{
    (void)call, (void)node, (void)file;
    return 0;
}

static const struct node_ops proc_ops = {.find = proc_find,
                                         .list = proc_list,
                                         .name = proc_name,
                                         .open = folder_open,
                                         .release = proc_release};

/* --- links --- */

static int64_t fd_file(const struct proc_node *proc, struct file **file)
{
    struct group *group;
    int64_t result = proc_group(proc, &group);
    struct files *files = result == 0 ? files_of(group) : NULL;
    *file = files != NULL ? files_find(files, proc->fd) : NULL;
    return *file != NULL ? 0 : -ENOENT;
}

static int64_t proc_read_link(struct task *task, struct node *node, char *to, uint64_t size)
{
    const struct proc_node *proc = proc_of(node);
    struct group *group;
    struct file *file;
    int64_t result = proc_group(proc, &group);
    if (result != 0)
        return -ENOENT;
    if (proc->kind != PROC_FD)
        return proc->item->link(task, group, to, size);
    result = fd_file(proc, &file);
    return result != 0 ? result : proc_path(task, file->node, to, size);
}

static int64_t proc_follow(struct task *task, struct node *node, struct node **found)
{
    const struct proc_node *proc = proc_of(node);
    struct group *group;
    struct file *file;
    if (proc_group(proc, &group) != 0)
        return -ENOENT;
    if (proc->kind != PROC_FD && proc->item->follow == NULL)
        return FOLLOW_TEXT;
    if (task->group->euid != 0 && task->group->euid != group->euid)
        return -EACCES;
    if (proc->kind != PROC_FD)
        return proc->item->follow(group, found);
    int64_t result = fd_file(proc, &file);
    if (result == 0)
        *found = node_get(file->node);
    return result;
}

static const struct node_ops proc_link_ops = {
    .read_link = proc_read_link, .follow = proc_follow, .release = proc_release};

/* --- files --- */

static void text_free(struct proc_text *text)
{
    if (text != NULL)
        free(text->bytes);
    free(text);
}

/* Makes the text anew. -ESRCH, -ENOMEM. */
static int64_t text_make(struct call *call, struct file *file)
{
    const struct proc_node *proc = proc_of(file->node);
    struct group *group;
    int64_t result = proc_group(proc, &group);
    if (result != 0)
        return result;
    text_free(file->own);
    struct proc_text *text = file->own = calloc(1, sizeof(*text));
    if (text == NULL)
        return -ENOMEM;
    proc->item->text(text, call, group);
    return text->failed ? -ENOMEM : 0;
}

static int64_t proc_read(struct call *call, struct file *file, struct transfer *to, uint64_t offset)
{
    int64_t result = offset == 0 || file->own == NULL ? text_make(call, file) : 0;
    if (result != 0)
        return result;
    const struct proc_text *text = file->own;
    uint64_t size = offset < text->size ? min_u64(text->size - offset, transfer_left(to)) : 0;
    return size != 0 ? transfer_put(to, text->bytes + offset, size) : 0;
}

static void proc_close(struct file *file)
{
    text_free(file->own);
}

static const struct file_ops text_ops = {.seekable = true, .read = proc_read, .close = proc_close};

static int64_t proc_open(struct call *call, struct node *node, struct file *file)
{
    struct group *group;
    (void)call;
    file->ops = &text_ops;
    return proc_group(proc_of(node), &group);
}

static const struct node_ops proc_file_ops = {.open = proc_open, .release = proc_release};

int64_t proc_start(void)
{
    struct proc_node *root = proc_make(NULL, PROC_ROOT, &root_item, NULL, 0);
    return root != NULL ? tree_place("proc", &root->node) : -ENOMEM;
}
