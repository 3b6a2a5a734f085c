/* Folders (folder.h). */
#include "folder.h"
#include "clock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_FIRST 2 /* those below are `.` and `..` */

static int64_t folder_find(struct node *node, const char *name, uint64_t length,
                           struct node **found)
{
    struct entry *entry = entry_find(node, name, length);
    if (entry == NULL)
        return -ENOENT;
    *found = node_get(entry->node);
    return 0;
}

/* The first place with this sequence or a later one. */
static uint32_t place_at(const struct folder *folder, uint64_t sequence)
{
    uint32_t low = 0, high = folder->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (folder->order[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t folder_list(struct node *node, uint64_t *at, struct lister *lister)
{
    struct folder *folder = folder_of(node);
    const char *const own[] = {".", ".."};
    for (; *at < SEQUENCE_FIRST; ++*at) {
        if (!lister->take(lister, own[*at], *at + 1, *at == 0 ? node : node->parent, *at + 1))
            return 0;
    }
    for (uint32_t i = place_at(folder, *at); i < folder->used; i++) {
        const struct entry *entry = folder->order[i].entry;
        uint64_t next = folder->order[i].sequence + 1;
        if (entry != NULL && !lister->take(lister, entry->name, entry->length, entry->node, next))
            return 0;
        *at = next;
    }
    return 0;
}

static uint64_t folder_size(struct node *node)
{
    return (uint64_t)folder_of(node)->count * sizeof(struct folder_place);
}

static void folder_release(struct node *node)
{
    struct folder *folder = folder_of(node);
    assert(folder->count == 0);
    free(folder->order);
    free(folder);
}

static int64_t folder_open(struct call *call, struct node *node, struct file *file)
{
    (void)call, (void)node, (void)file;
    return 0; /* files of folders only list (file.c) */
}

static const struct node_ops folder_ops = {.find = folder_find,
                                           .list = folder_list,
                                           .open = folder_open,
                                           .size = folder_size,
                                           .release = folder_release};

struct folder *folder_make(struct node *parent, uint32_t mode)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder == NULL)
        return NULL;
    node_init(&folder->node, &folder_ops, S_IFDIR | mode, DEV_TREE);
    folder->node.links = 2;
    folder->node.parent = parent != NULL ? node_get(parent) : &folder->node;
    folder->next = SEQUENCE_FIRST;
    return folder;
}

struct folder *folder_of(struct node *node)
{
    return node->ops == &folder_ops ? CONTAINER_OF(node, struct folder, node) : NULL;
}

/* Places of removed entries go once they are more than half. */
static void order_compact(struct folder *folder)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < folder->used; i++) {
        if (folder->order[i].entry != NULL)
            folder->order[kept++] = folder->order[i];
    }
    folder->used = kept;
}

static bool order_reserve(struct folder *folder)
{
    if (folder->used < folder->room)
        return true;
    uint32_t room = folder->room == 0 ? 8 : folder->room * 2;
    struct folder_place *larger = realloc(folder->order, room * sizeof(*larger));
    if (larger == NULL)
        return false;
    folder->order = larger;
    folder->room = room;
    return true;
}

/* After room was reserved. */
static void order_append(struct folder *folder, struct entry *entry)
{
    assert(folder->used < folder->room);
    entry->sequence = folder->next++;
    folder->order[folder->used++] = (struct folder_place){entry->sequence, entry};
    folder->count++;
}

static void order_remove(struct folder *folder, const struct entry *entry)
{
    struct folder_place *place = &folder->order[place_at(folder, entry->sequence)];
    assert(place->entry == entry);
    place->entry = NULL;
    if (--folder->count < folder->used / 2)
        order_compact(folder);
}

static void folder_touch(struct folder *folder)
{
    folder->node.modified = folder->node.changed = (int64_t)clock_real();
}

int64_t folder_add(struct folder *folder, const char *name, uint64_t length, struct node *node)
{
    if (folder->node.links == 0)
        return -ENOENT;
    struct entry *entry =
        order_reserve(folder) ? entry_make(&folder->node, name, length, node) : NULL;
    if (entry == NULL)
        return -ENOSPC;
    order_append(folder, entry);
    if (node_is(node, S_IFDIR))
        folder->node.links++;
    folder_touch(folder);
    return 0;
}

