/* System calls on capabilities (cap/ does the work). */
#include "cap/slot.h"
#include "obj/thread.h"
#include "syscall/call.h"

#define REVOKE_BUDGET 64 /* capabilities per step */

outcome_t sys_cap_derive(struct thread *caller, struct slot *source, rights_t rights,
                         uint64_t badge, slot_t *derived)
{
    struct slot *slot;
    error_t error = slot_reserve(&caller->process->table, &slot);
    if (error != OK)
        return (outcome_t)error;
    error = cap_derive(slot, source, rights, badge);
    if (error != OK)
        slot_unreserve(slot);
    else
        *derived = slot_handle(slot);
    return (outcome_t)error;
}

outcome_t sys_cap_delete(struct thread *caller, struct slot *slot)
{
    (void)caller;
    return (outcome_t)cap_delete(slot);
}

/* Progress is the tree itself, which shrinks; so each step is a whole call. */
outcome_t sys_cap_revoke(struct thread *caller, struct slot *slot)
{
    (void)caller;
    bool done;
    error_t error = cap_revoke(slot, REVOKE_BUDGET, &done);
    if (error != OK)
        return (outcome_t)error;
    return done ? (outcome_t)OK : (outcome_t)CALL_AGAIN;
}
