/* System calls on timers. */
#include "obj/timer.h"
#include "obj/thread.h"
#include "syscall/call.h"
#include "syscall/make.h"

error_t make_timer(struct thread *caller, struct job *job, slot_t port, uint64_t bits,
                   struct object **object)
{
    struct slot *slot;
    struct timer *timer;
    error_t error = slot_lookup(&caller->process->table, port, RIGHT_signal, &slot);
    if (error != OK)
        return error;
    error = timer_create(job, CONTAINER_OF(slot_kept(slot), struct port, object),
                         slot->badge == 0 ? bits : bits & slot->badge, &timer);
    if (error == OK)
        *object = &timer->object;
    return error;
}

outcome_t sys_timer_arm(struct thread *caller, struct slot *slot, uint64_t deadline,
                        uint64_t period)
{
    (void)caller;
    struct object *object = slot_kept(slot);
    return (outcome_t)timer_arm(CONTAINER_OF(object, struct timer, object), deadline, period);
}
