/*
 * What comes along with messages of sockets (cmsg(3)): descriptors and credentials.
 */
#ifndef LINUX_CONTROL_H
#define LINUX_CONTROL_H

#include "socket.h"

/* Room for it in a program's memory, and what was written there. */
struct control {
    struct call *call;
    uaddr_t at;
    uint64_t room, used;
    uint32_t told; /* MSG_CTRUNC: there was more */
};

/* Reads what a program sends into the message: rights, and whom it says it is. -EINVAL, -EBADF,
 * -EPERM (somebody else), -ETOOMANYREFS, -ENOBUFS, -ENOMEM, -EFAULT; rights are then the caller's,
 * too. */
int64_t control_read(struct call *call, uaddr_t at, uint64_t size, struct socket_message *message);

/* Writes credentials; makes descriptors of rights and writes those. What has no room is left out,
 * and told. */
void control_credentials(struct control *control, const struct ucred *from);
void control_rights(struct control *control, const struct rights *rights, bool on_exec);

#endif
