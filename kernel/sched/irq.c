/* Interrupt lines and who serves them (irq.h). */
#include "sched/irq.h"
#include "arch/irq.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "sched/cpu.h"
#include "trace/log.h"
#include <stdatomic.h>

struct irq_handler {
    _Atomic(bool) taken;
    void *context; /* written by who took the line, before `serve` */
    void (*_Atomic serve)(void *context);
};

static struct irq_handler irq_handlers[IRQ_LINES];

/* Lines that are raised by messages lie here, among others perhaps; written once, at start. */
static uint32_t messages_first = IRQ_LINES, messages_end;

error_t irq_attach(uint32_t line, void (*serve)(void *context), void *context)
{
    assert(serve != NULL);
    if (line >= IRQ_LINES)
        return ERR_bad_argument;
    struct irq_handler *handler = &irq_handlers[line];
    if (atomic_exchange(&handler->taken, true))
        return ERR_exists;
    handler->context = context;
    atomic_store_explicit(&handler->serve, serve, memory_order_release);
    error_t error = arch_irq_unmask(line, &boot_cpu);
    if (error != OK)
        irq_detach(line);
    return error;
}

/* A CPU that has just looked may still call it: who attaches the line next is called for nothing.
 */
void irq_detach(uint32_t line)
{
    assert(line < IRQ_LINES && atomic_load(&irq_handlers[line].taken));
    arch_irq_mask(line);
    atomic_store_explicit(&irq_handlers[line].serve, NULL, memory_order_relaxed);
    atomic_store_explicit(&irq_handlers[line].taken, false, memory_order_release);
}

void irq_dispatch(uint32_t line)
{
    if (line < IRQ_LINES) {
        struct irq_handler *handler = &irq_handlers[line];
        void (*serve)(void *) = atomic_load_explicit(&handler->serve, memory_order_acquire);
        if (serve != NULL) {
            serve(handler->context);
            return;
        }
    }
    arch_irq_mask(line);
    log_warn("irq", "line %u came without a handler; masked", line);
}

error_t irq_attach_message(void (*serve)(void *context), void *context, uint32_t *line)
{
    struct irq_message message;
    for (*line = messages_end; (*line)-- > messages_first;)
        if (arch_irq_message(*line, &boot_cpu, &message) == OK &&
            irq_attach(*line, serve, context) == OK)
            return OK;
    return ERR_unsupported;
}

void irq_find_messages(void)
{
    struct irq_message message;
    for (uint32_t line = 0; line < IRQ_LINES; line++)
        if (arch_irq_message(line, &boot_cpu, &message) == OK) {
            if (messages_end == 0)
                messages_first = line;
            messages_end = line + 1;
        }
}

static error_t interrupts_start(void)
{
    error_t error = arch_irq_init();
    if (error == OK) {
        arch_irq_init_cpu();
        irq_find_messages();
    }
    return error;
}

SUBSYSTEM(interrupts, .level = LEVEL_interrupt, .privilege = PRIVILEGE_CORE,
          .start = interrupts_start)
