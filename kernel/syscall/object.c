/* System calls on objects of any kind: create. */
#include "ipc/port.h"
#include "lib/assert.h"
#include "mem/mapping.h"
#include "mem/memory.h"
#include "obj/job.h"
#include "obj/process.h"
#include "obj/thread.h"
#include "syscall/call.h"
#include "syscall/make.h"

static struct job *job_of(struct object *object)
{
    assert(object->kind == OBJECT_job);
    return CONTAINER_OF(object, struct job, object);
}

static error_t make_job(struct job *job, struct object **object)
{
    struct job *made;
    error_t error = job_create(job, &made);
    if (error == OK)
        *object = &made->object;
    return error;
}

static error_t make_process(struct job *job, struct object **object)
{
    struct process *made;
    error_t error = process_create(job, &made);
    if (error == OK)
        *object = &made->object;
    return error;
}

/* In the process that `parent` names; its message page is mapped at `page`. */
static error_t make_thread(struct thread *caller, slot_t parent, uint64_t page,
                           struct object **object)
{
    struct slot *slot;
    struct thread *made;
    error_t error = slot_lookup(&caller->process->table, parent, RIGHT_space | RIGHT_table, &slot);
    if (error != OK)
        return error;
    struct object *process = slot_hold(slot);
    if (process == NULL)
        return ERR_bad_slot;
    error = thread_create(CONTAINER_OF(process, struct process, object), (uaddr_t){page}, &made);
    object_put(process);
    if (error == OK)
        *object = &made->object;
    return error;
}

static error_t make_memory(struct job *job, uint64_t bytes, struct object **object)
{
    struct memory *made;
    error_t error = memory_create(job, bytes, &made);
    if (error == OK)
        *object = &made->object;
    return error;
}

static error_t make_port(struct job *job, uint64_t depth, struct object **object)
{
    struct port *made;
    error_t error =
        depth > PORT_DEPTH_MAX ? ERR_bad_argument : port_create(job, (uint32_t)depth, &made);
    if (error == OK)
        *object = &made->object;
    return error;
}

static error_t make_reply(struct job *job, struct object **object)
{
    struct reply *made;
    error_t error = reply_create(job, &made);
    if (error == OK)
        *object = &made->object;
    return error;
}

static error_t make(struct thread *caller, const struct slot *job_slot, uint64_t kind,
                    slot_t parent, uint64_t value, struct object **object)
{
    struct job *job = job_of(slot_kept(job_slot));
    switch (kind) {
    case OBJECT_job:
        return make_job(job, object);
    case OBJECT_process:
        return make_process(job, object);
    case OBJECT_thread:
        return make_thread(caller, parent, value, object);
    case OBJECT_memory:
        return parent.value == 0 ? make_memory(job, value, object)
                                 : make_registers(caller, job, parent, value, object);
    case OBJECT_port:
        return make_port(job, value, object);
    case OBJECT_reply:
        return make_reply(job, object);
    case OBJECT_timer:
        return make_timer(caller, job, parent, value, object);
    case OBJECT_irq:
    case OBJECT_ioport:
    case OBJECT_device:
        return make_hardware(caller, job_slot, (enum object_kind)kind, parent, value, object);
    default:
        return ERR_bad_argument;
    }
}

outcome_t sys_object_create(struct thread *caller, struct slot *job, uint64_t kind, slot_t parent,
                            uint64_t value, slot_t *created)
{
    struct slot *slot;
    struct object *object;
    error_t error = slot_reserve(&caller->process->table, &slot);
    if (error != OK)
        return (outcome_t)error;
    error = make(caller, job, kind, parent, value, &object);
    if (error != OK) {
        slot_unreserve(slot);
        return (outcome_t)error;
    }
    cap_make(slot, object, (rights_t){RIGHTS_ALL}, 0);
    object_put(object); /* the slot's is enough */
    *created = slot_handle(slot);
    return OK;
}
