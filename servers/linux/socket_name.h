/*
 * Names of sockets (unix(7)): a path, with a node in the tree; or an abstract name, whose first
 * byte is 0.
 *
 * A name is shared by who has it, by its connections and by packets on their way, and does not
 * change. A socket that ends frees its abstract name; the node of a path stays until it is
 * unlinked, and leads nowhere.
 */
#ifndef LINUX_SOCKET_NAME_H
#define LINUX_SOCKET_NAME_H

#include "call.h"

#define NAME_SIZE 108 /* bytes of sun_path */

struct socket;

struct socket_name {
    uint32_t references;
    uint32_t size; /* bytes of `path`, with the end of a path's text; 0: of no name */
    char path[NAME_SIZE + 1];
};

struct socket_name *name_get(struct socket_name *name); /* NULL: NULL */
void name_put(struct socket_name *name);                /* NULL: nothing */

/*
 * A program's sockaddr_un, into a name on the caller's stack. -EINVAL: not one (for AF_UNSPEC, too:
 * *family tells), -EFAULT.
 */
int64_t name_read(struct call *call, uaddr_t at, uint64_t size, struct socket_name *name,
                  uint32_t *family);
/*
 * Tells a name (NULL: AF_UNIX alone) to a program that has `room` bytes at `at`, and how long it
 * is to the word at `size_at`.
 */
int64_t name_tell(struct call *call, const struct socket_name *name, uaddr_t at, uint32_t room,
                  uaddr_t size_at);

/* Gives it to the socket; a size of 0: an abstract one of five digits. -EINVAL: it has one;
 * -EADDRINUSE, -ENOMEM, and as mknod's. */
int64_t name_bind(struct call *call, struct socket *socket, const struct socket_name *name);
/* The socket's name is free again. */
void name_leave(struct socket *socket);
/* Whose it is: no reference. -ECONNREFUSED, -EPROTOTYPE: of another type; and as of paths. */
int64_t name_find(struct call *call, const struct socket_name *name, int32_t type,
                  struct socket **found);

#endif
