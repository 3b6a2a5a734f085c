/*
 * Sockets of the family AF_UNIX (unix(7)): streams, datagrams, and packets in sequence.
 *
 * A socket belongs to one open file, or, between connect and accept, to the listener that has it in
 * `pending`; it ends with that. What is sent is a packet in the receiver's queue, with who sent it
 * and what descriptors come along (rights.h). Senders are held back by what the receiver's queue
 * holds against their own SO_SNDBUF. Guarded by the server's lock.
 */
#ifndef LINUX_SOCKET_H
#define LINUX_SOCKET_H

#include "file.h"
#include "rights.h"
#include "socket_name.h"
#include <sys/socket.h>

#define SOCKET_SIZE     212992 /* SO_SNDBUF and SO_RCVBUF at first */
#define SOCKET_SIZE_MAX 425984 /* and at most */

enum socket_state { SOCKET_IDLE, SOCKET_LISTENS, SOCKET_CONNECTED };

struct packet {
    struct list among;        /* in socket->packets */
    struct ucred from;        /* who sent it */
    struct socket_name *name; /* of the sender, for datagrams; NULL: none */
    struct rights *rights;    /* NULL: none, or taken */
    uint32_t size, taken;     /* bytes; of a stream's those that were read */
    uint32_t cost;            /* in socket->queued */
    uint8_t bytes[];
};

struct socket {
    int32_t type;
    enum socket_state state; /* of streams and sequences; it stays when the peer goes */
    struct file *file;       /* not a reference; NULL: not accepted yet */
    struct list in_all;      /* in `sockets` */
    struct pollable pollable;
    struct socket *peer;                /* whom it sends to; NULL: nobody, or gone */
    struct list callers, among_callers; /* whose peer it is; with its peer */
    struct list pending, of_listener;   /* listeners: connections to be accepted; one of those */
    uint32_t pending_count, backlog;    /* of them; how many more than one there may be */
    struct list packets;                /* received */
    uint32_t queued;                    /* what those cost, bytes */
    uint32_t crowd; /* senders wait until `queued` is a quarter of this; 0: none */
    uint32_t send_size, receive_size;    /* SO_SNDBUF; SO_RCVBUF, which changes nothing */
    uint64_t send_time, receive_time;    /* nanoseconds that a wait may take; 0: any */
    uint64_t options;                    /* those that are kept: a bit each by number */
    bool shut_read, shut_write, refused; /* refused: the datagram's peer has gone (ECONNREFUSED) */
    int32_t error;                       /* SO_ERROR, not negated */
    struct ucred other;                  /* SO_PEERCRED; of listeners: who listens */
    struct socket_name *name, *peer_name;
    bool bound;           /* the name is its own */
    struct node *node;    /* bound to a path: that */
    struct socket *chain; /* bound to an abstract name: in its bucket */
    /* Of rights.c: references of its file that fly; for finding circles. */
    uint32_t flying;
    bool reached;
    struct list in_work;
};

extern struct list sockets; /* all */

/* A message of a program's, sent or received. */
struct socket_message {
    struct transfer transfer;
    uint32_t flags;           /* MSG_*, MSG_DONTWAIT also if the file says so */
    struct socket *to;        /* sent to a name: whose; NULL: to the peer */
    bool named;               /* an address was given */
    struct rights *rights;    /* to send: taken by who sends; received: the caller's. NULL: none */
    struct ucred from;        /* whom it says it is from; received: whom it is from */
    struct socket_name *name; /* received: the sender's, a reference; NULL: none */
    uint32_t told;            /* received: MSG_TRUNC, MSG_CTRUNC */
    bool bounded;             /* received: what follows is for another call */
};

/* Without a file. NULL: no memory. */
struct socket *socket_make(int32_t type);
/* Of a socket that no file has. */
void socket_free(struct socket *socket);
/* A file for it, to which it belongs then. NULL: no memory. */
struct file *socket_file(struct socket *socket, uint32_t flags);
/* It belongs to nobody again, and the file is closed. */
void socket_unfile(struct socket *socket);
/* NULL: another kind of file. */
struct socket *socket_of(const struct file *file);

static inline bool socket_connects(const struct socket *socket)
{
    return socket->type != SOCK_DGRAM;
}

/* `socket` sends to `peer` from now on; NULL: to nobody. Two that are connected do so both ways. */
void socket_join(struct socket *socket, struct socket *peer);
void socket_connect(struct socket *a, struct socket *b);
void socket_shut(struct socket *socket, bool read, bool write);

/* Whom the calling program is. */
struct ucred socket_self(const struct call *call);

/* Waits until `pollable` changes: WAIT, or `done`, or why not (-EAGAIN, -EINTR, RESTART_*). */
int64_t socket_wait(struct call *call, struct pollable *pollable, uint32_t flags, uint64_t time,
                    uint64_t done);

/* May wait; SIGPIPE is sent. Bytes or an error. */
int64_t socket_send(struct call *call, struct socket *socket, struct socket_message *message);
int64_t socket_receive(struct call *call, struct socket *socket, struct socket_message *message);

/* --- packets --- */

/* What all queues together may hold: they are the server's memory. -ENOBUFS above. */
void packets_limit(uint64_t bytes);
/* From the message's bytes, up to `size`; not in a queue. NULL: *error. */
struct packet *packet_make(struct socket_message *message, uint64_t size, int64_t *error);
/* Puts it into the receiver's queue, with the message's rights. */
void packet_queue(struct packet *packet, struct socket *to, struct socket_message *message);
/* Who sent it and its rights go to the message; the rights stay there as well for MSG_PEEK. */
void packet_tell(struct packet *packet, struct socket_message *message);
/* Out of the queue and away; who waits to send is told. */
void packet_drop(struct packet *packet, struct socket *socket);
/* The receiver's queue has too much for a sender with this SO_SNDBUF, who is to be woken. */
void packet_crowd(struct socket *to, uint32_t send_size);
static inline struct packet *packet_first(const struct socket *socket)
{
    return list_empty(&socket->packets) ? NULL
                                        : CONTAINER_OF(socket->packets.next, struct packet, among);
}

/* What each kind does for the above. */
int64_t stream_send(struct call *call, struct socket *socket, struct socket_message *message);
int64_t stream_receive(struct call *call, struct socket *socket, struct socket_message *message);
int64_t datagram_send(struct call *call, struct socket *socket, struct socket_message *message);
int64_t datagram_receive(struct call *call, struct socket *socket, struct socket_message *message);

#endif
