/* Interrupt lines and who serves them (irq.h). Set at start-up by the boot CPU. */
#include "sched/irq.h"
#include "arch/irq.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "trace/log.h"

struct irq_handler {
    void (*serve)(void *context);
    void *context;
};

static struct irq_handler irq_handlers[IRQ_LINES]; /* an entry is written while it is masked */

error_t irq_attach(uint32_t line, void (*handler)(void *context), void *context)
{
    assert(handler != NULL);
    if (line >= IRQ_LINES)
        return ERR_bad_argument;
    if (irq_handlers[line].serve != NULL)
        return ERR_exists;
    irq_handlers[line] = (struct irq_handler){handler, context};
    error_t error = arch_irq_unmask(line);
    if (error != OK)
        irq_handlers[line].serve = NULL;
    return error;
}

void irq_detach(uint32_t line)
{
    assert(line < IRQ_LINES);
    arch_irq_mask(line);
    irq_handlers[line].serve = NULL;
}

void irq_dispatch(uint32_t line)
{
    if (line < IRQ_LINES && irq_handlers[line].serve != NULL) {
        irq_handlers[line].serve(irq_handlers[line].context);
        return;
    }
    arch_irq_mask(line);
    log_warn("irq", "line %u came without a handler; masked", line);
}

static error_t interrupts_start(void)
{
    error_t error = arch_irq_init();
    if (error == OK)
        arch_irq_init_cpu();
    return error;
}

SUBSYSTEM(interrupts, .level = LEVEL_interrupt, .privilege = PRIVILEGE_CORE,
          .start = interrupts_start)
