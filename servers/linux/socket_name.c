/* Names of sockets (socket_name.h). */
#include "socket_name.h"
#include "call_file.h"
#include "socket.h"
#include "tmpfs.h"
#include "user.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS     256
#define NAMES_OF_US (1 << 20) /* names that bind chooses itself */

static struct socket *abstract[BUCKETS];

struct address {
    uint16_t family;
    char path[NAME_SIZE];
};

#define PATH_AT offsetof(struct address, path)

struct socket_name *name_get(struct socket_name *name)
{
    if (name != NULL)
        name->references++;
    return name;
}

void name_put(struct socket_name *name)
{
    if (name != NULL && --name->references == 0)
        free(name);
}

int64_t name_read(struct call *call, uaddr_t at, uint64_t size, struct socket_name *name,
                  uint32_t *family)
{
    struct address address = {0};
    *family = AF_UNIX;
    if (size < PATH_AT || size > sizeof(address))
        return -EINVAL;
    int64_t result = user_read(call->task, &address, at, size);
    if (result != 0)
        return result;
    *family = address.family;
    if (address.family != AF_UNIX)
        return -EINVAL;
    *name = (struct socket_name){.size = (uint32_t)(size - PATH_AT)};
    memcpy(name->path, address.path, name->size);
    if (name->size != 0 && name->path[0] != 0)
        name->size = (uint32_t)strlen(name->path) + 1;
    return 0;
}

int64_t name_tell(struct call *call, const struct socket_name *name, uaddr_t at, uint32_t room,
                  uaddr_t size_at)
{
    uint8_t told[sizeof(uint16_t) + NAME_SIZE + 1] = {AF_UNIX};
    uint32_t size = PATH_AT + (name != NULL ? name->size : 0);
    if (name != NULL)
        memcpy(told + PATH_AT, name->path, name->size);
    int64_t result = user_write(call->task, at, told, min_u64(size, room));
    return result != 0 ? result : user_write(call->task, size_at, &size, sizeof(size));
}

/* --- abstract names --- */

static struct socket **bucket_of(const struct socket_name *name)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < name->size; i++)
        hash = (hash ^ (uint8_t)name->path[i]) * 0x01000193;
    return &abstract[(hash ^ hash >> 16) % BUCKETS];
}

static struct socket *abstract_find(const struct socket_name *name)
{
    struct socket *socket = *bucket_of(name);
    while (socket != NULL && (socket->name->size != name->size ||
                              memcmp(socket->name->path, name->path, name->size) != 0))
        socket = socket->chain;
    return socket;
}

static void abstract_add(struct socket *socket)
{
    struct socket **bucket = bucket_of(socket->name);
    socket->chain = *bucket;
    *bucket = socket;
}

/* A name that nobody has: as Linux makes them. */
static int64_t abstract_choose(struct socket_name *name)
{
    static uint32_t next;
    for (uint32_t tries = 0; tries < NAMES_OF_US; tries++) {
        name->size = 6;
        name->path[0] = 0;
        (void)snprintf(name->path + 1, 6, "%05x", next++ % NAMES_OF_US);
        if (abstract_find(name) == NULL)
            return 0;
    }
    return -ENOSPC;
}

/* --- paths --- */

static struct socket **place_of(struct node *node)
{
    struct special *special = special_of(node);
    return special != NULL && node_is(node, S_IFSOCK) ? &special->socket : NULL;
}

static int64_t path_bind(struct call *call, struct socket *socket, const char *path)
{
    struct walk walk;
    int64_t result = walk_text(&walk, call->task, AT_FDCWD, path, WALK_MISSING);
    if (result == 0)
        result = walk_special(&walk, S_IFSOCK | 0777, 0);
    if (result == 0) {
        socket->node = node_get(walk.node);
        *place_of(socket->node) = socket;
    }
    walk_end(&walk);
    return result == -EEXIST ? -EADDRINUSE : result;
}

static int64_t path_socket(struct call *call, const char *path, struct socket **found)
{
    struct walk walk;
    int64_t result = walk_text(&walk, call->task, AT_FDCWD, path, WALK_FOLLOW);
    if (result == 0)
        result = node_allows(walk.node, MAY_WRITE, call->task);
    if (result == 0) {
        struct socket **place = place_of(walk.node);
        *found = place != NULL ? *place : NULL;
    }
    walk_end(&walk);
    return result;
}

/* --- both --- */

int64_t name_bind(struct call *call, struct socket *socket, const struct socket_name *name)
{
    if (socket->name != NULL)
        return -EINVAL;
    struct socket_name *own = malloc(sizeof(*own));
    if (own == NULL)
        return -ENOMEM;
    *own = *name;
    own->references = 1;
    int64_t result = 0;
    if (own->size == 0)
        result = abstract_choose(own);
    else if (own->path[0] != 0)
        result = path_bind(call, socket, own->path);
    else if (abstract_find(own) != NULL)
        result = -EADDRINUSE;
    if (result != 0) {
        name_put(own);
        return result;
    }
    socket->name = own;
    socket->bound = true;
    if (own->path[0] == 0)
        abstract_add(socket);
    return 0;
}

void name_leave(struct socket *socket)
{
    if (!socket->bound)
        return; /* a connection shares its listener's */
    if (socket->node != NULL) {
        *place_of(socket->node) = NULL;
        node_put(socket->node);
        return;
    }
    struct socket **link = bucket_of(socket->name);
    while (*link != socket)
        link = &(*link)->chain;
    *link = socket->chain;
}

int64_t name_find(struct call *call, const struct socket_name *name, int32_t type,
                  struct socket **found)
{
    struct socket *socket = NULL;
    if (name->size == 0)
        return -EINVAL;
    int64_t result = 0;
    if (name->path[0] != 0)
        result = path_socket(call, name->path, &socket);
    else
        socket = abstract_find(name);
    if (result != 0)
        return result;
    if (socket == NULL)
        return -ECONNREFUSED;
    *found = socket;
    return socket->type == type ? 0 : -EPROTOTYPE;
}
