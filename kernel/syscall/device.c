/* System calls on devices; and making objects that stand for hardware. */
#include "obj/device.h"
#include "lib/string.h"
#include "mem/memory.h"
#include "obj/ioport.h"
#include "obj/irq.h"
#include "obj/job.h"
#include "obj/thread.h"
#include "syscall/call.h"
#include "syscall/make.h"

#define MEMORY_RIGHTS (RIGHT_read | RIGHT_write | RIGHT_map) /* for DMA */

static struct device *device_of(const struct slot *slot)
{
    return CONTAINER_OF(slot_kept(slot), struct device, object);
}

/* The device that a capability names, if it names any. */
static error_t device_named(const struct thread *caller, slot_t name, struct device **device)
{
    struct slot *slot;
    *device = NULL;
    if (name.value == 0)
        return OK;
    error_t error = slot_lookup(&caller->process->table, name, RIGHT_drive, &slot);
    if (error == OK)
        *device = device_of(slot);
    return error;
}

static error_t make_irq(const struct thread *caller, struct job *job, slot_t parent, uint64_t line,
                        struct object **object)
{
    struct irq *irq;
    struct device *device;
    error_t error = device_named(caller, parent, &device);
    if (error == OK)
        error = irq_create(job, line, device, &irq);
    if (error == OK)
        *object = &irq->object;
    return error;
}

static error_t make_ioport(struct job *job, uint64_t range, struct object **object)
{
    struct ioport *ioport;
    error_t error = range >> 33 != 0
                        ? ERR_bad_argument
                        : ioport_create(job, range & 0xffff, (uint32_t)(range >> 16), &ioport);
    if (error == OK)
        *object = &ioport->object;
    return error;
}

/* Its page can change under us: it is copied first. */
static error_t make_device(struct job *job, const void *page, struct object **object)
{
    struct abi_device description;
    struct device *device;
    memcpy(&description, page, sizeof(description));
    error_t error = device_create(job, &description, &device);
    if (error == OK)
        *object = &device->object;
    return error;
}

error_t make_hardware(struct thread *caller, const struct slot *job_slot, enum object_kind kind,
                      slot_t parent, uint64_t value, struct object **object)
{
    struct job *job = CONTAINER_OF(slot_kept(job_slot), struct job, object);
    if (job != job_root || (job_slot->rights & RIGHT_control) == 0)
        return ERR_denied;
    return kind == OBJECT_irq      ? make_irq(caller, job, parent, value, object)
           : kind == OBJECT_ioport ? make_ioport(job, value, object)
                                   : make_device(job, caller->page, object);
}

error_t make_registers(struct thread *caller, struct job *job, slot_t device, uint64_t range,
                       struct object **object)
{
    struct memory *memory;
    struct device *found;
    error_t error = device_named(caller, device, &found);
    if (error == OK)
        error = device_registers(found, job, range, &memory);
    if (error == OK)
        *object = &memory->object;
    return error;
}

outcome_t sys_dma_map(struct thread *caller, struct slot *slot, slot_t memory, uint64_t offset,
                      uint64_t size)
{
    struct slot *found;
    uint64_t addresses[DMA_PAGES_MAX];
    error_t error = slot_lookup(&caller->process->table, memory, MEMORY_RIGHTS, &found);
    if (error != OK)
        return (outcome_t)error;
    struct memory *object = CONTAINER_OF(slot_kept(found), struct memory, object);
    error = device_dma_map(device_of(slot), caller->process->job, object, offset, size, addresses);
    if (error == OK)
        memcpy(caller->page, addresses, size / PAGE_SIZE * sizeof(addresses[0]));
    return (outcome_t)error;
}

outcome_t sys_dma_unmap(struct thread *caller, struct slot *slot, slot_t memory, uint64_t offset,
                        uint64_t size)
{
    struct slot *found;
    error_t error = slot_lookup(&caller->process->table, memory, MEMORY_RIGHTS, &found);
    if (error != OK)
        return (outcome_t)error;
    struct memory *object = CONTAINER_OF(slot_kept(found), struct memory, object);
    return (outcome_t)device_dma_unmap(device_of(slot), object, offset, size);
}

outcome_t sys_device_reset(struct thread *caller, struct slot *slot)
{
    (void)caller;
    if ((slot->rights & RIGHT_write) == 0)
        return ERR_denied;
    return device_reset_step(device_of(slot)) ? (outcome_t)CALL_AGAIN : (outcome_t)OK;
}