/* A node lost a name: a folder has no other, and can be given no new one. */
static void node_unlinked(struct folder *folder, struct node *node)
{
    if (node_is(node, S_IFDIR)) {
        node->links = 0;
        folder->node.links--;
    } else {
        node->links--;
    }
    node->changed = (int64_t)clock_real();
}

void folder_replace(struct folder *folder, struct entry *entry, struct node *node)
{
    struct node *old = entry->node;
    node_unlinked(folder, old);
    list_remove(&entry->of_node);
    entry->node = node_get(node);
    list_add_last(&node->entries, &entry->of_node);
    if (node_is(node, S_IFDIR))
        folder->node.links++;
    node_put(old);
    folder_touch(folder);
}

void folder_remove(struct folder *folder, struct entry *entry)
{
    node_unlinked(folder, entry->node);
    order_remove(folder, entry);
    entry_free(entry);
    folder_touch(folder);
}

/* The entry goes, its node stays as it is. */
static void folder_leave(struct folder *folder, struct entry *entry, struct node *node)
{
    order_remove(folder, entry);
    if (node_is(node, S_IFDIR))
        folder->node.links--;
    entry_free(entry);
    folder_touch(folder);
}

/* A folder knows where it is. */
static void node_moved(struct node *node, struct node *to)
{
    node->changed = (int64_t)clock_real();
    if (!node_is(node, S_IFDIR) || node->parent == to)
        return;
    struct node *old = node->parent;
    node->parent = node_get(to);
    node_put(old);
}

int64_t folder_move(struct entry *entry, struct folder *to, const char *name, uint64_t length,
                    struct entry *over)
{
    struct folder *from = folder_of(entry->folder);
    struct node *node = entry->node;
    assert(from != NULL);
    if (over == NULL) {
        int64_t result = folder_add(to, name, length, node);
        if (result != 0)
            return result;
    } else {
        folder_replace(to, over, node);
    }
    node_moved(node, &to->node);
    folder_leave(from, entry, node);
    return 0;
}

/* One of the two: what it names now, and where that is. */
static void entry_set(struct entry *entry, struct node *node)
{
    list_remove(&entry->of_node);
    if (node_is(entry->node, S_IFDIR))
        entry->folder->links--;
    if (node_is(node, S_IFDIR))
        entry->folder->links++;
    entry->node = node;
    list_add_last(&node->entries, &entry->of_node);
    node_moved(node, entry->folder);
    folder_touch(folder_of(entry->folder));
}

void folder_exchange(struct entry *a, struct entry *b)
{
    struct node *of_a = a->node;
    entry_set(a, b->node);
    entry_set(b, of_a);
}

bool folder_within(const struct node *folder, const struct node *node)
{
    while (folder != node && folder->parent != folder)
        folder = folder->parent;
    return folder == node;
}

/* Puts "/name" before `at`. NULL: no room. */
static char *path_prepend(char *buffer, char *at, const char *name, uint64_t length)
{
    if ((uint64_t)(at - buffer) < length + 1)
        return NULL;
    at -= length;
    memcpy(at, name, length);
    *--at = '/';
    return at;
}

char *node_path(const struct node *node, const struct node *root, char *buffer, uint64_t size,
                bool *reached)
{
    char *at = buffer + size - 1;
    *at = 0;
    while (node != root && at != NULL) {
        char own[NAME_SIZE_MAX];
        if (!list_empty(&node->entries)) {
            const struct entry *entry = CONTAINER_OF(node->entries.next, struct entry, of_node);
            at = path_prepend(buffer, at, entry->name, entry->length);
            node = entry->folder;
        } else if (node->ops->name != NULL) {
            at = path_prepend(buffer, at, own, node->ops->name(node, own));
            node = node->parent;
        } else {
            break;
        }
    }
    *reached = node == root;
    if (at != NULL && *at == 0)
        at = path_prepend(buffer, at, "", 0);
    return at;
}
