/* System calls on interrupts and I/O ports. */
#include "obj/irq.h"
#include "arch/boot.h"
#include "obj/ioport.h"
#include "obj/thread.h"
#include "sched/cpu.h"
#include "syscall/call.h"

static struct irq *irq_of(const struct slot *slot)
{
    return CONTAINER_OF(slot_kept(slot), struct irq, object);
}

outcome_t sys_irq_bind(struct thread *caller, struct slot *slot, slot_t port, uint64_t bits,
                       uint64_t *address, uint64_t *data)
{
    struct slot *port_slot;
    struct irq *irq = irq_of(slot);
    struct irq_message message = {0};
    error_t error = slot_lookup(&caller->process->table, port, RIGHT_signal, &port_slot);
    if (error != OK)
        return (outcome_t)error;
    (void)arch_irq_message(irq->line, cpu_self(), &message); /* zeros for one by wire */
    *address = message.address;
    *data = message.data;
    return (outcome_t)irq_bind(irq, CONTAINER_OF(slot_kept(port_slot), struct port, object),
                               port_slot->badge == 0 ? bits : bits & port_slot->badge);
}

outcome_t sys_irq_acknowledge(struct thread *caller, struct slot *slot)
{
    (void)caller;
    return (outcome_t)irq_acknowledge(irq_of(slot));
}

static error_t port_check(const struct slot *slot, uint64_t port, uint64_t bytes)
{
    return ioport_check(CONTAINER_OF(slot_kept(slot), struct ioport, object), port, bytes);
}

outcome_t sys_ioport_read(struct thread *caller, struct slot *slot, uint64_t port, uint64_t bytes,
                          uint64_t *value)
{
    (void)caller;
    error_t error = port_check(slot, port, bytes);
    if (error == OK)
        *value = arch_port_read((uint16_t)port, (uint32_t)bytes);
    return (outcome_t)error;
}

outcome_t sys_ioport_write(struct thread *caller, struct slot *slot, uint64_t port, uint64_t bytes,
                           uint64_t value)
{
    (void)caller;
    error_t error = port_check(slot, port, bytes);
    if (error == OK)
        arch_port_write((uint16_t)port, (uint32_t)bytes, (uint32_t)value);
    return (outcome_t)error;
}
