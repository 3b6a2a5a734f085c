/* The signal mask of a call that waits (ppoll, pselect6, epoll_pwait): while it waits, and no
 * longer. */
#ifndef LINUX_MASK_H
#define LINUX_MASK_H

#include "call.h"

/* Address 0: none. In the first run: -EFAULT, -EINVAL. */
int64_t mask_begin(struct call *call, uaddr_t at, uint64_t size);
/* What the call returns: unless a signal is to be taken first (its handler runs with the mask, and
 * then the old one comes back), the old mask is back. */
int64_t mask_end(struct call *call, int64_t result);

#endif
