/*
 * Owning a thread that stands still, to look at it and to change it.
 *
 *     hold_thread   one that is new, stopped (suspended, frozen), or held like the following
 *     hold_reply    one that a reply object holds with a fault, a foreign call or a kick; a native
 *                   call tells its server nothing but the message
 *     hold_end      gives it back to where it was; what others wanted of it meanwhile is done
 *
 * A stopped thread that waited in a call is in *issue* afterwards. Between the two nobody else
 * changes it, so both are in one system call.
 */
#pragma once

#include "ipc/port.h"
#include "obj/thread.h"

struct hold {
    struct thread *thread;
    struct reply *reply; /* that held it; NULL: none */
    uint32_t status;     /* enum thread_status without one: parked or new */
};

/* busy: it is none of that, or somebody else looks at it; dead. */
error_t hold_thread(struct hold *hold, struct thread *thread);

/* not_found: it holds none. */
error_t hold_reply(struct hold *hold, struct reply *reply);
void hold_end(struct hold *hold);
