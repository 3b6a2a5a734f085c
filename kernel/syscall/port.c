/* System calls on ports: send, receive, call, reply, signal (ipc/ does the work). */
#include "ipc/reply.h"
#include "ipc/transfer.h"
#include "obj/thread.h"
#include "syscall/answer.h"
#include "syscall/call.h"

outcome_t sys_port_send(struct cpu *self, struct thread *caller)
{
    return send_from_thread(self, caller, MESSAGE_send);
}

outcome_t sys_port_call(struct cpu *self, struct thread *caller)
{
    return send_from_thread(self, caller, MESSAGE_call);
}

outcome_t sys_port_receive(struct cpu *self, struct thread *caller)
{
    return receive_into_thread(self, caller);
}

/* The answer by the caller's operand 1; not_found and nothing done if nobody is bound. */
static error_t answer(struct thread *caller)
{
    struct slot *slot;
    slot_t handle = {frame_operand(&caller->frame, 1)};
    error_t error = slot_lookup(&caller->process->table, handle, RIGHT_answer, &slot);
    if (error != OK)
        return error;
    struct reply *reply = CONTAINER_OF(slot_kept(slot), struct reply, object);
    if ((frame_control(&caller->frame) & CONTROL_RANGE) != 0)
        error = answer_range(caller, reply);
    return error != OK ? error : reply_answer(caller, reply);
}

outcome_t sys_port_reply(struct cpu *self, struct thread *caller)
{
    (void)self;
    return (outcome_t)answer(caller);
}

/*
 * Two steps: when the answer is given the call goes on as port_receive, also in the registers, so
 * that it is never given twice. A caller that left needs no answer.
 */
outcome_t sys_port_reply_receive(struct cpu *self, struct thread *caller)
{
    struct slot *slot;
    slot_t handle = {frame_operand(&caller->frame, 0)};
    error_t error = slot_lookup(&caller->process->table, handle, RIGHT_receive, &slot);
    if (error == OK)
        error = answer(caller);
    if (error != OK && error != ERR_not_found)
        return (outcome_t)error;
    frame_set_control(&caller->frame, CALL_port_receive);
    return receive_into_thread(self, caller);
}

outcome_t sys_port_signal(struct cpu *self, struct thread *caller)
{
    (void)self;
    struct slot *slot;
    slot_t handle = {frame_operand(&caller->frame, 0)};
    error_t error = slot_lookup(&caller->process->table, handle, RIGHT_signal, &slot);
    if (error != OK)
        return (outcome_t)error;
    /* A badge on a capability that signals bounds the bits that it may set. */
    uint64_t bits = frame_word(&caller->frame, 0);
    port_signal(CONTAINER_OF(slot_kept(slot), struct port, object),
                slot->badge == 0 ? bits : bits & slot->badge);
    return OK;
}
