/* The part of a serial port that all chips share (uart.h). */
#include "chip/uart.h"
#include "arch/boot.h"
#include "arch/cpu.h"
#include "lib/print.h"
#include "sched/irq.h"
#include "trace/log.h"

error_t uart_choose(enum machine_uart kind, struct machine_register *where, uint32_t *irq)
{
    enum machine_uart found = the_machine.uart;
    *where = the_machine.uart_register;
    *irq = the_machine.uart_irq;
    if (found == UART_NONE)
        arch_default_uart(&found, where, irq);
    return found == kind ? OK : ERR_unsupported;
}

/* How many bytes may be put now; waits a bounded time for more than none. */
static uint32_t uart_room(struct uart *uart)
{
    uint32_t turns = uart->silent ? 1 : UART_PATIENCE;
    while (turns > 0 && !uart->ready(uart))
        turns--;
    uart->silent = turns == 0;
    return uart->silent ? 0 : uart->fifo;
}

static void uart_write(struct console *console, enum log_level level, const char *text, size_t size)
{
    struct uart *uart = CONTAINER_OF(console, struct uart, console);
    uint32_t room = 0;
    (void)level;
    for (size_t i = 0; i < size; i++) {
        if (room < 2)
            room = uart_room(uart);
        if (room == 0)
            return;
        if (text[i] == '\n') {
            uart->put(uart, '\r');
            room--;
        }
        uart->put(uart, (uint8_t)text[i]);
        room--;
    }
}

static void uart_interrupt(void *context)
{
    const struct uart *uart = context;
    uart->receive(uart);
}

/* Output works without: the machine is then watched, not commanded. */
static void uart_listen(struct uart *uart, uint32_t line)
{
    error_t error = irq_attach(line, uart_interrupt, uart);
    if (error != OK) {
        log_warn("uart", "%s takes no input: %s", uart->name, error_text(error));
        return;
    }
    uint64_t state = arch_irq_save();
    uart->listen(uart);
    /* What is there already raises no interrupt on chips that look at the first byte only. */
    uart->receive(uart);
    arch_irq_restore(state);
}

void uart_add(struct uart *uart, const char *chip, const struct machine_register *where,
              uint32_t line)
{
    char place[32];
    register_text(where, place, sizeof(place));
    print_buffer(uart->name, sizeof(uart->name), "%s at %s", chip, place);
    uart->console.name = uart->name;
    uart->console.write = uart_write;
    console_add(&uart->console);
    uart_listen(uart, line);
}
