/*
 * Descriptors on their way in messages of sockets (SCM_RIGHTS of unix(7)).
 *
 * Rights hold a reference of each file. While they stand in a socket's queue they fly: then those
 * of their files that are sockets count it, since a socket whose every reference flies, in queues
 * that nobody can reach, is to be found and taken apart (rights_room). Guarded by the server's
 * lock.
 */
#ifndef LINUX_RIGHTS_H
#define LINUX_RIGHTS_H

#include "file.h"

#define RIGHTS_MAX       253   /* files of one message, as on Linux */
#define RIGHTS_IN_FLIGHT 16384 /* files in all queues together */

struct rights {
    struct list among; /* those to be let go of */
    uint32_t count, room;
    struct file *file[];
};

/* Empty, with room for so many. NULL: no memory. */
struct rights *rights_make(uint32_t room);
/* The same files again. NULL: no memory. */
struct rights *rights_copy(const struct rights *rights);
/* Lets go of them, which may close files, which may let go of others: no depth of that is a depth
 * of the stack. NULL: nothing. */
void rights_put(struct rights *rights);

/* Whether so many more may fly: 0 or -ETOOMANYREFS. Now and then takes circles apart. */
int64_t rights_room(uint32_t count);
/* They get into a queue, and out of it. */
void rights_fly(struct rights *rights);
void rights_land(struct rights *rights);

#endif
