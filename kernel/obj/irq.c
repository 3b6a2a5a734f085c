/* Interrupts as objects (irq.h). */
#include "obj/irq.h"
#include "lib/assert.h"
#include "obj/device.h"
#include "sched/cpu.h"
#include "sched/irq.h"

/* On the CPU that took the interrupt, which holds no lock. A line whose object just retired may
 * still come by: it is unbound. */
static void irq_fire(void *context)
{
    struct irq *irq = context;
    spinlock_enter(&irq->object.lock);
    bool armed = irq->state == IRQ_ARMED;
    if (irq->state != IRQ_UNBOUND)
        irq->state = armed ? IRQ_TAKEN : IRQ_AGAIN;
    if (!irq->edge || !armed)
        arch_irq_mask(irq->line);
    struct port *port = irq->port;
    uint64_t bits = irq->bits;
    spinlock_exit(&irq->object.lock);
    if (armed)
        port_interrupt(cpu_self(), port, bits);
}

/* To a free line that is raised by messages: the device's, where those of each are told apart. */
static error_t attach_message(struct irq *irq, struct device *device)
{
    const struct irq_devices *devices = arch_irq_devices();
    if (devices == NULL)
        return irq_attach_message(irq_fire, irq, &irq->line);
    if (device == NULL)
        return ERR_unsupported;
    if (!object_try_get(&device->object))
        return ERR_bad_slot;
    irq->device = device;
    error_t error = device_messages(device);
    if (error == OK)
        error = irq_attach_message(irq_fire, irq, &irq->line);
    if (error == OK)
        devices->connect(irq->line, device_bus_id(device));
    return error;
}

/* Until it is bound, it is masked by the first interrupt, if not by us. */
error_t irq_create(struct job *job, uint64_t line, struct device *device, struct irq **result)
{
    struct object *object;
    if (device != NULL && line != IRQ_ANY_MESSAGE)
        return ERR_bad_argument;
    error_t error = object_make(job, OBJECT_irq, sizeof(struct irq), &object);
    if (error != OK)
        return error;
    struct irq *irq = CONTAINER_OF(object, struct irq, object);
    irq->line = line < IRQ_LINES ? (uint32_t)line : IRQ_LINES;
    error = line == IRQ_ANY_MESSAGE ? attach_message(irq, device)
                                    : irq_attach(irq->line, irq_fire, irq);
    if (error != OK) {
        irq->line = IRQ_LINES; /* none, for retire */
        object_put(object);
        return error;
    }
    arch_irq_mask(irq->line);
    irq->edge = arch_irq_edge(irq->line);
    *result = irq;
    return OK;
}

/* Returns the port of before. */
static struct port *bind_locked(struct irq *irq, struct port *port, uint64_t bits)
{
    struct port *before = irq->port;
    debug_assert(spinlock_held(&irq->object.lock));
    irq->port = port;
    irq->bits = bits;
    irq->state = port != NULL ? IRQ_ARMED : IRQ_UNBOUND;
    return before;
}

error_t irq_bind(struct irq *irq, struct port *port, uint64_t bits)
{
    if (bits == 0)
        return ERR_bad_argument;
    if (!port_source_get(port))
        return ERR_bad_slot;
    irq_state_t flags = spinlock_lock(&irq->object.lock);
    struct port *old = port; /* if the object's last capability went, the line is not ours now */
    error_t error = object_retiring(&irq->object) ? ERR_bad_slot : OK;
    if (error == OK) {
        old = bind_locked(irq, port, bits);
        irq->cpu = cpu_self();
        (void)arch_irq_unmask(irq->line, irq->cpu);
    }
    spinlock_unlock(&irq->object.lock, flags);
    if (old != NULL)
        port_source_put(old);
    return error;
}

error_t irq_acknowledge(struct irq *irq)
{
    irq_state_t flags = spinlock_lock(&irq->object.lock);
    enum irq_state state = (enum irq_state)irq->state;
    struct port *port = irq->port;
    uint64_t bits = irq->bits;
    if (state == IRQ_AGAIN || state == IRQ_TAKEN) {
        irq->state = state == IRQ_AGAIN ? IRQ_TAKEN : IRQ_ARMED;
        if (!irq->edge || state == IRQ_AGAIN)
            (void)arch_irq_unmask(irq->line, irq->cpu);
    }
    spinlock_unlock(&irq->object.lock, flags);
    if (state == IRQ_AGAIN)
        port_signal(port, bits);
    return state == IRQ_UNBOUND ? ERR_bad_argument : OK;
}

static bool irq_retire(struct object *object)
{
    struct irq *irq = CONTAINER_OF(object, struct irq, object);
    irq_state_t flags = spinlock_lock(&object->lock);
    struct port *port = bind_locked(irq, NULL, 0);
    spinlock_unlock(&object->lock, flags);
    assert(port == NULL || irq->line != IRQ_LINES);
    if (irq->line != IRQ_LINES) {
        if (irq->device != NULL)
            arch_irq_devices()->disconnect(irq->line);
        irq_detach(irq->line);
    }
    if (irq->device != NULL)
        object_put(&irq->device->object);
    if (port != NULL)
        port_source_put(port);
    return true;
}

const struct object_ops irq_ops = {.name = "irq", .retire = irq_retire, .free = object_free};
