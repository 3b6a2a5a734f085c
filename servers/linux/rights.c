/* Descriptors on their way (rights.h). */
#include "rights.h"
#include "lib/types.h"
#include "socket.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLLECT_FIRST 1024 /* files in flight at which circles are looked for first */

static uint32_t flying, collect_at = COLLECT_FIRST;

struct rights *rights_make(uint32_t room)
{
    struct rights *rights = malloc(sizeof(*rights) + room * sizeof(struct file *));
    if (rights != NULL)
        *rights = (struct rights){.room = room};
    return rights;
}

struct rights *rights_copy(const struct rights *rights)
{
    struct rights *copy = rights_make(rights->count);
    if (copy == NULL)
        return NULL;
    for (uint32_t i = 0; i < rights->count; i++)
        copy->file[i] = file_get(rights->file[i]);
    copy->count = rights->count;
    return copy;
}

void rights_put(struct rights *rights)
{
    static struct list gone = LIST_INIT(gone);
    static bool busy;
    if (rights == NULL)
        return;
    list_add_last(&gone, &rights->among);
    if (busy)
        return; /* whoever is at it takes these, too */
    busy = true;
    while (!list_empty(&gone)) {
        struct rights *next = CONTAINER_OF(gone.next, struct rights, among);
        list_remove(&next->among);
        for (uint32_t i = 0; i < next->count; i++)
            file_put(next->file[i]);
        free(next);
    }
    busy = false;
}

/* Counts them in (+1) or out of flight (-1). */
static void count(struct rights *rights, bool in)
{
    for (uint32_t i = 0; i < rights->count; i++) {
        struct socket *socket = socket_of(rights->file[i]);
        if (socket != NULL)
            socket->flying += in ? 1 : UINT32_MAX;
    }
    flying += in ? rights->count : 0 - rights->count;
}

void rights_fly(struct rights *rights)
{
    count(rights, true);
}

void rights_land(struct rights *rights)
{
    assert(flying >= rights->count);
    count(rights, false);
}

/* --- circles --- */

static void reach(struct socket *socket, struct list *work)
{
    if (socket == NULL || socket->reached)
        return;
    socket->reached = true;
    list_add_last(work, &socket->in_work);
}

/* What can be had through a socket: what its queue brings, and connections to accept. */
static void reach_through(struct socket *socket, struct list *work)
{
    LIST_EACH(node, &socket->packets)
    {
        struct packet *packet = CONTAINER_OF(node, struct packet, among);
        for (uint32_t i = 0; packet->rights != NULL && i < packet->rights->count; i++)
            reach(socket_of(packet->rights->file[i]), work);
    }
    LIST_EACH(node, &socket->pending)
    {
        reach(CONTAINER_OF(node, struct socket, of_listener), work);
    }
}

/* Marks all sockets that a descriptor leads to, over however many queues. */
static void reach_all(void)
{
    struct list work = LIST_INIT(work);
    LIST_EACH(node, &sockets)
    {
        CONTAINER_OF(node, struct socket, in_all)->reached = false;
    }
    LIST_EACH(node, &sockets)
    {
        struct socket *socket = CONTAINER_OF(node, struct socket, in_all);
        if (socket->file != NULL && socket->file->references > socket->flying)
            reach(socket, &work);
    }
    while (!list_empty(&work)) {
        struct socket *socket = CONTAINER_OF(work.next, struct socket, in_work);
        list_remove(&socket->in_work);
        reach_through(socket, &work);
    }
}

/* Takes the rights out of a queue that nobody can read, and puts them into a list. */
static void strand(struct socket *socket, struct list *stranded)
{
    LIST_EACH(node, &socket->packets)
    {
        struct packet *packet = CONTAINER_OF(node, struct packet, among);
        if (packet->rights == NULL)
            continue;
        rights_land(packet->rights);
        list_add_last(stranded, &packet->rights->among);
        packet->rights = NULL;
    }
}

/* First all that nobody reaches is found, and only then let go of: closing changes the lists. */
static void collect(void)
{
    struct list stranded = LIST_INIT(stranded);
    reach_all();
    LIST_EACH(node, &sockets)
    {
        struct socket *socket = CONTAINER_OF(node, struct socket, in_all);
        if (!socket->reached)
            strand(socket, &stranded);
    }
    while (!list_empty(&stranded)) {
        struct rights *rights = CONTAINER_OF(stranded.next, struct rights, among);
        list_remove(&rights->among);
        rights_put(rights);
    }
    collect_at = flying < COLLECT_FIRST / 2 ? COLLECT_FIRST : 2 * flying;
}

int64_t rights_room(uint32_t more)
{
    if (flying + more > collect_at || flying + more > RIGHTS_IN_FLIGHT)
        collect();
    return flying + more <= RIGHTS_IN_FLIGHT ? 0 : -ETOOMANYREFS;
}
